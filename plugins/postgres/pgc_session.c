/*
 * Sessions, and how they come by a connection.
 *
 * Memory for sessions is the C library's and checked by ending the process,
 * as swarm's own does: a user without a session could only fail for ever.
 */
#include "pgc_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/log.h>

#include "pgc_cancel.h"
#include "pgc_notify.h"
#include "pgc_options.h"
#include "pgc_pipe.h"
#include "pgc_query.h"
#include "pgc_stat.h"

#define RETRY_DELAY_MAX (INT64_C(2) * 1000000000)

static void *must(void *memory)
{
	if (memory != NULL)
		return memory;
	swarm_error("out of memory");
	abort();
}

static struct pg *session_new(struct swarm_user *u)
{
	struct pgc_user *slot = swarm_slot(u, pgc_options.slot);
	struct pg *s = must(calloc(1, sizeof(*s)));

	s->user = u;
	s->connect_timeout = pgc_options.connect_timeout;
	s->next = slot->sessions;
	slot->sessions = s;
	return s;
}

struct pg *pgc_session_own(struct swarm_user *u)
{
	struct pgc_user *slot = swarm_slot(u, pgc_options.slot);

	if (slot->own == NULL)
		slot->own = session_new(u);
	return slot->own;
}

struct pg *pgc_session_of(struct swarm_user *u, struct pg *on)
{
	return on != NULL ? on : pgc_session_own(u);
}

struct pg *pgc_session_connect(struct swarm_user *u,
    const struct pg_connect_args *args)
{
	struct pg *s = session_new(u);

	if (args->conninfo != NULL)
		s->conninfo = must(strdup(args->conninfo));
	if (args->timeout > 0)
		s->connect_timeout = args->timeout;
	s->wants_own = args->own;
	if (pgc_session_begin(s) != NULL)
		pgc_session_end(s);
	return s;
}

static void session_free(struct pg *s)
{
	pgc_pipe_free(s->pipe);
	pgc_session_drop(s);
	pgc_inbox_free(s->inbox);
	PQclear(s->rows);
	while (s->named != NULL) {
		struct pgc_named *n = s->named;

		s->named = n->next;
		free(n->name);
		free(n->sql);
		free(n);
	}
	free(s->conninfo);
	free(s);
}

/* Ended for those who are in a call on it, too.  They still look at it, so it
 * stays until the user's end. */
static void cut_short(struct pg *s)
{
	s->closed = true;
	if (s->conn == NULL)
		return;
	s->conn->given_up = true;
	pgc_conn_lose(s->conn);
}

void pgc_session_close(struct pg *s)
{
	struct pgc_user *slot;
	struct pg **at;

	if (s == NULL)
		return;
	slot = swarm_slot(s->user, pgc_options.slot);
	if (s->busy || pgc_inbox_is_waited(s->inbox)) {
		if (slot->own == s)
			slot->own = NULL;
		cut_short(s);
		return;
	}
	for (at = &slot->sessions; *at != NULL && *at != s;)
		at = &(*at)->next;
	if (*at == s)
		*at = s->next;
	if (slot->own == s)
		slot->own = NULL;
	session_free(s);
}

void pgc_session_destroy(struct swarm_user *u, void *arg)
{
	struct pgc_user *slot = arg;

	(void)u;
	while (slot->sessions != NULL) {
		struct pg *s = slot->sessions;

		slot->sessions = s->next;
		session_free(s);
	}
	slot->own = NULL;
}

void pgc_session_info(struct pg *s, struct pg_info *out)
{
	struct pg_info info = { .size = out->size };
	size_t size = out->size < sizeof(info) ? out->size : sizeof(info);

	if (pgc_conn_usable(s->conn)) {
		PGTransactionStatusType tx =
		    PQtransactionStatus(s->conn->pq);

		info.connected = true;
		info.in_transaction = tx == PQTRANS_INTRANS ||
		    tx == PQTRANS_INERROR;
		info.encrypted = PQsslInUse(s->conn->pq);
		info.server_version = PQserverVersion(s->conn->pq);
		info.backend_pid = PQbackendPID(s->conn->pq);
	}
	memcpy(out, &info, size);
}

int pgc_session_cancel(struct pg *s)
{
	if (!pgc_conn_usable(s->conn) || !s->conn->active) {
		errno = ENOTCONN;
		return -1;
	}
	pgc_stat_count(PGC_CANCELS, 1);
	return pgc_cancel_send(s->conn->pq, swarm_in(pgc_options.grace));
}

/* ---- connecting ---- */

static struct pgc_target *find_target(struct pg *s)
{
	const char *given = s->conninfo;
	char why[PGC_ERROR_MAX];
	struct pgc_target *target;
	char *text;

	if (given == NULL && pgc_options.conninfo[0] != '\0')
		given = pgc_options.conninfo;
	if (given == NULL)
		given = swarm_host(s->user);
	text = must(pgc_target_string(given));
	target = pgc_target_get(text, why, sizeof(why));
	free(text);
	if (target == NULL)
		pgc_error_set(&s->error, PGC_CANNOT_CONNECT,
		    "bad connection string: %s", why);
	return target;
}

