/*
 * COPY in both directions.  Data passes in pieces: neither side's memory
 * grows with the table.
 */
#include "pgc_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/log.h>

#include "pgc_options.h"
#include "pgc_query.h"
#include "pgc_stat.h"

#define PIECE 65536

/* ---- in ---- */

/* Sends one piece and waits until the socket has taken it. */
static int put(struct pgc_call *call, const char *data, size_t len)
{
	while (len > 0) {
		size_t n = len < PIECE ? len : PIECE;
		int rc = PQputCopyData(call->conn->pq, data, (int)n);

		if (rc == -1) {
			pgc_query_send_failed(call);
			pgc_conn_lose(call->conn);
			errno = ECONNRESET;
			return -1;
		}
		if (pgc_conn_flush(call->conn, call->deadline) == -1)
			return -1;
		/* 0: libpq had no room; now it has. */
		if (rc == 1) {
			data += n;
			len -= n;
			call->s->result.bytes += (int64_t)n;
		}
	}
	return 0;
}

/* 0 when all is sent, 1 when the caller gave up, -1 after a failure. */
static int put_all(struct pgc_call *call, const struct pg_copy_args *args)
{
	char *piece;
	int64_t n;
	int rc = 0;

	if (args->fill == NULL)
		return put(call, args->data, args->len);
	piece = malloc(PIECE);
	if (piece == NULL)
		return 1;
	while (rc == 0) {
		n = args->fill(call->s->user, piece, PIECE, args->arg);
		if (n <= 0 || n > PIECE) {
			rc = n == 0 ? 0 : 1;
			break;
		}
		rc = put(call, piece, (size_t)n);
	}
	free(piece);
	return rc;
}

/* 0 when the results are to be looked at, or -1 when the connection was given
 * up. */
static int feed(struct pgc_call *call, const struct pg_copy_args *args)
{
	int rc = put_all(call, args);

	if (rc == -1 && errno == ETIMEDOUT) {
		/* Given up in the way that COPY has for it. */
		rc = 1;
		call->timed_out = true;
		call->deadline = swarm_in(pgc_options.grace);
	} else if (rc == -1) {
		return pgc_query_unwaited(call) == -1 ? -1 : 0;
	}
	if (PQputCopyEnd(call->conn->pq, rc == 0 ? NULL :
	    "given up by the client") != 1) {
		pgc_query_send_failed(call);
		return -1;
	}
	if (pgc_conn_flush(call->conn, call->deadline) == -1)
		return pgc_query_unwaited(call) == -1 ? -1 : 0;
	return 0;
}

/* ---- out ---- */

/* One row when there is one: its length, 0 to wait, -1 at the end, -2 after a
 * failure. */
static int take_data(struct pgc_call *call, const struct pg_copy_args *args)
{
	struct pg *s = call->s;
	char *data = NULL;
	int n = PQgetCopyData(call->conn->pq, &data, 1);

	if (n <= 0)
		return n;
	pgc_conn_row(call->conn);
	if (call->cancelled) {
		PQfreemem(data);
		return n;
	}
	s->result.rows++;
	s->result.bytes += n;
	if (args->chunk != NULL &&
	    args->chunk(s->user, data, (size_t)n, args->arg) != 0)
		pgc_query_cancel(call);
	PQfreemem(data);
	return n;
}

/* As feed(). */
static int drain(struct pgc_call *call, const struct pg_copy_args *args)
{
	int rc = 0;

	while (rc == 0) {
		int n = take_data(call, args);

		if (n < 0)
			return 0;
		if (n == 0 && pgc_conn_wait_input(call->conn,
		    call->deadline) == -1)
			rc = pgc_query_unwaited(call);
	}
	return rc == -1 ? -1 : 0;
}

/* ---- both ---- */

static void collect(struct pgc_call *call, const struct pg_copy_args *args,
    ExecStatusType wanted)
{
	bool copied = false;
	PGresult *r;

	while (pgc_query_next(call, &r) == 0 && r != NULL) {
		ExecStatusType status = PQresultStatus(r);

		if (status == wanted && !copied) {
			PQclear(r);
			copied = true;
			if ((wanted == PGRES_COPY_IN ? feed(call, args) :
			    drain(call, args)) == -1)
				return;
			continue;
		}
		if (pgc_query_take(call, r) == -1)
			return;
	}
	if (!copied && call->s->error.state[0] == '\0')
		pgc_error_set(&call->s->error, PGC_MISUSE,
		    "the statement is no COPY in this direction");
}

static const struct pg_result *copy(struct swarm_user *u, const char *sql,
    const struct pg_copy_args *args, ExecStatusType wanted)
{
	struct pg *s = pgc_session_of(u, args->on);
	char space[PGC_NAME_MAX];
	struct pgc_call call = { .sql = sql, .type = "SQL copy",
		.is_copy = true, .space = space };
	const struct pg_result *early;

	if (pgc_query_begin(s, &call, args->name, &early) == -1)
		return early;
	call.deadline = pgc_query_deadline(args->timeout);
	pgc_conn_begin(call.conn);
	if (!PQsendQuery(call.conn->pq, sql) || pgc_conn_push(call.conn) == -1)
		pgc_query_send_failed(&call);
	else
		collect(&call, args, wanted);
	pgc_conn_end(call.conn);
	pgc_query_finish(&call);
	pgc_session_end(s);
	return &s->result;
}

const struct pg_result *pgc_copy_in(struct swarm_user *u, const char *sql,
    const struct pg_copy_args *args)
{
	return copy(u, sql, args, PGRES_COPY_IN);
}

const struct pg_result *pgc_copy_out(struct swarm_user *u, const char *sql,
    const struct pg_copy_args *args)
{
	return copy(u, sql, args, PGRES_COPY_OUT);
}
