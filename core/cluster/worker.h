/*
 * The worker's side of the wire: one DEALER socket, registration, heartbeats,
 * reports.  Runs on the loop.
 */
#ifndef CLUSTER_WORKER_H
#define CLUSTER_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "cluster/wire.h"

struct worker_options {
	const char *connect;            /* "ipc://…" or "tcp://host:port" */
	bool local;                     /* started by the master on this machine:
	                                 * ends when the master does */
	struct stats *stats;            /* the delta; reset after each report */
	size_t class_count;
	const char *const *class_names;
	/* Events, on the loop. */
	void (*registered)(int64_t index, void *);
	/* An accepted spawn; answer with worker_spawned() when reached. */
	void (*spawn)(const struct wire_spawn *, bool first, void *);
	/* Answer with worker_stopped() when all users have gone. */
	void (*stop)(void *);
	/* Quit: stop users, worker_finish(), leave the loop. */
	void (*quit)(void *);
	/* The master can't be reached any more. */
	void (*orphaned)(const char *why, void *);
	/* Users running now, by class; fills class_count numbers. */
	void (*counts)(int64_t *, void *);
	void *arg;
};

int worker_start(const struct worker_options *);
void worker_spawned(void);
void worker_stopped(double stop_timeout);
/* Sends a log line, rate-limited; any thread. */
void worker_log(int level, const char *line);
void worker_stop_test(const char *why);
void worker_exception(const char *message, const char *where);
/* The last report and `quit`, flushed; then the socket closes. */
void worker_finish(void);

#endif
