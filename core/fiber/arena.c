/*
 * Task arenas.  Most tasks need a few hundred bytes, so the chunks are 4 KiB
 * and go round in a pool of the thread: a task that allocates costs no call
 * of malloc once the pool is warm.  What does not fit into a chunk gets one
 * of its own, which is freed and not pooled.
 *
 * Under AddressSanitizer a pooled chunk is poisoned and unpoisoned piece by
 * piece, so that memory used after its task is found.
 */
#include "fiber/arena.h"

#include "base/xalloc.h"
#include "fiber/tools.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_CHUNK 4096
#define ARENA_ALIGN 16
#define ARENA_POOL_MAX 4096

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;                    /* of data */
	_Alignas(ARENA_ALIGN) char data[];
};

#define ARENA_DATA (ARENA_CHUNK - sizeof(struct arena_chunk))

static _Thread_local struct arena_chunk *pool;
static _Thread_local size_t pool_count;

static struct arena_chunk *arena_chunk_new(size_t size)
{
	struct arena_chunk *c = pool;
	size_t total;

	if (size <= ARENA_DATA && c) {
		pool = c->next;
		pool_count--;
		return c;
	}
	if (size < ARENA_DATA)
		size = ARENA_DATA;
	if (__builtin_add_overflow(size, sizeof(*c), &total))
		total = SIZE_MAX;
	c = xmalloc(total);
	c->size = size;
	tools_poison(c->data, c->size);
	return c;
}

static void arena_chunk_free(struct arena_chunk *c)
{
	if (c->size == ARENA_DATA && pool_count < ARENA_POOL_MAX) {
		tools_poison(c->data, c->size);
		c->next = pool;
		pool = c;
		pool_count++;
		return;
	}
	tools_unpoison(c->data, c->size);
	free(c);
}

static void *arena_grow(struct arena *a, size_t size)
{
	struct arena_chunk *c = arena_chunk_new(size);

	tools_unpoison(c->data, size);
	if (a->chunks && c->size > ARENA_DATA) {
		/* Full at once: the present chunk stays the one in use. */
		c->next = a->chunks->next;
		a->chunks->next = c;
		return c->data;
	}
	c->next = a->chunks;
	a->chunks = c;
	a->at = c->data + size;
	a->end = c->data + c->size;
	return c->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t rounded;
	void *p;

	if (size == 0)
		size = 1;
	rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (rounded < size)
		rounded = size;         /* too large: fails below */
	if (rounded > (size_t)(a->end - a->at))
		return arena_grow(a, rounded);
	p = a->at;
	tools_unpoison(p, size);
	a->at += rounded;
	return p;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	size_t room = (size_t)(a->end - a->at);
	va_list again;
	char *p;
	int n;

	/* Straight into the chunk when it fits there. */
	if (room)
		tools_unpoison(a->at, room);
	va_copy(again, ap);
	n = vsnprintf(a->at, room, fmt, again);
	va_end(again);
	if (room)
		tools_poison(a->at, room);
	if (n < 0) {
		p = arena_alloc(a, 1);
		p[0] = '\0';
		return p;
	}
	p = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n >= room)
		vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

void arena_clear(struct arena *a)
{
	struct arena_chunk *c = a->chunks;

	while (c) {
		struct arena_chunk *next = c->next;

		arena_chunk_free(c);
		c = next;
	}
	*a = (struct arena){ .chunks = NULL };
}
