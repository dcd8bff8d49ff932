/*
 * Pipelines.  What is on its way is kept in order in a list; libpq hands the
 * results out in that order, with a NULL behind each statement's and a
 * PGRES_PIPELINE_SYNC for each sync point.
 */
#include "pgc_pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/stats.h>

#include "pgc_bind.h"
#include "pgc_query.h"
#include "pgc_stat.h"

#define PIPE_MAX 65536          /* statements and sync points under way */

enum entry_kind { ENTRY_STATEMENT, ENTRY_PREPARE, ENTRY_SYNC };

struct entry {
	enum entry_kind kind;
	uint32_t series;
	int64_t start;                  /* of a sync point: of its group */
	unsigned depth;                 /* of a sync point: its statements */
	unsigned stmt;                  /* ENTRY_PREPARE: its number */
	void (*done)(struct swarm_user *, const struct pg_result *, void *);
	void *arg;
};

struct pgc_pipe {
	struct entry *entries;
	size_t cap;
	size_t first;                   /* whose result is the next */
	size_t count;
	bool is_open;
	unsigned unsynced;              /* statements since the last sync */
	int64_t group_start;            /* when the first of them was sent */
	int failed;
};

bool pgc_pipe_is_open(const struct pg *s)
{
	return s->pipe != NULL && s->pipe->is_open;
}

void pgc_pipe_free(struct pgc_pipe *p)
{
	if (p == NULL)
		return;
	free(p->entries);
	free(p);
}

/* Nothing is added while results are taken, so the list only grows and is then
 * used up. */
