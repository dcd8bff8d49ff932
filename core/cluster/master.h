/*
 * The master's side of the wire: one ROUTER socket, the table of workers,
 * liveness, and the local worker processes.  Runs on the loop.
 */
#ifndef CLUSTER_MASTER_H
#define CLUSTER_MASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/wire.h"

enum peer_state { PEER_READY, PEER_SPAWNING, PEER_RUNNING, PEER_STOPPING,
	PEER_MISSING };

struct peer {
	char *id;                       /* identity: host_uuid */
	int64_t index;
	enum peer_state state;
	bool swarm;                     /* speaks the swarm map */
	char *version;
	pid_t pid;                      /* a local worker's; 0 for remote */
	int64_t last_seen;              /* clock_now() */
	double cpu;
	int64_t memory;
	double loop_busy;
	double loop_delay_ms;
	/* Reported users, parallel to user_class_count(). */
	int64_t *running;
	/* Wanted users by the last plan sent. */
	int64_t *wanted;
};

struct master_options {
	const char *bind;               /* tcp endpoint, or NULL: local only */
	const char *local;              /* "ipc://…" for local workers, or NULL */
	int processes;                  /* local workers to start */
	char **worker_argv;             /* their command line, NULL-ended */
	size_t class_count;
	const char *const *class_names;
	double report_interval;         /* seconds */
	struct stats *stats;            /* merged into */
	/* Events, all on the loop. */
	void (*joined)(struct peer *, void *);
	/* Missing, quit or dead; `why` in words.  Freed after the call. */
	void (*lost)(struct peer *, const char *why, bool crashed, void *);
	void (*spawned)(struct peer *, void *); /* spawning_complete */
	void (*reported)(struct peer *, void *);        /* stats merged */
	void (*stopped)(struct peer *, void *); /* client_stopped */
	void (*log)(struct peer *, int level, const char *line, void *);
	void (*stop_test)(struct peer *, const char *why, void *);
	void *arg;
};

/* 0, or -1 after log_error(). Starts the local workers too. */
int master_start(const struct master_options *);
size_t master_peer_count(void);
struct peer *master_peer_at(size_t i);
/* Sends the absolute counts in peer->wanted. */
void master_send_spawn(struct peer *, const char *host, double stop_timeout);
void master_send_stop(struct peer *);
/* Tells everyone to quit; `done` when all have left or `timeout` passed, with
 * the final reports merged.  Then local workers are killed if need be. */
void master_quit(double timeout, void (*done)(void *), void *arg);
/* At once: SIGKILL to local workers, files removed. */
void master_abort(void);
/* Releases everything. */
void master_release(void);

#endif
