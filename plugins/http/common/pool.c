/*
 * libcurl asks for some forty blocks for each request and gives them all back
 * at its end; malloc() would be an eighth of what a request costs, mostly for
 * the few that are too large for its own caches.
 *
 * A list for each of malloc()'s own block sizes up to 2 KiB, with a limit, so
 * that what a burst leaves behind goes.  Blocks have no header: malloc() knows
 * their size.  Under a sanitizer, which is to see every block, there is none.
 */
#include "pool.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STEP 16
#define CLASSES 128
#define CLASS_BYTES ((size_t)128 * 1024)        /* kept of each size */

struct block {
	struct block *next;
};

static struct {
	struct block *free;
	size_t count;
} lists[CLASSES];

/* Of a plugin, this would otherwise be a call for each block. */
static _Thread_local bool keeps
    __attribute__((tls_model("initial-exec")));

/* malloc()'s blocks hold 24, 40, 56, … bytes. */
static size_t class_of(size_t usable)
{
	return (usable - 8) / STEP - 1;
}

static size_t usable_for(size_t size)
{
	return size <= 24 ? 24 : (size - 8 + STEP - 1) / STEP * STEP + 8;
}

void pool_start(void)
{
#ifndef __SANITIZE_ADDRESS__
	keeps = true;
#endif
}

void pool_drop(void)
{
	struct block *b;
	size_t i;

	for (i = 0; i < CLASSES; i++) {
		while ((b = lists[i].free) != NULL) {
			lists[i].free = b->next;
			free(b);
		}
		lists[i].count = 0;
	}
}

void pool_release(void)
{
	pool_drop();
	keeps = false;
}

void *pool_malloc(size_t size)
{
	size_t class;
	struct block *b;

	if (!keeps || size > CLASSES * STEP)
		return malloc(size);
	size = usable_for(size);
	class = class_of(size);
	b = lists[class].free;
	if (!b)
		return malloc(size);
	lists[class].free = b->next;
	lists[class].count--;
	return b;
}

void pool_free(void *block)
{
	struct block *b = block;
	size_t usable, class;

	if (!keeps || !block) {
		free(block);
		return;
	}
	usable = malloc_usable_size(block);
	class = class_of(usable);
	if (class >= CLASSES || lists[class].count * usable > CLASS_BYTES) {
		free(block);
		return;
	}
	b->next = lists[class].free;
	lists[class].free = b;
	lists[class].count++;
}

void *pool_calloc(size_t count, size_t size)
{
	void *block;
	size_t all;

	if (__builtin_mul_overflow(count, size, &all))
		return NULL;
	if (!keeps || all > CLASSES * STEP)
		return calloc(count, size);
	block = pool_malloc(all);
	if (block)
		memset(block, 0, all);
	return block;
}

void *pool_realloc(void *block, size_t size)
{
	size_t usable = block ? malloc_usable_size(block) : 0;
	void *larger;

	if (!keeps || size > CLASSES * STEP || usable > CLASSES * STEP)
		return realloc(block, size);
	if (size <= usable && block)
		return block;
	larger = pool_malloc(size);
	if (!larger)
		return NULL;
	if (block)
		memcpy(larger, block, usable);
	pool_free(block);
	return larger;
}

char *pool_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = pool_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}
