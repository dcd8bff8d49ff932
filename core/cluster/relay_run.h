/*
 * A relay's part in the plan of a run: stripes of arrivals and leases of
 * iterations are shared out among the workers below, and their progress goes
 * up as one worker's.
 */
#ifndef CLUSTER_RELAY_RUN_H
#define CLUSTER_RELAY_RUN_H

#include <stdbool.h>
#include <stddef.h>

struct peer;
struct stats;
struct wire_progress;
struct wire_replay;

/* The plan from above. */
void relay_run_take(const char *text);
/* No plan any more. */
void relay_run_clear(void);
/* Writes p->plan: what worker `i` of `n` is to do. */
void relay_run_share(struct peer *p, unsigned i, unsigned n);
/* News from below; true when that worker is to be sent its plan again. */
bool relay_run_progress(struct peer *p, const struct wire_progress *,
    size_t count);
/* Events from above, for the workers below. */
void relay_run_replay(const struct wire_replay *, void *arg);
/* What it had done is in the figures. */
void relay_run_reported(struct peer *p);
/* What came of its events is counted in `stats`. */
void relay_run_lost(struct peer *p, struct stats *stats);
/* The master is to hear of it before the next report: the end of something may
 * be near, or a replay goes on and it was not told for a while. */
bool relay_run_is_urgent(const struct wire_progress *, size_t count);
/* All of it, for the master; WIRE_MAX_EXECUTORS at most. */
size_t relay_run_collect(struct wire_progress *);

#endif
