/*
 * Statements.  The hot path of a prepared one: a look-up of its name, one
 * send, one wait that a single read ends, one PGresult, one sample.
 */
#include "pgc_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/stats.h>

#include "pgc_bind.h"
#include "pgc_cancel.h"
#include "pgc_options.h"
#include "pgc_pipe.h"
#include "pgc_stat.h"

enum pg_mode pgc_query_mode(const struct pg_query_args *args)
{
	enum pg_mode mode = args != NULL ? args->mode : PG_AUTO;
	bool needs_binding = args != NULL &&
	    (args->params != NULL || args->binary);

	if (mode == PG_AUTO)
		mode = pgc_options.mode;
	if (mode == PG_AUTO || (mode == PG_SIMPLE && needs_binding))
		mode = needs_binding ? PG_EXTENDED : PG_SIMPLE;
	return mode;
}

const char *pgc_query_type(enum pg_mode mode)
{
	switch (mode) {
	case PG_SIMPLE:
		return "SQL simple";
	case PG_PREPARED:
		return "SQL prepared";
	default:
		return "SQL extended";
	}
}

int64_t pgc_query_deadline(double timeout)
{
	if (timeout == 0)
		timeout = pgc_options.timeout;
	return timeout > 0 ? swarm_in(timeout) : SWARM_FOREVER;
}

/* ---- sending ---- */

void pgc_query_send_failed(struct pgc_call *call)
{
	const char *text = PQerrorMessage(call->conn->pq);

	pgc_conn_check(call->conn);
	pgc_error_set(&call->s->error, call->conn->lost ? PGC_CONNECTION_LOST :
	    PGC_MISUSE, "%.*s", (int)strcspn(text, "\n"), text);
}

static const struct pgc_bound *bind_params(struct pgc_call *call,
    const struct pg_query_args *args)
{
	const struct pgc_bound *b = pgc_bind(args != NULL ? args->params :
	    NULL);

	if (b == NULL)
		pgc_error_set(&call->s->error, PGC_MISUSE,
		    "more than %d parameters, or one of more than 2 GiB",
		    PG_PARAMS_MAX);
	return b;
}

static int send_call(struct pgc_call *call, enum pg_mode mode,
    const char *stmt, const struct pg_query_args *args)
{
	PGconn *pq = call->conn->pq;
	const struct pgc_bound *b = NULL;
	int binary = args != NULL && args->binary;
	int ok;

	if (mode != PG_SIMPLE) {
		b = bind_params(call, args);
		if (b == NULL)
			return -1;
	}
	if (mode == PG_SIMPLE)
		ok = PQsendQuery(pq, call->sql);
	else if (mode == PG_EXTENDED)
		ok = PQsendQueryParams(pq, call->sql, b->count, b->types,
		    b->values, b->lengths, b->formats, binary);
	else
		ok = PQsendQueryPrepared(pq, stmt, b->count, b->values,
		    b->lengths, b->formats, binary);
	if (ok && call->streamed)
		ok = PQsetSingleRowMode(pq);
	if (!ok || pgc_conn_push(call->conn) == -1) {
		pgc_query_send_failed(call);
		return -1;
	}
	return 0;
}

/* ---- collecting ---- */

static int give_up(struct pgc_call *call, const char *state,
    const char *text)
{
	call->conn->given_up = true;
	pgc_conn_lose(call->conn);
	pgc_error_set(&call->s->error, state, "%s", text);
	return -1;
}

static int after_loss(struct pgc_call *call)
{
	struct pgc_conn *c = call->conn;

	if (call->s->closed)
		return give_up(call, PGC_MISUSE,
		    "the session was closed meanwhile");
	if (c->too_large)
		return give_up(call, PGC_TOO_LARGE, "the result is larger than"
		    " max_result: use .discard or .row");
	if (call->s->error.state[0] != '\0')
		return -1;
	if (PQstatus(c->pq) == CONNECTION_OK)
		return give_up(call, PGC_CONNECTION_LOST,
		    "the socket cannot be watched");
	return 1;
}

