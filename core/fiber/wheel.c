/*
 * The timer wheel.  Time is cut into ticks of 1 ms.  The near level has a slot
 * for each of the next 8,192 ticks; what lies further waits in the far level,
 * slots of 256 ticks each, and moves to the near one when its slot begins.
 * The far slots are that fine so that a move is small: a million users with
 * waits of 20 s make one of 13,000 timers, not one of 400,000.  Beyond the far
 * level's 17 minutes a timer waits in its last slot and is placed anew.
 *
 * A timer's tick is the end of the millisecond it falls into, which is why it
 * never fires early.  Everything that is due is first collected in order and
 * then fired, so that a timer may be added or removed, fired or not, by any
 * callback.
 *
 * A slot is a list of chunks of pointers, not of the timers themselves.  With
 * a million timers every one of them is far from the caches and the TLB; a
 * list through them waits for each in turn, while pointers side by side let
 * the next dozen be fetched during the present one, and adding or removing a
 * timer touches no other.  A removed timer leaves a hole, a chunk of holes is
 * freed.
 *
 * An empty wheel follows the clock wherever it goes (a test may set it back).
 */
#include "fiber/wheel.h"

#include "base/clock.h"
#include "base/xalloc.h"

#include <stddef.h>

#define TICK_NS NS_PER_MS

#define NEAR_SLOTS 8192
#define FAR_SHIFT 8                     /* ticks of a far slot, as a power */
#define FAR_SLOTS 4096
#define WORD_BITS 64

#define CACHE_LINE 64
#define CHUNK_BYTES 128                 /* and their alignment */
#define CHUNK_ENTRIES 13
#define BLOCK_CHUNKS 256                /* allocated at a time */

struct chunk {
	struct chunk *next;
	struct chunk **prev;            /* NULL: in no list */
	uint32_t used;                  /* entries, holes among them */
	uint32_t live;                  /* entries without the holes */
	struct wheel_timer *entry[CHUNK_ENTRIES];
};

_Static_assert(sizeof(struct chunk) == CHUNK_BYTES, "chunk_of() needs it");

static struct {
	int64_t tick;                   /* reached so far */
	int64_t next;                   /* nothing is due before this tick */
	size_t count;
	struct chunk *due;              /* collected, to be fired */
	struct chunk *spare;
	/* The newest chunk first: only that one may have room. */
	struct chunk *near[NEAR_SLOTS];
	struct chunk *far[FAR_SLOTS];
	/* A bit for each slot that may be in use. */
	uint64_t near_used[NEAR_SLOTS / WORD_BITS];
	uint64_t far_used[FAR_SLOTS / WORD_BITS];
} wheel = { .next = INT64_MAX };

/* Chunks are never given back: the next peak will need them again. */
static struct chunk *chunk_new(void)
{
	struct chunk *c = wheel.spare;

	if (!c) {
		c = xaligned(CHUNK_BYTES, BLOCK_CHUNKS * sizeof(*c));
		for (int i = 0; i < BLOCK_CHUNKS; i++) {
			c[i].next = wheel.spare;
			wheel.spare = &c[i];
		}
		c = wheel.spare;
	}
	wheel.spare = c->next;
	c->used = 0;
	c->live = 0;
	return c;
}

static struct chunk *chunk_of(struct wheel_timer **place)
{
	uintptr_t at = (uintptr_t)place;

	return (struct chunk *)(at - at % CHUNK_BYTES);
}

static void chunk_link(struct chunk **head, struct chunk *c)
{
	c->next = *head;
	if (c->next)
		c->next->prev = &c->next;
	c->prev = head;
	*head = c;
}

static void chunk_unlink(struct chunk *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->prev = NULL;
}

static void chunk_free(struct chunk *c)
{
	if (c->prev)
		chunk_unlink(c);
	c->next = wheel.spare;
	wheel.spare = c;
}

static void chunk_prefetch(const struct chunk *c)
{
	if (!c)
		return;
	__builtin_prefetch(c->next);
	for (uint32_t i = 0; i < c->used; i++) {
		/* What a timer belongs to usually begins before it. */
		uintptr_t t = (uintptr_t)c->entry[i];

		__builtin_prefetch((const void *)t);
		__builtin_prefetch((const void *)(t - CACHE_LINE));
	}
}

static void wheel_push(struct chunk **slot, struct wheel_timer *t)
{
	struct chunk *c = *slot;

	if (!c || c->used == CHUNK_ENTRIES) {
		c = chunk_new();
		chunk_link(slot, c);
	}
	t->place = &c->entry[c->used++];
	*t->place = t;
	c->live++;
}

static int64_t wheel_tick_of(int64_t when)
{
	if (when <= 0)
		return 0;
	if (when > INT64_MAX - TICK_NS)
		return INT64_MAX / TICK_NS;
	return (when + TICK_NS - 1) / TICK_NS;
}

static void wheel_place(struct wheel_timer *t)
{
	int64_t tick = wheel_tick_of(t->when);
	int64_t far, last;
	unsigned slot;

	if (tick < wheel.tick)
		tick = wheel.tick;
	if (tick - wheel.tick < NEAR_SLOTS) {
		slot = (unsigned)(tick % NEAR_SLOTS);
		wheel_push(&wheel.near[slot], t);
		wheel.near_used[slot / WORD_BITS] |=
		    UINT64_C(1) << (slot % WORD_BITS);
		if (tick < wheel.next)
			wheel.next = tick;
		return;
	}
	far = tick >> FAR_SHIFT;
	last = (wheel.tick >> FAR_SHIFT) + FAR_SLOTS - 1;
	if (far > last)
		far = last;
	slot = (unsigned)(far % FAR_SLOTS);
	wheel_push(&wheel.far[slot], t);
	wheel.far_used[slot / WORD_BITS] |= UINT64_C(1) << (slot % WORD_BITS);
	if (far << FAR_SHIFT < wheel.next)
		wheel.next = far << FAR_SHIFT;
}

