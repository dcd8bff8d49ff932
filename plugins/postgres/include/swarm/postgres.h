/*
 * PostgreSQL for scenarios: the interface "swarm.postgres/1".
 *
 *	static void lookup(struct swarm_user *u)
 *	{
 *		const struct pg_result *r;
 *
 *		r = pg_query(u, "SELECT abalance FROM pgbench_accounts"
 *		    " WHERE aid = $1",
 *		    .params = PG_PARAMS(PG_INT(1 + swarm_below(u, 100000))),
 *		    .mode = PG_PREPARED, .name = "lookup");
 *		if (r->ok && r->rows == 1)
 *			use(pg_int(r, 0, 0));
 *	}
 *
 * The server is `--host postgres://user@host:port/database`, or whatever else
 * libpq takes as a connection string; libpq's environment variables, service
 * and password files count too.
 *
 * Sessions.  Every call takes the user first and works on that user's own
 * session, which connects at its first use and again after a loss.  `.on`
 * names another session, made by pg_connect().  A session owns a connection,
 * or, with the option `pool`, borrows one of the worker's connections for
 * each statement or transaction; the wait for it is measured.
 *
 * Measured.  Every statement is one sample: type "SQL simple", "SQL extended",
 * "SQL prepared" or "SQL copy", name `.name` or else the shortened statement.
 * A connection that cannot be made is a failed sample "SQL connect" "connect",
 * and the statement that needed it is none.  Beside them, as durations that
 * are not requests of their own: "SQL connect" ("resolve", "tcp", "tls",
 * "auth", "ready", "total"), "SQL pool" ("wait"), "SQL prepare", "SQL tx"
 * (whole transactions with their retries), "SQL retried" (statements whose
 * conflict made pg_transaction() try again: no failures), "SQL first row"
 * (streamed statements), "SQL pipeline" ("sync", a group of a pipeline), "SQL
 * notify" (delivery).  Counters: pg_rows, pg_bytes,
 * pg_connects, pg_disconnects, pg_tx_retries, pg_tx_failed,
 * pg_serialization_failures, pg_deadlocks, pg_cancels, and one pg_error_CLASS
 * for each class of SQLSTATE.
 *
 * Failures of the server are results: the sample fails with the SQLSTATE and
 * the server's words (numbers taken out, so that equal failures count
 * together), and the call's result says the same.  SQLSTATEs made here:
 * 08001 (cannot connect), 08006 (connection lost), 57014 after a timeout,
 * 54000 (result larger than max_result), 57000 (the user is being stopped; not
 * recorded), 58000 (a call that cannot be made now).
 *
 * Structures of arguments begin with `size`, which the macros fill in; C++
 * fills it by hand.  All functions are [fiber] unless marked otherwise.
 * Strings given are copied or used up before a call returns.
 */
#ifndef SWARM_POSTGRES_H
#define SWARM_POSTGRES_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A session.  Belongs to the user that made it, used on its fibers only, by
 * one statement at a time.  Freed by pg_close() or when the user ends. */
struct pg;

/* ---- parameters ---- */

enum pg_kind {
	PG_KIND_END = 0,
	PG_KIND_NULL,
	PG_KIND_INT,                    /* v.i, as text; the server infers */
	PG_KIND_FLOAT,                  /* v.f, as text; the server infers */
	PG_KIND_BOOL,                   /* v.i, as text; the server infers */
	PG_KIND_TEXT,                   /* v.p; the server infers, but with a
	                                 * len it is of type text */
	PG_KIND_INT4,                   /* v.i, binary int4 */
	PG_KIND_INT8,                   /* v.i, binary int8 */
	PG_KIND_FLOAT8,                 /* v.f, binary float8 */
	PG_KIND_BYTEA,                  /* v.p and len, binary bytea */
	PG_KIND_BINARY,                 /* v.p and len, binary of type oid */
};

/* One parameter.  A list ends with kind PG_KIND_END.  Frozen. */
struct pg_param {
	uint32_t kind;
	uint32_t oid;                   /* PG_KIND_BINARY: the type */
	int64_t len;                    /* bytes; -1: up to the NUL */
	union {
		int64_t i;
		double f;
		const void *p;
	} v;
};

#define PG_PARAMS_MAX 256       /* most parameters of a statement */

#ifndef __cplusplus
#define PG_PARAMS(...) \
	((const struct pg_param[]){ __VA_ARGS__, { .kind = PG_KIND_END } })