int pgc_query_cancel(struct pgc_call *call)
{
	call->cancelled = true;
	pgc_stat_count(PGC_CANCELS, 1);
	if (pgc_cancel_send(call->conn->pq, swarm_in(pgc_options.grace)) == 0 ||
	    errno != ETIMEDOUT)
		return 0;
	/* It may yet come, and then to another statement. */
	return give_up(call, PGC_CANCELLED,
	    "no answer to the request to cancel");
}

int pgc_query_unwaited(struct pgc_call *call)
{
	if (errno == ECONNRESET)
		return after_loss(call);
	if (errno == ECANCELED)
		return give_up(call, PGC_STOPPED,
		    "the user is being stopped");
	if (call->timed_out)
		return give_up(call, PGC_CANCELLED, "timeout, and no answer "
		    "to the request to cancel");
	call->timed_out = true;
	call->deadline = swarm_in(pgc_options.grace);
	return pgc_query_cancel(call);
}

int pgc_query_next(struct pgc_call *call, PGresult **out)
{
	int rc = 0;

	while (rc == 0 && pgc_conn_wait(call->conn, call->deadline) == -1)
		rc = pgc_query_unwaited(call);
	if (rc == -1)
		return -1;
	*out = PQgetResult(call->conn->pq);
	return 0;
}

static int64_t value_bytes(const PGresult *r)
{
	int rows = PQntuples(r);
	int columns = PQnfields(r);
	int64_t bytes = 0;
	int row;
	int col;

	for (row = 0; row < rows; row++) {
		for (col = 0; col < columns; col++)
			bytes += PQgetlength(r, row, col);
	}
	return bytes;
}

/* One row of a streamed result. */
static void take_row(struct pgc_call *call, PGresult *r)
{
	struct pg *s = call->s;
	int64_t bytes = value_bytes(r);
	struct pg_result row = { .size = sizeof(row), .ok = true,
		.sqlstate = "00000", .error = "", .rows = 1, .bytes = bytes,
		.columns = PQnfields(r), .pgresult = r };

	pgc_conn_row(call->conn);
	if (call->cancelled)
		return;
	s->result.rows++;
	s->result.bytes += bytes;
	if (call->row != NULL && call->row(s->user, &row, call->arg) != 0)
		pgc_query_cancel(call);
}

static void take_error(struct pgc_call *call, const PGresult *r)
{
	struct pg *s = call->s;
	struct pgc_conn *c = call->conn;

	/* After a fatal error comes the end of the connection as another. */
	if (s->error.state[0] != '\0')
		return;
	pgc_error_from_result(&s->error, r);
	if (call->timed_out && strcmp(s->error.state, PGC_CANCELLED) == 0)
		pgc_error_set(&s->error, PGC_CANCELLED,
		    "cancelled after its timeout");
	pgc_conn_check(c);
	/* Before it hung up the server may have said why. */
	if (c->lost && strcmp(s->error.state, PGC_CONNECTION_LOST) == 0 &&
	    c->farewell_state[0] != '\0')
		pgc_error_set(&s->error, c->farewell_state, "%s", c->farewell);
}

/* Out of a COPY that nobody here can serve. */
static int refuse_copy(struct pgc_call *call, ExecStatusType status)
{
	if (status == PGRES_COPY_IN) {
		if (PQputCopyEnd(call->conn->pq, "use pg_copy_in()") == 1 &&
		    pgc_conn_push(call->conn) == 0)
			return 0;
		pgc_query_send_failed(call);
		return -1;
	}
	return give_up(call, PGC_MISUSE, "use pg_copy_out() for COPY TO");
}

/* Keeps the last result, clears the others.  0, or -1 when the connection is
 * of no further use. */
int pgc_query_take(struct pgc_call *call, PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);
	struct pg *s = call->s;

	switch (status) {
	case PGRES_SINGLE_TUPLE:
		take_row(call, r);
		PQclear(r);
		return 0;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		PQclear(r);
		return refuse_copy(call, status);
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		break;
	default:
		take_error(call, r);
		PQclear(r);
		return 0;
	}
	PQclear(s->rows);
	s->rows = r;
	return 0;
}

