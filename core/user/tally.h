/*
 * Numbers that are done with, in any order, and the first one that is not.
 */
#ifndef USER_TALLY_H
#define USER_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct tally {
	uint64_t low;                   /* all below are done with */
	uint64_t *bits;                 /* a ring, from `low` on */
	size_t size;                    /* bits, a power of two */
};

/* All zero before. */
void tally_release(struct tally *);
/* Numbers begin here, whatever was before. */
void tally_begin(struct tally *, uint64_t first);
/* One below `low` is of no use any more. */
void tally_done(struct tally *, uint64_t number);
/* Those from `low` on, a bit each, the lowest first in its byte: how many
 * bytes, without zeros at the end, or -1 when there are more than `max`. */
int64_t tally_beyond(const struct tally *, uint8_t *bits, size_t max);

#endif
