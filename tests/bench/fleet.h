/*
 * A fleet of workers in one process, for bench_fleet.c: real sockets and real
 * messages, but no users.
 */
#ifndef BENCH_FLEET_H
#define BENCH_FLEET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stats/stats.h"

/* What it has seen, for its parent. */
struct fleet_seen {
	atomic_llong acks;
	atomic_llong spawns;
	atomic_llong sent;              /* reports */
	atomic_llong refused;           /* by a full queue */
	atomic_bool used[1 << 17];      /* indexes */
	atomic_llong repeated;          /* of these */
};

struct fleet {
	int64_t workers;
	int64_t series;
	int64_t interval;               /* seconds between two reports */
	bool locust;                    /* speaks to Locust's master */
	struct fleet_seen *seen;        /* shared memory */
};
extern struct fleet fleet;

/* What each reports. */
struct stats *fleet_delta(void);
/* The child; the workers are dealt out to the endpoints. */
pid_t fleet_start(char **endpoints, size_t count);

#endif
