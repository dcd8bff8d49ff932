/*
 * Positions handed out: each worker gets ranges of an endless sequence, no
 * two the same one.  What a worker that is lost had not used is given to
 * others before anything new.  A worker says how much it has used with each
 * question; what it used since then is used again, so that nothing is lost.
 *
 * Pure bookkeeping, for the master and for a relay, whose stock comes from
 * above.
 */
#ifndef CLUSTER_LEASE_H
#define CLUSTER_LEASE_H

#include <stddef.h>
#include <stdint.h>

struct lease_range {
	uint64_t from;
	uint64_t count;
};

/* What a worker has got and not used, oldest first. */
struct lease_holder {
	int64_t worker;
	uint64_t used;                  /* said by it so far */
	struct lease_range *ranges;
	size_t count;
};

/* Of one feed. */
struct lease {
	uint64_t next;                  /* never handed out from here on */
	uint64_t total;
	struct lease_range *back;       /* to be handed out first */
	size_t back_count;
	struct lease_holder *holders;
	size_t holder_count;
};

/* Positions 0 .. total-1. */
void lease_init(struct lease *, uint64_t total);
void lease_release(struct lease *);
/*
 * A worker that has used `used` in all wants about `want` more; `workers` of
 * them share what is left, so that near its end nobody holds much.  A range,
 * with a count of 0 when there is none.
 */
struct lease_range lease_grant(struct lease *, int64_t worker, uint64_t want,
    uint64_t used, size_t workers);
/* More to hand out. */
void lease_add(struct lease *, struct lease_range);
/* Positions that are handed out and not said to be used, or to be handed
 * out again. */
uint64_t lease_unused(const struct lease *);
/* The worker is gone. */
void lease_lost(struct lease *, int64_t worker);

#endif