static int64_t affected(PGresult *r)
{
	const char *text = PQcmdTuples(r);
	char *end;
	long long n = strtoll(text, &end, 10);

	return end != text ? n : 0;
}

void pgc_query_fill(struct pg *s)
{
	struct pg_result *out = &s->result;

	out->ok = true;
	memcpy(out->sqlstate, "00000", 6);
	if (s->rows == NULL)
		return;
	out->columns = PQnfields(s->rows);
	out->affected = affected(s->rows);
	out->rows = PQntuples(s->rows);
	out->bytes = value_bytes(s->rows);
	out->pgresult = s->rows;
}

/* Now, when nothing was sent or nothing came. */
static int64_t end_of(const struct pgc_call *call)
{
	int64_t arrived = call->conn->arrived;

	return arrived > call->start ? arrived : swarm_now();
}

/* From the last PGresult to struct pg_result. */
static void fill_result(struct pgc_call *call)
{
	struct pg *s = call->s;
	struct pg_result *out = &s->result;
	struct pgc_conn *c = call->conn;
	int64_t rows = out->rows;
	int64_t bytes = out->bytes;
	int64_t end = end_of(call);

	out->total_ns = end - call->start;
	out->first_ns = (c->first > call->start ? c->first : end) -
	    call->start;
	/* The row callback ended it; the server's word for that is 57014. */
	if (call->cancelled && !call->timed_out &&
	    strcmp(s->error.state, PGC_CANCELLED) == 0)
		pgc_error_clear(&s->error);
	if (s->error.state[0] != '\0') {
		memcpy(out->sqlstate, s->error.state, sizeof(out->sqlstate));
		out->error = s->error.text;
		return;
	}
	pgc_query_fill(s);
	if (!call->streamed && !call->is_copy)
		return;
	/* Counted as they passed; nothing is left to be read. */
	out->rows = rows;
	out->bytes = bytes;
	out->pgresult = NULL;
}

static void collect(struct pgc_call *call)
{
	PGresult *r;

	while (pgc_query_next(call, &r) == 0 && r != NULL) {
		if (pgc_query_take(call, r) == -1)
			break;
	}
}

static void record(struct pgc_call *call)
{
	struct pg *s = call->s;
	struct pgc_sample sample = { .user = s->user,
		.series = swarm_series(call->type, call->name),
		.start = call->start, .bytes = s->result.bytes };

	/* Nobody's fault, and no measurement. */
	if (strcmp(s->error.state, PGC_STOPPED) == 0)
		return;
	sample.end = end_of(call);
	if (s->error.state[0] != '\0') {
		sample.err = &s->error;
		if (s->tx_error.state[0] == '\0')
			s->tx_error = s->error;
		/* A body that goes on after a conflict is told 25P02, which
		 * is the conflict still. */
		if (s->may_retry && pgc_error_retryable(&s->tx_error) &&
		    strcmp(s->error.state, "25P02") == 0)
			return;
		/* pg_transaction() tries again: no failure yet. */
		if (s->may_retry && pgc_error_retryable(&s->error)) {
			pgc_stat_error(&s->error);
			pgc_stat_observe("SQL retried", call->name,
			    sample.end - sample.start, 0);
			return;
		}
	}
	pgc_stat_sample(&sample);
	pgc_stat_count(PGC_ROWS, s->result.rows);
	pgc_stat_count(PGC_BYTES, s->result.bytes);
	if (call->streamed && sample.err == NULL && s->result.rows > 0)
		pgc_stat_observe("SQL first row", call->name,
		    s->result.first_ns, 0);
}

void pgc_query_finish(struct pgc_call *call)
{
	fill_result(call);
	record(call);
}

/* ---- one statement ---- */

/* A round trip of its own: together with the statement it would already hold a
 * snapshot. */
