/*
 * Ids of users, <swarm/user.h>: numbers that no other user of the fleet has
 * while it lives.  There are 2^32 of them, so each worker has a block of its
 * own, by its index: a million for as many workers as nearly all fleets have,
 * and few for very many more.  A worker goes round in its block and leaves
 * out what is taken still.
 */
#ifndef USER_IDS_H
#define USER_IDS_H

#include <stdbool.h>
#include <stdint.h>

#define IDS_WIDE        3000u           /* indexes with a large block */
#define IDS_WIDE_SIZE   1000000u
#define IDS_NARROW_SIZE 5000u
/* Indexes there are. */
#define IDS_INDEXES (IDS_WIDE + \
    (UINT32_MAX - IDS_WIDE * IDS_WIDE_SIZE) / IDS_NARROW_SIZE)

struct ids {
	uint32_t first;
	uint32_t count;
	uint32_t next;                  /* of the block, to be tried first */
	uint32_t used;
	uint64_t *taken;                /* a bit for each of the block */
	bool told;                      /* that there are too few */
};

/* The block of the worker with that index (below IDS_INDEXES). */
void ids_of_worker(uint64_t index, uint32_t *first, uint32_t *count);

/* All zero before the first time.  Ids of another block that are still out
 * are never given twice either way. */
void ids_begin(struct ids *, uint32_t first, uint32_t count);
void ids_release(struct ids *);
/* When all are taken they repeat, after a warning. */
uint32_t ids_take(struct ids *);
void ids_give(struct ids *, uint32_t id);

#endif