#define PG_NULL()       { .kind = PG_KIND_NULL }
#define PG_INT(x)       { .kind = PG_KIND_INT, .v.i = (int64_t)(x) }
#define PG_FLOAT(x)     { .kind = PG_KIND_FLOAT, .v.f = (x) }
#define PG_BOOL(x)      { .kind = PG_KIND_BOOL, .v.i = (x) ? 1 : 0 }
#define PG_TEXT(s)      { .kind = PG_KIND_TEXT, .len = -1, .v.p = (s) }
#define PG_TEXTN(s, n)  \
	{ .kind = PG_KIND_TEXT, .len = (int64_t)(n), .v.p = (s) }
#define PG_INT4(x)      { .kind = PG_KIND_INT4, .v.i = (int32_t)(x) }
#define PG_INT8(x)      { .kind = PG_KIND_INT8, .v.i = (int64_t)(x) }
#define PG_FLOAT8(x)    { .kind = PG_KIND_FLOAT8, .v.f = (x) }
#define PG_BYTEA(p_, n) \
	{ .kind = PG_KIND_BYTEA, .len = (int64_t)(n), .v.p = (p_) }
#define PG_BINARY(oid_, p_, n) \
	{ .kind = PG_KIND_BINARY, .oid = (oid_), .len = (int64_t)(n), \
		.v.p = (p_) }
#endif

/* ---- results ---- */

/*
 * What a statement gave.  Never NULL; owned by the session, valid until the
 * next call that uses the same session.  Rows are read in place by the
 * functions below; nothing is copied.
 */
struct pg_result {
	uint32_t size;
	bool ok;
	char sqlstate[6];               /* "00000" when ok */
	const char *error;              /* "" when ok */
	int64_t rows;                   /* returned, also when discarded */
	int64_t affected;               /* by INSERT, UPDATE, DELETE, COPY, … */
	int64_t bytes;                  /* of the values */
	int columns;
	int64_t first_ns;               /* until the first row or answer */
	int64_t total_ns;               /* until the last */
	void *pgresult;                 /* the PGresult, for libpq's functions;
	                                 * NULL when discarded or failed */
};

/* ---- arguments ---- */

/* How a statement goes to the server. */
enum pg_mode {
	PG_AUTO = 0,    /* the option `mode`, else extended with parameters */
	PG_SIMPLE,      /* one Query message; no parameters */
	PG_EXTENDED,    /* Parse, Bind, Execute in one message group */
	PG_PREPARED,    /* parsed once on each connection, by itself */
};

struct pg_connect_args {
	uint32_t size;
	const char *conninfo;           /* NULL: option `conninfo`, else --host */
	double timeout;                 /* seconds; 0: option connect_timeout */
	bool own;                       /* a connection of its own, no pool */
};

struct pg_query_args {
	uint32_t size;
	struct pg *on;                  /* NULL: the user's own session */
	const char *name;               /* of the row; NULL: the statement */
	const struct pg_param *params;  /* PG_PARAMS(…), or NULL */
	enum pg_mode mode;
	bool binary;                    /* columns in binary format */
	bool discard;                   /* count rows and bytes, keep nothing */
	/* Seconds; then the statement is cancelled on the server and fails
	 * with 57014.  0: the option `timeout`; negative: none. */
	double timeout;
	/* Called for each row as it arrives (a result with one row), which is
	 * not kept.  May wait; the server is then held back.  Other than 0
	 * ends the statement: it is cancelled on the server. */
	int (*row)(struct swarm_user *, const struct pg_result *, void *arg);
	/* In a pipeline: called with the result, during pg_drain(). */
	void (*done)(struct swarm_user *, const struct pg_result *, void *arg);
	void *arg;                      /* for row and done */
};

enum pg_isolation {
	PG_ISOLATION_DEFAULT = 0,
	PG_READ_COMMITTED,
	PG_REPEATABLE_READ,
	PG_SERIALIZABLE,
};

struct pg_tx_args {
	uint32_t size;
	struct pg *on;
	const char *name;               /* row under "SQL tx"; NULL: "tx" */
	enum pg_isolation isolation;
	bool read_only;
	unsigned max_tries;             /* 0 counts as 1 */
	double max_time;                /* seconds for all tries; 0: no limit */
};

