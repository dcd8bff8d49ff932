/*
 * The master's side of the wire: one ROUTER socket, the table of workers,
 * liveness, and the local worker processes.  Runs on the loop; one master in
 * a process.
 *
 * Workers may be swarm's or Locust's; nothing that a worker, or a stranger
 * who found the port, sends can end the master or change another's numbers.
 */
#ifndef CLUSTER_MASTER_H
#define CLUSTER_MASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cluster/keys.h"
#include "cluster/numbers.h"
#include "cluster/wire.h"

/* STOPPING: from master_send_stop() until the worker is ready again.
 * MISSING: only during the `lost` event. */
enum peer_state { PEER_READY, PEER_SPAWNING, PEER_RUNNING, PEER_STOPPING,
	PEER_MISSING };

struct begun;

struct peer {
	char *id;                       /* identity: host_uuid */
	int64_t index;                  /* by first arrival, kept for the id */
	enum peer_state state;
	bool swarm;                     /* speaks the swarm map */
	char *version;                  /* what it said; "" not known */
	pid_t pid;                      /* a local worker's; 0 for remote */
	const struct begun *begun;      /* a local worker's, of a replay */
	bool ended;                     /* its process has */
	bool dismissed;                 /* asked to go; see master_dismiss() */
	bool drained;                   /* gets no users; the run's */
	bool awaited;                   /* was told to stop, and has not said
	                                 * that it did */
	int64_t last_seen;              /* clock_now() */
	int64_t away;                   /* in `joined`: ns it had not been heard
	                                 * of; 0: it was not lost */
	bool left;                      /* it said that it quits: all that it
	                                 * measured is here */
	struct health health;           /* of its last heartbeat */
	/* Its loop's delays, heartbeat by heartbeat; who looks at them may
	 * clear them. */
	struct histogram delays;
	int64_t clock_offset;           /* ns: our clock minus its own */
	int64_t clock_error;            /* ns: how far off it may be when it
	                                 * tells our clock; -1 not known */
	/* Reported users, one number for each class. */
	int64_t *running;
	/* Users that master_send_spawn() asks for; the run fills it in. */
	int64_t *wanted;
	/* Numbers of its users, one list for each class; the master's. */
	struct numbers_list *numbers;
	/* Text for the run on the other side, sent with each spawn (to swarm
	 * workers only); malloc'ed by the run, freed with the peer. */
	char *plan;
	/* The run's own; freed by the run, at the latest in `lost`. */
	void *run;
};

struct master_options {
	const char *bind;               /* tcp endpoint, or NULL: local only */
	const struct keys *keys;        /* NULL: not encrypted */
	int processes;                  /* local workers to start */
	/* Their arguments, NULL-ended; this program is run with
	 * "--local-worker ENDPOINT" before them. */
	char **worker_argv;
	size_t class_count;
	const char *const *class_names;
	double report_interval;         /* seconds, told to swarm workers */
	uint64_t seed;                  /* likewise; 0: not told */
	const char *split_by;           /* likewise; NULL: nothing */
	/* Workers are not answered before master_open(); `knocked` tells how
	 * many wait.  For a relay, which must be known above first. */
	bool closed;
	void (*knocked)(size_t workers, void *);
	struct stats *stats;            /* merged into */
	/*
	 * Events, all on the loop; NULL: nobody asks.  A worker that comes
	 * back after it was lost joins again, under its old index.
	 */
	void (*joined)(struct peer *, void *);
	/* Missing, quit or dead; `why` in words.  Still in the table during
	 * the call, as PEER_MISSING; freed after it.  A local worker that
	 * died before it joined comes here too, with index -1. */
	void (*lost)(struct peer *, const char *why, bool crashed, void *);
	void (*spawned)(struct peer *, void *); /* spawning_complete */
	void (*reported)(struct peer *, void *);        /* stats merged */
	void (*stopped)(struct peer *, void *); /* client_stopped */
	/* `level` is an enum log_level. */
	void (*log)(struct peer *, int level, const char *line, void *);
	/* An uncaught error in user code. */
	void (*exception)(struct peer *, const char *message,
	    const char *traceback, void *);
	void (*stop_test)(struct peer *, const char *why, void *);
	/* Wants positions of a feed: answer with master_send_rows(). */
	void (*rows)(struct peer *, const struct wire_rows_wanted *, void *);
	/* What a module there tells its own here; before `reported`. */
	void (*module)(struct peer *, const struct wire_module *, void *);
	/* A relay has lost a worker, or has it back. */
	void (*below)(struct peer *, const struct wire_below *, void *);
	/* What its users did around a moment: master_send_flight(). */
	void (*flight)(struct peer *, const struct wire_flight *, void *);
	/* A heartbeat was answered. */
	void (*answered)(struct peer *, void *);
	/* How far executors are there. */
	void (*progress)(struct peer *, const struct wire_progress *,
	    size_t count, void *);
	/* Users wait for others. */
	void (*meet)(struct peer *, const struct wire_meet *, void *);
	/* A message that the protocol does not know: a scenario's own. */
	void (*custom)(struct peer *, const struct wire_message *, void *);
	/* The clock that workers are told is clock_now() plus this, give or
	 * take `error`; NULL: ours.  False: not known yet. */
	bool (*clock)(int64_t *offset, int64_t *error, void *);
	void *arg;
};

