/*
 * Blocks of memory of which small ones are kept and used again: for messages
 * that come and go at full speed, one block each.  Of one worker's thread.
 */
#ifndef PLUGIN_BLOCKS_H
#define PLUGIN_BLOCKS_H

#include <stddef.h>

struct blocks {
	size_t small;                   /* bytes of a block kept */
	unsigned keep;                  /* so many at the most */
	unsigned count;
	struct block *first;
};

/* At least *size bytes, which becomes what there is; NULL without memory. */
void *blocks_take(struct blocks *, size_t *size);
/* With the size that blocks_take() told. */
void blocks_give(struct blocks *, void *, size_t size);
/* Frees what is kept. */
void blocks_clear(struct blocks *);

#endif