struct pg_copy_args {
	uint32_t size;
	struct pg *on;
	const char *name;
	double timeout;                 /* as in pg_query_args */
	/* COPY … FROM STDIN: the data, whole, … */
	const void *data;
	size_t len;
	/* … or in pieces: writes at most `room` bytes to `buf` and returns
	 * their number, 0 at the end, -1 to give up (the COPY is undone). */
	int64_t (*fill)(struct swarm_user *, void *buf, size_t room, void *arg);
	/* COPY … TO STDOUT: called with each row as it arrives; NULL counts
	 * and discards.  Other than 0 ends it: cancelled on the server. */
	int (*chunk)(struct swarm_user *, const void *data, size_t len,
	    void *arg);
	void *arg;
};

/* Valid until the next pg_wait() on the session. */
struct pg_notification {
	uint32_t size;
	const char *channel;
	const char *payload;            /* without what pg_notify() added */
	int pid;                        /* of the sender's server process */
	int64_t arrived;                /* ns, swarm_now() */
	/* From pg_notify() to arrival, ns; -1 when it was not sent by
	 * pg_notify().  Between machines their wall clocks are compared. */
	int64_t latency_ns;
};

struct pg_notify_args {
	uint32_t size;
	struct pg *on;
	const char *channel;
	const char *payload;            /* NULL: "" */
	bool raw;                       /* add no time stamp */
};

struct pg_wait_args {
	uint32_t size;
	struct pg *on;
	double timeout;                 /* seconds; 0: for ever */
};

/* What a session is at. */
struct pg_info {
	uint32_t size;
	bool connected;
	bool in_transaction;            /* failed or not */
	bool encrypted;
	int server_version;             /* 150004; 0 while not connected */
	int backend_pid;
};

/* ---- the table ---- */

struct pg_api {
	struct swarm_iface head;
	struct pg *(*connect)(struct swarm_user *,
	    const struct pg_connect_args *);
	void (*close)(struct pg *);
	struct pg *(*own)(struct swarm_user *);
	void (*info)(struct pg *, struct pg_info *);
	const struct pg_result *(*query)(struct swarm_user *, const char *sql,
	    const struct pg_query_args *);
	const struct pg_result *(*prepare)(struct swarm_user *,
	    const char *name, const char *sql, const struct pg_query_args *);
	const struct pg_result *(*execute)(struct swarm_user *,
	    const char *name, const struct pg_query_args *);
	int (*transaction)(struct swarm_user *,
	    int (*body)(struct swarm_user *, void *arg), void *arg,
	    const struct pg_tx_args *);
	int (*begin)(struct swarm_user *, const struct pg_tx_args *);
	int (*commit)(struct swarm_user *, struct pg *);
	int (*rollback)(struct swarm_user *, struct pg *);
	int (*queue)(struct swarm_user *, const char *sql,
	    const struct pg_query_args *);
	int (*sync)(struct swarm_user *, struct pg *);
	int (*drain)(struct swarm_user *, struct pg *);
	const struct pg_result *(*copy_in)(struct swarm_user *,
	    const char *sql, const struct pg_copy_args *);
	const struct pg_result *(*copy_out)(struct swarm_user *,
	    const char *sql, const struct pg_copy_args *);
	int (*listen)(struct swarm_user *, const char *channel, struct pg *);
	int (*unlisten)(struct swarm_user *, const char *channel, struct pg *);
	int (*notify)(struct swarm_user *, const struct pg_notify_args *);
	const struct pg_notification *(*wait)(struct swarm_user *,
	    const struct pg_wait_args *);
	int (*cancel)(struct pg *);
	const char *(*value)(const struct pg_result *, int64_t row, int col);
	int64_t (*length)(const struct pg_result *, int64_t row, int col);
	bool (*null)(const struct pg_result *, int64_t row, int col);
	int64_t (*integer)(const struct pg_result *, int64_t row, int col);
	double (*real)(const struct pg_result *, int64_t row, int col);
	int (*column)(const struct pg_result *, const char *name);
	const char *(*column_name)(const struct pg_result *, int col);
	uint32_t (*column_type)(const struct pg_result *, int col);
};

/* A provider defines PG_TYPES_ONLY and gets no import and no calls. */
#ifndef PG_TYPES_ONLY

SWARM_IMPORT(pg_api, pg_api_, "swarm.postgres/1", 0)

/* ---- sessions ---- */

#ifndef __cplusplus
/*
 * Another session than the user's own; connects now.  Never NULL: when the
 * connection fails that is a failed sample ("SQL connect", "connect"), and
 * the session tries again at its next use.
 */
