/*
 * Events of a replayed trace to the workers: each user's to one of them, for
 * as long as that is there.  For the master, and for a relay with the workers
 * below it.
 */
#ifndef CLUSTER_HANDOUT_H
#define CLUSTER_HANDOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct peer;
struct record;

struct handout {
	struct peer **peers;
	uint64_t *places;
	struct buf *batches;
	size_t count;
};

/* All zero before. */
void handout_add(struct handout *, struct peer *);
void handout_release(struct handout *);
/* Whom it goes to, with the next batch; NULL when nobody is left. */
struct peer *handout_put(struct handout *, const struct record *);
void handout_flush(struct handout *);
/* Its users go to the others from now on. */
void handout_lost(struct handout *, const struct peer *);

#endif
