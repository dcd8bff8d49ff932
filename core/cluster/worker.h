/*
 * The worker's side of the wire: one DEALER socket, registration, heartbeats,
 * reports.  Runs on the loop; one worker in a process.  The master may be
 * swarm's or Locust's; which one it is the ack says.
 */
#ifndef CLUSTER_WORKER_H
#define CLUSTER_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/wire.h"
#include "cluster/keys.h"
#include "user/arrivals.h"

struct worker_options {
	const char *connect;            /* "ipc://…" or "tcp://host:port" */
	const struct keys *keys;        /* NULL: not encrypted */
	unsigned relay_span;            /* a relay, which runs no users itself:
	                                 * so many workers it may have */
	bool local;                     /* started by the master on this machine:
	                                 * ends when the master does */
	struct stats *stats;            /* the delta; reset after each report */
	size_t class_count;
	const char *const *class_names;
	/* Events, on the loop. */
	void (*registered)(const struct wire_ack *, void *);
	/* An accepted spawn; answer with worker_spawned() when reached.
	 * `first`: a new test; `stats` has been reset. */
	void (*spawn)(const struct wire_spawn *, bool first, void *);
	/* Answer with worker_stopped() when all users have gone. */
	void (*stop)(void *);
	/* Stop, said again: tasks are waited for no longer. */
	void (*stop_now)(void *);
	/* Quit: stop users, worker_finish(), leave the loop. */
	void (*quit)(void *);
	/* The master can't be reached any more. */
	void (*orphaned)(const char *why, void *);
	/* Users running now, by class; fills class_count numbers. */
	void (*counts)(int64_t *, void *);
	/* The master says that the whole ramp is through (NULL: not asked). */
	void (*ramp_complete)(int64_t users, void *);
	/* Completes what a heartbeat says of this process, and the delays of
	 * its loop (NULL: as they are). */
	void (*health)(struct health *, struct histogram *delays, void *);
	/* The master's answer to worker_ask_rows() (NULL: not asked). */
	void (*rows)(const struct wire_rows *, void *);
	/* The run's plan, with a spawn or without (NULL: not asked). */
	void (*plan)(const char *text, void *);
	/* Events to replay; they stay during the call (NULL: not asked). */
	void (*replay)(const struct wire_replay *, void *);
	/* How far executors are; fills WIRE_MAX_EXECUTORS at most and returns
	 * how many.  Asked before each report (NULL: there are none). */
	size_t (*progress)(struct wire_progress *, void *);
	/* Before each report to a swarm master: the time to call
	 * worker_tell_module() (NULL: nothing to tell).  Not before one that
	 * has to wait until earlier ones have come. */
	void (*reporting)(void *);
	/* The master has answered a heartbeat (NULL: not asked). */
	void (*heard)(void *);
	/* So many users that waited at `name` may go on, since the test
	 * began (NULL: not asked). */
	void (*met)(const char *name, int64_t released, void *);
	/* The master asks for what users did: answer with
	 * worker_tell_flight() (NULL: not asked). */
	void (*flight)(const struct wire_flight *, void *);
	/* A message that the protocol does not know: a scenario's own (NULL:
	 * nobody listens). */
	void (*custom)(const struct wire_message *, void *);
	void *arg;
};

/* Everything in the options is copied but `stats` and `keys`.  0, or -1 after
 * log_error(). */
int worker_start(const struct worker_options *);
void worker_spawned(void);
/* `stop_timeout`: seconds that a Locust master expects to pass before the
 * worker is ready again. */
void worker_stopped(double stop_timeout);
/* Sends a log line, rate-limited; any thread.  Before worker_start() and
 * after worker_finish(), and while there is no master, nobody gets it. */
void worker_log(int level, const char *line);
void worker_stop_test(const char *why);
/* Asks a swarm master for positions of a feed; a question that is lost has no
 * answer. */
void worker_ask_rows(const struct wire_rows_wanted *);
/* What users did; to a swarm master alone. */
void worker_tell_flight(const struct wire_flight *);
/* What a module has to tell its own in a swarm master: goes with the next
 * report, and comes as surely as that. */
void worker_tell_module(const struct wire_module *);
/* Likewise what became of a worker below a relay. */
void worker_tell_below(const struct wire_below *);
/* How far executors are, now; to a swarm master only. */
void worker_tell_progress(void);
/* Users wait for others; to a swarm master only: -1 without one. */
int worker_meet(const struct wire_meet *);
/* A scenario's own message: 0, or -1 with errno ENOTCONN, EINVAL (no JSON) or
 * EAGAIN (too many). */
int worker_send_custom(const char *type, const char *json);
/* One as it came from a worker below. */
void worker_forward_custom(const struct wire_message *);
/* Rate-limited like log lines. */
void worker_exception(const char *message, const char *where);
/* Whether a master has answered, and whether it is swarm's. */
bool worker_registered(void);
/* Its name in the fleet, and where its master is. */
const char *worker_id(void);
const char *worker_endpoint(void);
bool worker_master_is_swarm(void);
/* Seconds between two reports, as the master wants it. */
double worker_report_interval(void);
/* The master's clock_now() minus ours, and how far off that may be, in ns.
 * False, with 0 and -1, while it is not known: a Locust master, no answer
 * yet, or no worker. */
bool worker_master_clock(int64_t *offset, int64_t *error);
/* The start of a schedule by the master's clock, where that is known and the
 * plan says it; false: it stays as it came. */
bool worker_common_start(struct arrivals_plan *);
/* The last report and `quit`, flushed; then the socket closes.  Waits up to
 * 3 s for a master that is slow to take them. */
void worker_finish(void);

#endif