#define pg_connect(u, ...) \
	pg_api_->connect((u), &(const struct pg_connect_args){ \
		.size = sizeof(struct pg_connect_args), __VA_ARGS__ })
#endif

/* Ends a session and its connection.  NULL is fine.  A call that another fiber
 * has under way on it fails with 58000, pg_wait() with ENOTCONN. */
static inline void pg_close(struct pg *s)
{
	pg_api_->close(s);
}

/* The user's own session, not yet connected perhaps.  Never NULL. */
static inline struct pg *pg_own(struct swarm_user *u)
{
	return pg_api_->own(u);
}

/* Fills in *info, whose `size` the caller has set. */
static inline void pg_info(struct pg *s, struct pg_info *info)
{
	pg_api_->info(s, info);
}

/* ---- statements ---- */

#ifndef __cplusplus
/* One statement and its result.  In mode PG_SIMPLE it may be several,
 * separated by semicolons; the result is the last one's. */
#define pg_query(u, sql, ...) \
	pg_api_->query((u), (sql), &(const struct pg_query_args){ \
		.size = sizeof(struct pg_query_args), __VA_ARGS__ })

/*
 * A statement with a name.  pg_prepare() keeps it for the session and parses
 * it at once (one sample); pg_execute() parses it again by itself where the
 * connection is a new one.
 */
#define pg_prepare(u, name_, sql, ...) \
	pg_api_->prepare((u), (name_), (sql), &(const struct pg_query_args){ \
		.size = sizeof(struct pg_query_args), __VA_ARGS__ })
#define pg_execute(u, name_, ...) \
	pg_api_->execute((u), (name_), &(const struct pg_query_args){ \
		.size = sizeof(struct pg_query_args), __VA_ARGS__ })
#endif

/* A statement without arguments, in simple mode unless the option `mode`
 * says otherwise.  For C++ too. */
static inline const struct pg_result *pg_exec(struct swarm_user *u,
    const char *sql)
{
	return pg_api_->query(u, sql, NULL);
}

/* ---- transactions ---- */

#ifndef __cplusplus
/*
 * Runs body(u, arg) between BEGIN and COMMIT.  The body returns 0 to commit;
 * anything else rolls back.  After a serialization failure (40001) or a
 * deadlock (40P01), in the body or at COMMIT, it is rolled back and run again,
 * up to `.max_tries` and `.max_time`; so the body must not change what it
 * needs to be run again.  0 when committed; -1 when not, with errno EAGAIN
 * when the tries were used up, ECANCELED when the user is being stopped, else
 * EIO.  A pool's connection is held from BEGIN to the end.
 */
#define pg_transaction(u, body, arg, ...) \
	pg_api_->transaction((u), (body), (arg), &(const struct pg_tx_args){ \
		.size = sizeof(struct pg_tx_args), __VA_ARGS__ })
/* BEGIN, COMMIT and ROLLBACK by hand: 0, or -1 with errno ECANCELED, EBUSY when
 * the session is in another call or in a pipeline, else EIO.  COMMIT of a
 * transaction that has failed is a ROLLBACK on the server: -1. */
#define pg_begin(u, ...) \
	pg_api_->begin((u), &(const struct pg_tx_args){ \
		.size = sizeof(struct pg_tx_args), __VA_ARGS__ })
#endif

static inline int pg_commit(struct swarm_user *u, struct pg *on)
{
	return pg_api_->commit(u, on);
}

static inline int pg_rollback(struct swarm_user *u, struct pg *on)
{
	return pg_api_->rollback(u, on);
}

/* ---- pipelines ---- */

#ifndef __cplusplus
/*
 * Queues a statement without waiting for earlier ones' results (the first one
 * starts the pipeline); it goes out with the next pg_sync() or pg_drain(), or
 * when 64 KiB have gathered.  0, or -1 when there is no connection.  Each
 * statement's sample runs from here to its result.  `.row`, `.discard` and
 * mode PG_SIMPLE are not for pipelines, nor is `.timeout`: the option counts,
 * for all of pg_drain().
 */
#define pg_queue(u, sql, ...) \
	pg_api_->queue((u), (sql), &(const struct pg_query_args){ \
		.size = sizeof(struct pg_query_args), __VA_ARGS__ })
#endif

/* A sync point: ends the implicit transaction; an error before it does not
 * reach what is queued after it.  0, or -1. */