const char *pgc_query_parse(struct pgc_call *call,
    const struct pg_query_args *args, bool observed)
{
	struct pgc_conn *c = call->conn;
	const char *name = pgc_conn_stmt(c, call->sql);
	const struct pgc_bound *b;
	int64_t start = swarm_now();

	if (name != NULL)
		return name;
	b = bind_params(call, args);
	if (b == NULL)
		return NULL;
	name = pgc_conn_stmt_add(c, call->sql);
	if (name == NULL) {
		pgc_error_set(&call->s->error, PGC_MISUSE,
		    "too many prepared statements on one connection");
		return NULL;
	}
	if (!PQsendPrepare(c->pq, name, call->sql, b->count, b->types) ||
	    pgc_conn_push(c) == -1)
		pgc_query_send_failed(call);
	else
		collect(call);
	if (call->s->error.state[0] != '\0') {
		pgc_conn_stmt_drop(c, call->sql);
		return NULL;
	}
	if (observed)
		pgc_stat_observe("SQL prepare", call->name,
		    c->arrived - start, 0);
	pgc_session_clear(call->s);
	return name;
}

static void run_call(struct pgc_call *call, enum pg_mode mode,
    const struct pg_query_args *args)
{
	const char *stmt = NULL;

	pgc_conn_begin(call->conn);
	if (mode == PG_PREPARED) {
		bool streamed = call->streamed;

		call->streamed = false;
		stmt = pgc_query_parse(call, args, true);
		call->streamed = streamed;
		pgc_conn_begin(call->conn);
	}
	if ((mode != PG_PREPARED || stmt != NULL) &&
	    send_call(call, mode, stmt, args) == 0)
		collect(call);
	/* Deallocated behind our back: the next time it is parsed again. */
	if (stmt != NULL && strcmp(call->s->error.state, "26000") == 0)
		pgc_conn_stmt_drop(call->conn, call->sql);
	pgc_conn_end(call->conn);
	pgc_query_finish(call);
}

static void set_name(struct pgc_call *call, const char *name)
{
	call->name = name != NULL ? name :
	    pgc_stat_name(call->sql, call->space);
}

const struct pg_result *pgc_query_refused(struct pg *s)
{
	if (s->busy)
		return pgc_session_busy();
	pgc_session_clear(s);
	if (!pgc_pipe_is_open(s))
		return NULL;
	pgc_error_set(&s->error, PGC_MISUSE,
	    "a pipeline is under way: pg_drain() first");
	return pgc_session_failed(s);
}

int pgc_query_begin(struct pg *s, struct pgc_call *call, const char *name,
    const struct pg_result **early)
{
	*early = pgc_query_refused(s);
	if (*early != NULL)
		return -1;
	call->s = s;
	call->conn = pgc_session_begin(s);
	if (call->conn == NULL) {
		*early = pgc_session_failed(s);
		return -1;
	}
	set_name(call, name);
	call->start = swarm_now();
	return 0;
}

const struct pg_result *pgc_query_on(struct pg *s, const char *sql,
    const struct pg_query_args *args)
{
	enum pg_mode mode = pgc_query_mode(args);
	char space[PGC_NAME_MAX];
	struct pgc_call call = { .sql = sql, .type = pgc_query_type(mode),
		.space = space };
	const struct pg_result *early;

	if (pgc_query_begin(s, &call, args != NULL ? args->name : NULL,
	    &early) == -1)
		return early;
	if (args != NULL) {
		call.row = args->row;
		call.arg = args->arg;
		call.streamed = args->discard || args->row != NULL;
	}
	call.deadline = pgc_query_deadline(args != NULL ? args->timeout : 0);
	run_call(&call, mode, args);
	pgc_session_end(s);
	return &s->result;
}

const struct pg_result *pgc_query(struct swarm_user *u, const char *sql,
    const struct pg_query_args *args)
{
	return pgc_query_on(pgc_session_of(u, args != NULL ? args->on : NULL), sql,
	    args);
}

int pgc_query_simple(struct pg *s, const char *sql, const char *name,
    double timeout)
{
	char space[PGC_NAME_MAX];
	struct pgc_call call = { .s = s, .conn = s->conn, .sql = sql,
		.type = pgc_query_type(PG_SIMPLE), .start = swarm_now(),
		.space = space };

	pgc_session_clear(s);
	pgc_error_clear(&s->error);
	set_name(&call, name);
	call.deadline = pgc_query_deadline(timeout);
	run_call(&call, PG_SIMPLE, NULL);
	return s->result.ok ? 0 : -1;
}