/* Everything in the options is copied but `stats` and `keys`.  0, or -1 after
 * log_error(). Starts the local workers too. */
int master_start(const struct master_options *);
/* Lets in those that wait and all to come; they have so many indexes from
 * `first` on, and the rest is what the master above says. */
void master_open(int64_t first, int64_t count, const struct wire_ack *above);
/* The same anew: `lost` for all that are there, and they register again, to be
 * given other indexes. */
void master_reopen(int64_t first, int64_t count, const struct wire_ack *above);
/* The address remote workers connect to, with the port chosen; NULL when
 * there are only local ones. */
const char *master_endpoint(void);
size_t master_class_count(void);
size_t master_peer_count(void);
struct peer *master_peer_at(size_t i);
/* Sends the absolute counts in peer->wanted, and peer->plan. */
void master_send_spawn(struct peer *, const char *host, double stop_timeout);
/* peer->plan alone. */
void master_send_plan(struct peer *);
void master_send_met(struct peer *, const char *name, int64_t released);
/* Asks for what users did around now; only of swarm's workers. */
void master_send_flight(struct peer *, const struct wire_flight *);
void master_send_stop(struct peer *);
/* A scenario's own message, to the worker of that id or (NULL) to all: 0, or
 * -1 with errno ENOTCONN (there is none) or EINVAL (no JSON). */
int master_send_custom(const char *to, const char *type, const char *json);
/* One as it came, to all. */
void master_forward_custom(const struct wire_message *);
/* Asks it to end what it does and to leave; `lost` follows. */
void master_dismiss(struct peer *);
/* While no test runs: as many local workers with other arguments (NULL-ended,
 * copied) instead of those that are there, which are dismissed. */
void master_restart_locals(char *const *worker_argv);
void master_send_rows(struct peer *, const struct wire_rows *);
/* Events to replay (cluster/handout.h): 0, or -1 when they are not on their
 * way, and may be tried again. */
int master_send_replay(struct peer *, const struct wire_replay *);
/*
 * Numbers of users (cluster/numbers.h): before the master_send_spawn() of one
 * step, all swarm workers' lists are brought to what they are wanted to run.
 * Before a new test, all are free: `limit` of them, or those that
 * numbers_add() gives; and reports of the test before count no more.
 */
void master_number_users(double stop_timeout);
void master_reset_numbers(uint32_t limit);
/* Tells everyone that a ramp is through with so many users. */
void master_ramp_complete(int64_t users);
/* Tells everyone to quit; `done` when all have left or `timeout` passed, with
 * the final reports merged.  Then local workers are killed if need be. */
void master_quit(double timeout, void (*done)(void *), void *arg);
/* At once: SIGKILL to local workers, files removed.  Async-signal-unsafe. */
void master_abort(void);
/* Releases everything. */
void master_release(void);

/* What was refused since the start: malformed messages, messages of unknown
 * workers, and those beyond a worker's limit. */
struct master_refused {
	uint64_t malformed;
	uint64_t unknown;
	uint64_t excess;
	uint64_t levels;                /* registrations of another level */
};
void master_refused(struct master_refused *);

#endif
