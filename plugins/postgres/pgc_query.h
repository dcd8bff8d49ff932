/*
 * Statements: sending one, collecting what it gives.
 */
#ifndef PGC_QUERY_H
#define PGC_QUERY_H

#include "pgc_session.h"

/* A statement under way. */
struct pgc_call {
	struct pg *s;
	struct pgc_conn *conn;
	const char *sql;
	const char *type;               /* of its row */
	const char *name;
	int64_t start;
	int64_t deadline;
	bool cancelled;                 /* a cancel request was sent */
	bool timed_out;                 /* … because of the deadline */
	bool streamed;                  /* row by row */
	bool is_copy;                   /* rows and bytes are counted */
	int (*row)(struct swarm_user *, const struct pg_result *, void *);
	void *arg;
	char *space;                    /* PGC_NAME_MAX bytes for a name */
};

/* The table's functions.  args may be NULL. */
const struct pg_result *pgc_query(struct swarm_user *, const char *sql,
    const struct pg_query_args *);
/* pgc_named.c */
const struct pg_result *pgc_prepare(struct swarm_user *, const char *name,
    const char *sql, const struct pg_query_args *);
const struct pg_result *pgc_execute(struct swarm_user *, const char *name,
    const struct pg_query_args *);

/* [fiber] A statement on a session of the caller's choice. */
const struct pg_result *pgc_query_on(struct pg *, const char *sql,
    const struct pg_query_args *);

/* The mode for these arguments. */
enum pg_mode pgc_query_mode(const struct pg_query_args *);
const char *pgc_query_type(enum pg_mode);
/* The deadline for a .timeout: 0 means the option's, negative none. */
int64_t pgc_query_deadline(double timeout);

/* One statement in simple mode on a session that has begun, measured; 0, or
 * -1 with s->error.  The result is kept in the session. */
int pgc_query_simple(struct pg *, const char *sql, const char *name,
    double timeout);

/* Why no statement can begin on it now, or NULL; its last result is gone. */
const struct pg_result *pgc_query_refused(struct pg *);

/*
 * The parts of a call.  begin: names it, takes the session and starts the
 * clock; 0, or -1 with *early to be returned.  next: [fiber] the next
 * PGresult, NULL behind the last; 0, or -1 when the connection is of no
 * further use, with s->error.  take: keeps or clears a PGresult; -1 as before.
 * finish: fills in the result and records the sample.
 */
int pgc_query_begin(struct pg *, struct pgc_call *, const char *name,
    const struct pg_result **early);
int pgc_query_next(struct pgc_call *, PGresult **);
int pgc_query_take(struct pgc_call *, PGresult *);
void pgc_query_finish(struct pgc_call *);
/* [fiber] After a wait of the call's that failed, by errno: 0 to wait again,
 * because its time was up and it was asked to cancel; 1 when the connection is
 * lost and PQgetResult() says why, without blocking; -1 when the connection
 * was given up, with s->error. */
int pgc_query_unwaited(struct pgc_call *);
/* [fiber] Asks the server to cancel it: 0, the end of it is still to be waited
 * for; or -1 as above. */
int pgc_query_cancel(struct pgc_call *);
/* Notes a failure reported by libpq's own functions. */
void pgc_query_send_failed(struct pgc_call *);
/* [fiber] Parses the call's statement on its connection, unless that has
 * happened: its name there, NULL with s->error.  observed: the time it takes
 * is told. */
const char *pgc_query_parse(struct pgc_call *, const struct pg_query_args *,
    bool observed);
/* Fills in s->result from s->rows, which is a success. */
void pgc_query_fill(struct pg *);

#endif
