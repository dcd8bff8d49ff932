/* Only blocks of one size are kept, so that the first kept one always fits. */
#include "blocks.h"

#include <stdlib.h>

struct block {
	struct block *next;
};

void *blocks_take(struct blocks *b, size_t *size)
{
	struct block *first = b->first;

	if (*size <= b->small) {
		*size = b->small;
		if (first) {
			b->first = first->next;
			b->count--;
			return first;
		}
	}
	return malloc(*size);
}

void blocks_give(struct blocks *b, void *p, size_t size)
{
	struct block *block = p;

	if (size != b->small || b->count == b->keep) {
		free(p);
		return;
	}
	block->next = b->first;
	b->first = block;
	b->count++;
}

void blocks_clear(struct blocks *b)
{
	while (b->first) {
		struct block *block = b->first;

		b->first = block->next;
		free(block);
	}
	b->count = 0;
}