static struct entry *push(struct pgc_pipe *p)
{
	if (p->count == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct entry *grown;

		if (p->count >= PIPE_MAX)
			return NULL;
		grown = realloc(p->entries, cap * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		p->entries = grown;
		p->cap = cap;
	}
	return &p->entries[p->count++];
}

/* ---- queueing ---- */

static int open_pipe(struct pg *s)
{
	if (s->pipe == NULL) {
		s->pipe = calloc(1, sizeof(*s->pipe));
		if (s->pipe == NULL)
			return -1;
	}
	pgc_session_clear(s);
	if (pgc_session_begin(s) == NULL)
		return -1;
	s->busy = false;
	if (!PQenterPipelineMode(s->conn->pq)) {
		pgc_session_end(s);
		return -1;
	}
	pgc_conn_begin(s->conn);
	s->pipe->is_open = true;
	s->pipe->unsynced = 0;
	s->pipe->first = 0;
	s->pipe->count = 0;
	s->pipe->failed = 0;
	return 0;
}

static int send_failed(struct pg *s)
{
	pgc_conn_check(s->conn);
	errno = s->conn->lost ? ENOTCONN : EINVAL;
	return -1;
}

static const char *prepare_in_pipe(struct pg *s, const char *sql,
    const struct pgc_bound *b)
{
	const char *name = pgc_conn_stmt(s->conn, sql);
	struct entry *e;

	if (name != NULL)
		return name;
	name = pgc_conn_stmt_add(s->conn, sql);
	if (name == NULL || !PQsendPrepare(s->conn->pq, name, sql, b->count,
	    b->types)) {
		pgc_conn_stmt_drop(s->conn, sql);
		return NULL;
	}
	e = push(s->pipe);
	if (e == NULL) {
		/* Sent, but its result would be taken for another's. */
		pgc_conn_lose(s->conn);
		return NULL;
	}
	*e = (struct entry){ .kind = ENTRY_PREPARE,
		.stmt = s->conn->stmt_serial };
	return name;
}

static int send_statement(struct pg *s, const char *sql, enum pg_mode mode,
    const struct pg_query_args *args)
{
	const struct pgc_bound *b = pgc_bind(args->params);
	PGconn *pq = s->conn->pq;
	const char *name;

	if (b == NULL)
		return 0;
	if (mode != PG_PREPARED)
		return PQsendQueryParams(pq, sql, b->count, b->types,
		    b->values, b->lengths, b->formats, args->binary);
	name = prepare_in_pipe(s, sql, b);
	return name != NULL && PQsendQueryPrepared(pq, name, b->count,
	    b->values, b->lengths, b->formats, args->binary);
}

int pgc_pipe_queue(struct swarm_user *u, const char *sql,
    const struct pg_query_args *args)
{
	struct pg *s = pgc_session_of(u, args->on);
	enum pg_mode mode = pgc_query_mode(args);
	char shortened[PGC_NAME_MAX];
	struct entry e = { .kind = ENTRY_STATEMENT, .done = args->done,
		.arg = args->arg };
	struct entry *place;

	if (s->busy || args->row != NULL || args->discard) {
		errno = EINVAL;
		return -1;
	}
	if (mode == PG_SIMPLE)
		mode = PG_EXTENDED;
	if (!pgc_pipe_is_open(s) && open_pipe(s) == -1)
		return -1;
	if (s->conn->lost || s->pipe->count + 2 >= PIPE_MAX) {
		errno = s->conn->lost ? ENOTCONN : EAGAIN;
		return -1;
	}
	e.series = swarm_series(pgc_query_type(mode), args->name != NULL ?
	    args->name : pgc_stat_name(sql, shortened));
	e.start = swarm_now();
	if (!send_statement(s, sql, mode, args))
		return send_failed(s);
	place = push(s->pipe);
	if (place == NULL) {
		pgc_conn_lose(s->conn);
		errno = ENOMEM;
		return -1;
	}
	*place = e;
	if (s->pipe->unsynced++ == 0)
		s->pipe->group_start = e.start;
	return 0;
}

static int sync_pipe(struct pg *s)
{
	struct entry *e = push(s->pipe);

	if (e == NULL) {
		errno = EAGAIN;
		return -1;
	}
	*e = (struct entry){ .kind = ENTRY_SYNC,
		.depth = s->pipe->unsynced, .start = s->pipe->group_start };
	if (!PQpipelineSync(s->conn->pq) || pgc_conn_push(s->conn) == -1)
		return send_failed(s);
	s->pipe->unsynced = 0;
	return 0;
}

int pgc_pipe_sync(struct swarm_user *u, struct pg *on)
{
	struct pg *s = pgc_session_of(u, on);

	if (s->busy || !pgc_pipe_is_open(s)) {
		errno = EINVAL;
		return -1;
	}
	return sync_pipe(s);
}

/* ---- draining ---- */

/* One statement's last result, or its failure. */
static void take(struct pg *s, PGresult *r)
{
	switch (PQresultStatus(r)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		PQclear(s->rows);
		s->rows = r;
		return;
	case PGRES_PIPELINE_ABORTED:
		/* Its own PREPARE failed, and has said why. */
		if (s->error.state[0] != '\0')
			break;
		pgc_error_set(&s->error, "25P02", "skipped: an earlier "
		    "statement of the pipeline failed");
		break;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		/* Not possible in a pipeline, says libpq, and hangs. */
		pgc_conn_lose(s->conn);
		pgc_error_set(&s->error, PGC_MISUSE,
		    "COPY cannot be in a pipeline");
		break;
	default:
		if (s->error.state[0] == '\0')
			pgc_error_from_result(&s->error, r);
		break;
	}
	PQclear(r);
}

static void finish_statement(struct pg *s, const struct entry *e)
{
	struct pg_result *out = &s->result;
	struct pgc_sample sample = { .user = s->user, .series = e->series,
		.start = e->start, .end = s->conn->arrived };

	out->total_ns = sample.end - e->start;
	out->first_ns = out->total_ns;
	if (s->error.state[0] != '\0') {
		memcpy(out->sqlstate, s->error.state, sizeof(out->sqlstate));
		out->error = s->error.text;
		sample.err = &s->error;
		s->pipe->failed++;
	} else {
		pgc_query_fill(s);
		sample.bytes = out->bytes;
	}
	if (strcmp(s->error.state, PGC_STOPPED) != 0)
		pgc_stat_sample(&sample);
	pgc_stat_count(PGC_ROWS, out->rows);
	pgc_stat_count(PGC_BYTES, out->bytes);
	if (e->done != NULL)
		e->done(s->user, out, e->arg);
	pgc_session_clear(s);
	pgc_error_clear(&s->error);
}

static void finish_entry(struct pg *s, const struct entry *e)
{
	switch (e->kind) {
	case ENTRY_STATEMENT:
		finish_statement(s, e);
		return;
	case ENTRY_PREPARE:
		/* Refused, or skipped behind another's error: the server does
		 * not know it.  The error is left for its statement. */
		if (s->error.state[0] != '\0')
			pgc_conn_stmt_forget(s->conn, e->stmt);
		return;
	case ENTRY_SYNC:
		pgc_error_clear(&s->error);
		if (e->depth > 0)
			pgc_stat_sync(s->conn->arrived - e->start, e->depth);
		return;
	}
}

/* Takes what libpq has until the first entry is complete. */
static int finish_first(struct pgc_call *call)
{
	struct pg *s = call->s;
	const struct entry *e = &s->pipe->entries[s->pipe->first];
	PGresult *r = NULL;

	for (;;) {
		if (pgc_query_next(call, &r) == -1)
			return -1;
		if (call->conn->lost) {
			if (r != NULL)
				take(s, r);
			return -1;
		}
		if (r == NULL && e->kind == ENTRY_SYNC)
			continue;
		if (r == NULL || PQresultStatus(r) == PGRES_PIPELINE_SYNC)
			break;
		take(s, r);
	}
	PQclear(r);
	s->pipe->first++;
	pgc_conn_row(call->conn);
	finish_entry(s, e);
	return 0;
}

/* The connection is gone: everything under way has failed. */
static void fail_rest(struct pg *s)
{
	struct pgc_error why = s->error;

	if (why.state[0] == '\0')
		pgc_error_set(&why, PGC_CONNECTION_LOST,
		    "the connection was lost");
	s->conn->arrived = swarm_now();
	while (s->pipe->first < s->pipe->count) {
		const struct entry *e = &s->pipe->entries[s->pipe->first++];

		if (e->kind != ENTRY_STATEMENT)
			continue;
		pgc_session_clear(s);
		s->error = why;
		finish_statement(s, e);
	}
}

int pgc_pipe_drain(struct swarm_user *u, struct pg *on)
{
	struct pg *s = pgc_session_of(u, on);
	struct pgc_call call = { .s = s, .conn = s->conn };
	int rc = 0;

	if (s->busy) {
		errno = EBUSY;
		return -1;
	}
	if (!pgc_pipe_is_open(s))
		return 0;
	s->busy = true;
	call.deadline = pgc_query_deadline(0);
	pgc_error_clear(&s->error);
	if (s->pipe->unsynced > 0 && !s->conn->lost)
		rc = sync_pipe(s);
	while (rc == 0 && s->pipe->first < s->pipe->count)
		rc = finish_first(&call);
	if (rc == 0 && !PQexitPipelineMode(s->conn->pq))
		pgc_conn_lose(s->conn);
	if (rc == -1) {
		pgc_conn_lose(s->conn);
		fail_rest(s);
	}
	s->pipe->is_open = false;
	pgc_conn_end(s->conn);
	pgc_session_end(s);
	errno = ENOTCONN;
	return rc == -1 ? -1 : s->pipe->failed;
}