static int prepare_target(struct pg *s)
{
	if (s->target != NULL)
		return 0;
	s->target = find_target(s);
	if (s->target == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (pgc_options.pool > 0 && !s->wants_own)
		s->pool = must(pgc_pool_get(s->target, pgc_options.pool));
	return 0;
}

/* After a failure the next attempt waits a little, each time longer, so that
 * users without a think time do not spin while the server is away. */
static void put_off(struct pg *s)
{
	s->retry_delay = s->retry_delay > 0 ? s->retry_delay * 2 :
	    (int64_t)(pgc_options.retry_delay * 1e9);
	if (s->retry_delay > RETRY_DELAY_MAX)
		s->retry_delay = RETRY_DELAY_MAX;
	s->retry_at = swarm_now() + s->retry_delay;
}

static struct pgc_conn *obtain(struct pg *s, struct pgc_phases *phases)
{
	int64_t deadline = swarm_in(s->connect_timeout);
	int64_t waited;
	struct pgc_conn *conn;

	if (s->pool == NULL)
		return pgc_dial(s->target, deadline, pgc_options.max_result,
		    phases, &s->error);
	conn = pgc_pool_take(s->pool, deadline, pgc_options.max_result,
	    &waited, phases, &s->error);
	if (conn != NULL)
		pgc_stat_observe("SQL pool", "wait", waited, 0);
	return conn;
}

static int connect_session(struct pg *s)
{
	struct pgc_phases phases = { .total = -1 };
	int64_t start;

	if (swarm_now() < s->retry_at && swarm_sleep_until(s->retry_at) == -1)
		return -1;
	start = swarm_now();
	if (prepare_target(s) == 0)
		s->conn = obtain(s, &phases);
	if (s->conn == NULL) {
		if (s->error.state[0] == '\0')
			return -1;
		pgc_stat_refused(s->user, start, &s->error);
		put_off(s);
		errno = ENOTCONN;
		return -1;
	}
	s->retry_delay = 0;
	if (phases.total >= 0)
		pgc_stat_connected(&phases);
	return 0;
}

/* Sees to a connection that can be used: 0; or -1 with errno, and s->error
 * unless the user is being stopped. */
static int ready_session(struct pg *s)
{
	if (s->conn != NULL && !pgc_conn_usable(s->conn))
		pgc_session_drop(s);
	if (s->conn != NULL && !s->closed)
		return 0;
	if (!s->closed && connect_session(s) == -1)
		return -1;
	if (!s->closed)
		return s->inbox != NULL ? pgc_inbox_resume(s) : 0;
	/* Perhaps while it connected. */
	pgc_session_drop(s);
	pgc_error_set(&s->error, PGC_MISUSE, "the session was closed");
	errno = ENOTCONN;
	return -1;
}

struct pgc_conn *pgc_session_begin(struct pg *s)
{
	int error;

	pgc_error_clear(&s->error);
	s->busy = true;
	if (ready_session(s) == 0)
		return s->conn;
	error = errno;
	if (s->error.state[0] == '\0')
		pgc_error_set(&s->error, PGC_STOPPED,
		    "the user is being stopped");
	s->busy = false;
	errno = error;
	return NULL;
}

void pgc_session_drop(struct pg *s)
{
	struct pgc_conn *conn = s->conn;

	if (conn == NULL)
		return;
	s->conn = NULL;
	conn->notified = NULL;
	conn->dropped = NULL;
	if (conn->lost && !conn->given_up)
		pgc_stat_count(PGC_DISCONNECTS, 1);
	/* In the middle of something it is of no use to others. */
	if (conn->active || PQtransactionStatus(conn->pq) != PQTRANS_IDLE)
		conn->lost = true;
	if (s->pool != NULL)
		pgc_pool_give(s->pool, conn);
	else
		pgc_conn_free(conn);
}

void pgc_session_leave_pool(struct pg *s)
{
	s->wants_own = true;
	if (s->pool != NULL && s->conn != NULL)
		pgc_pool_let_go(s->pool);
	s->pool = NULL;
}

void pgc_session_end(struct pg *s)
{
	s->busy = false;
	if (s->conn == NULL)
		return;
	if (!pgc_conn_usable(s->conn)) {
		pgc_session_drop(s);
		return;
	}
	/* A transaction stays where it is. */
	if (s->pool != NULL &&
	    PQtransactionStatus(s->conn->pq) == PQTRANS_IDLE)
		pgc_session_drop(s);
}

/* ---- results ---- */

void pgc_session_clear(struct pg *s)
{
	PQclear(s->rows);
	s->rows = NULL;
	memset(&s->result, 0, sizeof(s->result));
	s->result.size = sizeof(s->result);
	s->result.error = "";
}

const struct pg_result *pgc_session_failed(struct pg *s)
{
	pgc_session_clear(s);
	memcpy(s->result.sqlstate, s->error.state, sizeof(s->error.state));
	s->result.error = s->error.text;
	return &s->result;
}

const struct pg_result *pgc_session_busy(void)
{
	static const struct pg_result busy = {
		.size = sizeof(busy), .sqlstate = PGC_MISUSE,
		.error = "another fiber is using this session",
	};

	return &busy;
}
