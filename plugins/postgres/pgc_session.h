/*
 * Sessions: what scenarios hold as struct pg.
 */
#ifndef PGC_SESSION_H
#define PGC_SESSION_H

#include <swarm/postgres.h>
#include <swarm/user.h>

#include "pgc_conn.h"
#include "pgc_error.h"
#include "pgc_pool.h"
#include "pgc_target.h"

struct pgc_pipe;
struct pgc_inbox;

/* A statement kept by pg_prepare(). */
struct pgc_named {
	struct pgc_named *next;
	char *name;
	char *sql;
};

struct pg {
	struct swarm_user *user;
	struct pg *next;                /* of the same user */
	char *conninfo;                 /* given to pg_connect(), or NULL */
	double connect_timeout;
	bool wants_own;                 /* no pool */
	struct pgc_target *target;      /* NULL until first used */
	struct pgc_pool *pool;          /* NULL: the connection is its own */
	struct pgc_conn *conn;
	bool busy;                      /* a call is under way */
	bool closed;                    /* by pg_close(), while in use */
	int64_t retry_at;               /* ns; not to connect before */
	int64_t retry_delay;
	struct pg_result result;
	PGresult *rows;                 /* behind result */
	struct pgc_error error;         /* of the last call */
	struct pgc_error tx_error;      /* the first since pg_begin() */
	bool may_retry;                 /* pg_transaction() has tries left */
	struct pgc_named *named;
	struct pgc_pipe *pipe;          /* NULL: never used */
	struct pgc_inbox *inbox;        /* NULL: does not listen */
};

/* In each user's slot. */
struct pgc_user {
	struct pg *own;
	struct pg *sessions;            /* all, the own one too */
};

/* The table's functions. */
struct pg *pgc_session_connect(struct swarm_user *,
    const struct pg_connect_args *);
void pgc_session_close(struct pg *);
struct pg *pgc_session_own(struct swarm_user *);
void pgc_session_info(struct pg *, struct pg_info *);
int pgc_session_cancel(struct pg *);

/* `on`, or the user's own. */
struct pg *pgc_session_of(struct swarm_user *, struct pg *on);
/* When the user has gone. */
void pgc_session_destroy(struct swarm_user *, void *slot);

/*
 * [fiber] Begins a call: the session is this fiber's and has a connection.
 * NULL when there is none; s->error then says why, and it is recorded.  Every
 * call that began is ended.
 */
struct pgc_conn *pgc_session_begin(struct pg *);
/* Ends it: the connection goes back to the pool unless it is needed further,
 * and is dropped when it is lost. */
void pgc_session_end(struct pg *);
/* From here on its connection is its own, the present one too. */
void pgc_session_leave_pool(struct pg *);
/* Drops the connection, whatever its state. */
void pgc_session_drop(struct pg *);

/* Forgets the last result. */
void pgc_session_clear(struct pg *);
/* The result after a failure: s->error, nothing else.  Also for a session
 * that is busy, whose own result is left alone. */
const struct pg_result *pgc_session_failed(struct pg *);
const struct pg_result *pgc_session_busy(void);

#endif
