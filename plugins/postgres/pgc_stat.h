/*
 * What is recorded, and under which names.
 */
#ifndef PGC_STAT_H
#define PGC_STAT_H

#include <stddef.h>
#include <stdint.h>

#include "pgc_dial.h"
#include "pgc_error.h"

struct swarm_user;

enum pgc_counter {
	PGC_ROWS, PGC_BYTES, PGC_CONNECTS, PGC_DISCONNECTS, PGC_TX_RETRIES,
	PGC_TX_FAILED, PGC_SERIALIZATION, PGC_DEADLOCKS, PGC_CANCELS,
	PGC_NOTIFICATIONS, PGC_NOTIFICATIONS_DROPPED, PGC_COUNTERS,
};

/* [worker] Once, before anything else here. */
void pgc_stat_init(void);
void pgc_stat_count(enum pgc_counter, int64_t add);

/* A finished statement, or other request.  err == NULL: it went well. */
struct pgc_sample {
	struct swarm_user *user;
	uint32_t series;                /* of swarm_series() */
	int64_t start;
	int64_t end;
	int64_t bytes;
	const struct pgc_error *err;
};
void pgc_stat_sample(const struct pgc_sample *);
/* Counts an error by its class, and by itself where it matters. */
void pgc_stat_error(const struct pgc_error *);
/* A connection made. */
void pgc_stat_connected(const struct pgc_phases *);
/* One that was not. */
void pgc_stat_refused(struct swarm_user *, int64_t start,
    const struct pgc_error *);
/* A sync point of a pipeline was reached, of a group of so many statements. */
void pgc_stat_sync(int64_t ns, unsigned depth);
/* A duration that is no request. */
void pgc_stat_observe(const char *type, const char *name, int64_t ns,
    int64_t bytes);

/* The statement, blanks squeezed, cut; into `buf`, which is returned. */
#define PGC_NAME_MAX 72
const char *pgc_stat_name(const char *sql, char buf[static PGC_NAME_MAX]);

#endif