void wheel_add(struct wheel_timer *t, int64_t when)
{
	wheel_del(t);
	if (wheel.count++ == 0) {
		wheel.tick = clock_now() / TICK_NS;
		wheel.next = INT64_MAX;
	}
	t->when = when;
	wheel_place(t);
}

/* The slot's bit stays: a bit too many costs one look, once. */
void wheel_del(struct wheel_timer *t)
{
	struct chunk *c;

	if (!t->place)
		return;
	c = chunk_of(t->place);
	*t->place = NULL;
	if (t->place == &c->entry[c->used - 1])
		c->used--;
	t->place = NULL;
	wheel.count--;
	if (--c->live == 0)
		chunk_free(c);
}

/* How many places after `from` the next set bit is, going round; -1: none.
 * `bits` is a power of two. */
static int wheel_distance(const uint64_t *map, unsigned bits, unsigned from)
{
	unsigned words = bits / WORD_BITS;
	unsigned w = from / WORD_BITS;
	uint64_t word = map[w] & (~UINT64_C(0) << (from % WORD_BITS));

	for (unsigned i = 0; i <= words; i++) {
		if (word) {
			unsigned at = w * WORD_BITS +
			    (unsigned)__builtin_ctzll(word);

			return (int)((at - from) & (bits - 1));
		}
		w = (w + 1) % words;
		word = map[w];
	}
	return -1;
}

/* The first tick from `tick` on that has something to do.  The far slot of
 * wheel.tick itself has been emptied already. */
static int64_t wheel_find(int64_t tick)
{
	int64_t best = INT64_MAX;
	int64_t far = (wheel.tick >> FAR_SHIFT) + 1;
	int n;

	n = wheel_distance(
	    wheel.near_used, NEAR_SLOTS, (unsigned)(tick % NEAR_SLOTS));
	if (n >= 0)
		best = tick + n;
	n = wheel_distance(
	    wheel.far_used, FAR_SLOTS, (unsigned)(far % FAR_SLOTS));
	if (n >= 0 && (far + n) << FAR_SHIFT < best)
		best = (far + n) << FAR_SHIFT;
	return best;
}

/* Moves a far slot's timers to where they belong now. */
static void wheel_cascade(int64_t far)
{
	unsigned slot = (unsigned)(far % FAR_SLOTS);
	struct chunk *c = wheel.far[slot];

	wheel.far[slot] = NULL;
	wheel.far_used[slot / WORD_BITS] &=
	    ~(UINT64_C(1) << (slot % WORD_BITS));
	while (c) {
		struct chunk *next = c->next;

		chunk_prefetch(next);
		for (uint32_t i = 0; i < c->used; i++)
			if (c->entry[i])
				wheel_place(c->entry[i]);
		c->prev = NULL;
		chunk_free(c);
		c = next;
	}
}

/* Appends a near slot's chunks to the list that ends at `tail`, oldest first;
 * returns the new end. */
static struct chunk **wheel_take(int64_t tick, struct chunk **tail)
{
	unsigned slot = (unsigned)(tick % NEAR_SLOTS);
	struct chunk *c = wheel.near[slot];
	struct chunk *newest = c;

	wheel.near[slot] = NULL;
	wheel.near_used[slot / WORD_BITS] &=
	    ~(UINT64_C(1) << (slot % WORD_BITS));
	while (c) {
		struct chunk *next = c->next;

		chunk_link(tail, c);
		c = next;
	}
	return newest ? &newest->next : tail;
}

static void wheel_collect(int64_t now_tick)
{
	struct chunk **tail = &wheel.due;
	int64_t tick;

	/* Only a callback that advances the wheel leaves some behind. */
	while (*tail)
		tail = &(*tail)->next;
	tick = wheel_find(wheel.tick);
	while (tick <= now_tick) {
		wheel.tick = tick;
		if ((tick & ((1 << FAR_SHIFT) - 1)) == 0)
			wheel_cascade(tick >> FAR_SHIFT);
		tail = wheel_take(tick, tail);
		tick = wheel_find(tick + 1);
	}
	wheel.tick = now_tick;
	wheel.next = tick;
}

/* Fires a chunk's timers, which may remove each other meanwhile. */
static void wheel_fire(struct chunk *c)
{
	c->live++;                      /* stays until we are through */
	for (uint32_t i = 0; i < c->used; i++) {
		struct wheel_timer *t = c->entry[i];

		if (!t)
			continue;
		c->entry[i] = NULL;
		c->live--;
		t->place = NULL;
		wheel.count--;
		t->fire(t);
	}
	if (--c->live == 0)
		chunk_free(c);
}

void wheel_advance(int64_t now)
{
	int64_t now_tick = now / TICK_NS;

	if (wheel.count == 0) {
		wheel.next = INT64_MAX;
		return;
	}
	if (now_tick < wheel.tick)
		return;
	wheel_collect(now_tick);
	chunk_prefetch(wheel.due);
	while (wheel.due) {
		struct chunk *c = wheel.due;

		chunk_unlink(c);
		chunk_prefetch(wheel.due);
		wheel_fire(c);
	}
}

int64_t wheel_next(void)
{
	if (wheel.count == 0 || wheel.next == INT64_MAX)
		return INT64_MAX;
	return wheel.next * TICK_NS;
}
