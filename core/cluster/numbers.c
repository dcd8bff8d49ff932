/* Numbers of users: see the header. */
#include "cluster/numbers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define LONGEST_RUN (1u << 30)

/* Given up at a time, in that order. */
struct resting {
	uint32_t number;
	int64_t until;
};

static struct {
	uint64_t *taken;                /* a bit for each number below `size` */
	size_t size;
	uint32_t limit;
	uint32_t lowest;                /* none below is free */
	struct resting *resting;        /* a ring that is never full */
	size_t rest_first;
	size_t rest_count;
	size_t rest_room;
} all;

static bool is_taken(uint32_t n)
{
	return (all.taken[n / 64] >> (n % 64)) & 1;
}

/* New numbers are free below the limit, and taken (not ours) beyond. */
static void grow(uint32_t n)
{
	size_t size = all.size > 0 ? all.size : 1024;

	if (n < all.size)
		return;
	while (size <= n)
		size *= 2;
	all.taken = xreallocarray(all.taken, size / 64, sizeof all.taken[0]);
	for (size_t i = all.size; i < size; i += 64)
		all.taken[i / 64] = 0;
	for (size_t i = all.size > all.limit ? all.size : all.limit; i < size;
	    i++)
		all.taken[i / 64] |= UINT64_C(1) << (i % 64);
	all.size = size;
}

void numbers_release(void)
{
	free(all.taken);
	free(all.resting);
	memset(&all, 0, sizeof all);
}

void numbers_reset(uint32_t limit)
{
	numbers_release();
	all.limit = limit;
	grow(0);
}

void numbers_add(uint32_t n)
{
	grow(n);
	all.taken[n / 64] &= ~(UINT64_C(1) << (n % 64));
	if (n < all.lowest)
		all.lowest = n;
}

static uint32_t take(void)
{
	size_t n = all.lowest;

	while (n < all.size && is_taken((uint32_t)n))
		n += (n % 64 == 0 && all.taken[n / 64] == UINT64_MAX) ? 64 : 1;
	if (n >= all.size && n >= all.limit)
		return NUMBERS_NONE;
	grow((uint32_t)n);
	all.taken[n / 64] |= UINT64_C(1) << (n % 64);
	all.lowest = (uint32_t)n + 1;
	return (uint32_t)n;
}

static void rest_until(uint32_t n, int64_t until)
{
	size_t at;

	if (all.rest_count == all.rest_room) {
		size_t room = all.rest_room > 0 ? all.rest_room * 2 : 64;
		struct resting *bigger = xcalloc(room, sizeof *bigger);

		for (size_t i = 0; i < all.rest_count; i++)
			bigger[i] = all.resting[(all.rest_first + i) %
			    all.rest_room];
		free(all.resting);
		all.resting = bigger;
		all.rest_first = 0;
		all.rest_room = room;
	}
	at = (all.rest_first + all.rest_count++) % all.rest_room;
	all.resting[at] = (struct resting){ n, until };
}

static void end_rests(int64_t now)
{
	while (all.rest_count > 0 &&
	    all.resting[all.rest_first].until <= now) {
		numbers_add(all.resting[all.rest_first].number);
		all.rest_first = (all.rest_first + 1) % all.rest_room;
		all.rest_count--;
	}
}

static void push(struct numbers_list *l, uint32_t n)
{
	if (l->count == l->room) {
		l->room = l->room > 0 ? l->room * 2 : 16;
		l->at = xreallocarray(l->at, l->room, sizeof l->at[0]);
	}
	l->at[l->count++] = n;
}

void numbers_set(struct numbers_list *l, size_t count, int64_t now,
    int64_t rest)
{
	end_rests(now);
	while (l->count > count) {
		uint32_t n = l->at[--l->count];

		if (n != NUMBERS_NONE)
			rest_until(n, now + rest);
	}
	if (l->told > l->count)
		l->told = l->count;
	while (l->count < count)
		push(l, take());
}

void numbers_free(struct numbers_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->at[i] != NUMBERS_NONE)
			numbers_add(l->at[i]);
	}
	free(l->at);
	memset(l, 0, sizeof *l);
}

/* ---- on the wire ---- */

static void put(struct buf *out, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_putc(out, (char)(v | 0x80));
	buf_putc(out, (char)v);
}

void numbers_encode(struct numbers_list *l, struct buf *out)
{
	size_t i = l->told;

	put(out, (uint32_t)i);
	while (i < l->count) {
		uint32_t first = l->at[i];
		uint32_t step = i + 1 < l->count ? l->at[i + 1] - first : 0;
		uint32_t length = 1;

		while (i + length < l->count &&
		    l->at[i + length] - l->at[i + length - 1] == step)
			length++;
		put(out, first);
		put(out, step);
		put(out, length);
		i += length;
	}
	l->told = l->count;
}

static int get(const unsigned char **at, const unsigned char *end, uint32_t *v)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		unsigned char byte;

		if (*at == end)
			return -1;
		byte = *(*at)++;
		n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*v = (uint32_t)n;
			return n > UINT32_MAX ? -1 : 0;
		}
	}
	return -1;
}

int numbers_decode(struct numbers_list *l, size_t count, const void *data,
    size_t len)
{
	const unsigned char *at = data;
	const unsigned char *end = at + len;
	uint32_t from, first, step, length;

	if (l->count > count)
		l->count = count;
	if (data == NULL)
		return 0;
	if (get(&at, end, &from) == -1 || from > l->count)
		return -1;
	l->count = from;
	while (at < end) {
		if (get(&at, end, &first) == -1 || get(&at, end, &step) == -1 ||
		    get(&at, end, &length) == -1 || length > LONGEST_RUN ||
		    length > count - l->count)
			return -1;
		for (uint32_t i = 0; i < length; i++)
			push(l, first + i * step);
	}
	return 0;
}