static inline int pg_sync(struct swarm_user *u, struct pg *on)
{
	return pg_api_->sync(u, on);
}

/* Adds a sync point if one is due, waits for every result, and ends the
 * pipeline.  The number of statements that failed or were skipped after a
 * failure; -1 when the connection was lost. */
static inline int pg_drain(struct swarm_user *u, struct pg *on)
{
	return pg_api_->drain(u, on);
}

/* ---- COPY ---- */

#ifndef __cplusplus
/* COPY … FROM STDIN and COPY … TO STDOUT: one sample each, whose size is the
 * data's. */
#define pg_copy_in(u, sql, ...) \
	pg_api_->copy_in((u), (sql), &(const struct pg_copy_args){ \
		.size = sizeof(struct pg_copy_args), __VA_ARGS__ })
#define pg_copy_out(u, sql, ...) \
	pg_api_->copy_out((u), (sql), &(const struct pg_copy_args){ \
		.size = sizeof(struct pg_copy_args), __VA_ARGS__ })
#endif

/* ---- notifications ---- */

/*
 * LISTEN and UNLISTEN: 0, or -1.  A session that listens keeps a connection
 * of its own and listens again after a loss.  Notifications are collected
 * whenever it is connected, at most 4096 of them; older ones are dropped and
 * counted (pg_notifications_dropped).
 */
static inline int pg_listen(struct swarm_user *u, const char *channel,
    struct pg *on)
{
	return pg_api_->listen(u, channel, on);
}

static inline int pg_unlisten(struct swarm_user *u, const char *channel,
    struct pg *on)
{
	return pg_api_->unlisten(u, channel, on);
}

#ifndef __cplusplus
/* Sends `.payload` to `.channel`, with the time put before it so that the
 * receiver can tell the delivery's latency: 0, or -1. */
#define pg_notify(u, ...) \
	pg_api_->notify((u), &(const struct pg_notify_args){ \
		.size = sizeof(struct pg_notify_args), __VA_ARGS__ })
/* The next notification, or NULL with errno ETIMEDOUT, ECANCELED or ENOTCONN:
 * the connection was lost since, which is said once, and notifications may
 * have been missed; call again to connect and listen again. */
#define pg_wait(u, ...) \
	pg_api_->wait((u), &(const struct pg_wait_args){ \
		.size = sizeof(struct pg_wait_args), __VA_ARGS__ })
#endif

/* Asks the server to cancel what the session is running, from another fiber
 * of the same user: 0 when the server has taken the request; or -1 with errno
 * ENOTCONN when nothing is running, ETIMEDOUT when it did not answer within 5
 * seconds, or another. */
static inline int pg_cancel(struct pg *s)
{
	return pg_api_->cancel(s);
}

/* ---- reading results ---- */

/* The bytes of a value in the connection's own buffer, followed by a NUL; ""
 * for NULL and for what is not there.  Binary when asked for so. */
static inline const char *pg_value(const struct pg_result *r, int64_t row,
    int col)
{
	return pg_api_->value(r, row, col);
}

/* Its length in bytes; 0 for NULL. */
static inline int64_t pg_length(const struct pg_result *r, int64_t row,
    int col)
{
	return pg_api_->length(r, row, col);
}

/* True for NULL and for what is not there. */
static inline bool pg_null(const struct pg_result *r, int64_t row, int col)
{
	return pg_api_->null(r, row, col);
}

/* As a whole number, from text, or from binary int2, int4, int8, oid, bool;
 * 0 when it is none. */
static inline int64_t pg_int(const struct pg_result *r, int64_t row, int col)
{
	return pg_api_->integer(r, row, col);
}

/* As a number, from text, or from binary float4, float8 or the above. */
static inline double pg_float(const struct pg_result *r, int64_t row, int col)
{
	return pg_api_->real(r, row, col);
}

/* A column's number by name, or -1; its name, or ""; its type, or 0. */
static inline int pg_column(const struct pg_result *r, const char *name)
{
	return pg_api_->column(r, name);
}

static inline const char *pg_column_name(const struct pg_result *r, int col)
{
	return pg_api_->column_name(r, col);
}

static inline uint32_t pg_column_type(const struct pg_result *r, int col)
{
	return pg_api_->column_type(r, col);
}

#endif /* PG_TYPES_ONLY */

#ifdef __cplusplus
}
#endif
#endif
