/*
 * One connection to a server: a PGconn on the worker's loop.
 *
 * Input is read by a callback on a level-triggered watch, not by the waiting
 * fiber: an answer that comes in pieces then costs no switch for each, an idle
 * connection notices its end and its notifications at once, and every answer
 * has the time of its arrival.  A fiber is woken only when libpq can hand out
 * a whole result.
 */
#ifndef PGC_CONN_H
#define PGC_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include <swarm/fiber.h>

struct pgc_stmt;

struct pgc_conn {
	PGconn *pq;
	uint64_t id;                    /* no two of a process have the same */
	struct swarm_watch *watch;
	int fd;
	struct swarm_waker *waker;      /* of the fiber that waits, or NULL */
	bool any_event;                 /* it wants to know of each */
	bool active;                    /* a statement is under way */
	bool complete;                  /* PQgetResult() will not block */
	bool lost;                      /* of no further use */
	bool too_large;                 /* lost, because of max_input */
	bool given_up;                  /* lost by our own doing */
	unsigned want;                  /* what the watch asks for */
	int64_t first;                  /* ns: the answer's first bytes; 0 */
	int64_t arrived;                /* ns: its last bytes so far */
	unsigned reads;                 /* for the present result */
	unsigned turns;                 /* of the watch, for what is rare */
	int64_t max_input;              /* bytes of it; 0: no limit */
	int64_t input_base;             /* received() when it began; -1 */
	int64_t received_before;
	bool is_unix;
	/* Statements prepared on this connection. */
	struct pgc_stmt *stmts;
	size_t stmt_count;
	size_t stmt_cap;
	unsigned stmt_serial;
	/* The server's last words before it hangs up, when they came as a
	 * notice: SQLSTATE, "" for none, and text. */
	char farewell_state[6];
	char farewell[128];
	/* Called for each notification, which it owns (PQfreemem); NULL:
	 * they are dropped. */
	void (*notified)(PGnotify *, int64_t arrived, void *arg);
	/* Called when the connection is lost. */
	void (*dropped)(void *arg);
	void *arg;
	struct pgc_conn *next;          /* in a pool's list */
};

/* Takes over a PGconn that is connected. NULL when memory or descriptors ran
 * out; then `pq` is finished. */
struct pgc_conn *pgc_conn_new(PGconn *pq, int64_t max_input);
/* Closes at once.  NULL is fine. */
void pgc_conn_free(struct pgc_conn *);

/* Whether it may be used: connected, nothing lost. */
bool pgc_conn_usable(const struct pgc_conn *);
/* It is of no further use: whoever waits on it is woken. */
void pgc_conn_lose(struct pgc_conn *);
/* After a libpq call that failed: notices when the connection has gone. */
void pgc_conn_check(struct pgc_conn *);
/* Before a statement is sent. */
void pgc_conn_begin(struct pgc_conn *);
/* After its last result. */
void pgc_conn_end(struct pgc_conn *);
/* After each row of a streamed result: it is no longer held. */
void pgc_conn_row(struct pgc_conn *);

/* [fiber] Waits until PQgetResult() does not block: 0; or -1 with errno
 * ETIMEDOUT, ECANCELED, or ECONNRESET when the connection is lost (then
 * PQgetResult() does not block either and says why). */
int pgc_conn_wait(struct pgc_conn *, int64_t deadline);
/* [fiber] Waits for the next input of any kind. */
int pgc_conn_wait_input(struct pgc_conn *, int64_t deadline);
/* [fiber] Sends everything queued; as pgc_conn_wait(). */
int pgc_conn_flush(struct pgc_conn *, int64_t deadline);
/* Sends what the socket takes and leaves the rest to the loop: 0, or -1 when
 * the connection is lost. */
int pgc_conn_push(struct pgc_conn *);

/* The name under which `sql` is prepared here, or NULL.  Owned by the
 * connection. */
const char *pgc_conn_stmt(struct pgc_conn *, const char *sql);
/* Notes that it will be, and under which name; NULL when there are too many
 * or memory ran out. */
const char *pgc_conn_stmt_add(struct pgc_conn *, const char *sql);
/* It could not be prepared after all. */
void pgc_conn_stmt_drop(struct pgc_conn *, const char *sql);
/* The same for the one that was added when stmt_serial became `serial`. */
void pgc_conn_stmt_forget(struct pgc_conn *, unsigned serial);

#endif
