/* See the header. */
#include "user/tally.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define FIRST_SIZE 1024

static uint64_t *word(const struct tally *t, uint64_t number)
{
	return &t->bits[(number & (t->size - 1)) / 64];
}

static uint64_t bit(uint64_t number)
{
	return UINT64_C(1) << (number % 64);
}

void tally_release(struct tally *t)
{
	free(t->bits);
	memset(t, 0, sizeof *t);
}

void tally_begin(struct tally *t, uint64_t first)
{
	tally_release(t);
	t->low = first;
}

static void grow(struct tally *t, uint64_t number)
{
	struct tally old = *t;

	if (t->size == 0)
		t->size = FIRST_SIZE;
	while (number - t->low >= t->size)
		t->size *= 2;
	t->bits = xcalloc(t->size / 64, sizeof t->bits[0]);
	for (uint64_t n = old.low; n - old.low < old.size; n++) {
		if ((*word(&old, n) & bit(n)) != 0)
			*word(t, n) |= bit(n);
	}
	free(old.bits);
}

void tally_done(struct tally *t, uint64_t number)
{
	if (number < t->low)
		return;
	if (number == t->low && t->size == 0) {
		t->low++;
		return;
	}
	if (number - t->low >= t->size)
		grow(t, number);
	*word(t, number) |= bit(number);
	while ((*word(t, t->low) & bit(t->low)) != 0) {
		*word(t, t->low) &= ~bit(t->low);
		t->low++;
	}
}

int64_t tally_beyond(const struct tally *t, uint8_t *bits, size_t max)
{
	int64_t used = 0;

	memset(bits, 0, max);
	for (uint64_t i = 0; i < t->size; i++) {
		if ((*word(t, t->low + i) & bit(t->low + i)) == 0)
			continue;
		if (i / 8 >= max)
			return -1;
		bits[i / 8] |= (uint8_t)(1u << (i % 8));
		used = (int64_t)(i / 8) + 1;
	}
	return used;
}
