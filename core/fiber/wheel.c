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
 * An empty wheel follows the clock wherever it goes (a test may set it back).
 */
#include "fiber/wheel.h"

#include "base/clock.h"

#include <stddef.h>

#define TICK_NS NS_PER_MS

#define NEAR_SLOTS 8192
#define FAR_SHIFT 8                     /* ticks of a far slot, as a power */
#define FAR_SLOTS 4096
#define WORD_BITS 64

static struct {
	int64_t tick;                   /* reached so far */
	int64_t next;                   /* nothing is due before this tick */
	size_t count;
	struct wheel_timer *due;        /* collected, being fired */
	struct wheel_timer *near[NEAR_SLOTS];
	struct wheel_timer *far[FAR_SLOTS];
	/* A bit for each slot that may be in use. */
	uint64_t near_used[NEAR_SLOTS / WORD_BITS];
	uint64_t far_used[FAR_SLOTS / WORD_BITS];
} wheel = { .next = INT64_MAX };

static void wheel_link(struct wheel_timer **head, struct wheel_timer *t)
{
	t->next = *head;
	if (t->next)
		t->next->prev = &t->next;
	t->prev = head;
	*head = t;
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
		wheel_link(&wheel.near[slot], t);
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
	wheel_link(&wheel.far[slot], t);
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
	if (!t->prev)
		return;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->next = NULL;
	t->prev = NULL;
	wheel.count--;
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
	struct wheel_timer *t = wheel.far[slot];

	wheel.far[slot] = NULL;
	wheel.far_used[slot / WORD_BITS] &=
	    ~(UINT64_C(1) << (slot % WORD_BITS));
	while (t) {
		struct wheel_timer *next = t->next;

		__builtin_prefetch(next);
		wheel_place(t);
		t = next;
	}
}

/* Appends a near slot's timers to the list that ends at `tail`, oldest first
 * (they were pushed at the front); returns the new end. */
static struct wheel_timer **wheel_take(
    int64_t tick, struct wheel_timer **tail)
{
	unsigned slot = (unsigned)(tick % NEAR_SLOTS);
	struct wheel_timer *t = wheel.near[slot];
	struct wheel_timer *newest = t;

	wheel.near[slot] = NULL;
	wheel.near_used[slot / WORD_BITS] &=
	    ~(UINT64_C(1) << (slot % WORD_BITS));
	if (!t)
		return tail;
	while (t) {
		struct wheel_timer *next = t->next;

		wheel_link(tail, t);
		t = next;
	}
	return &newest->next;
}

static void wheel_collect(int64_t now_tick)
{
	struct wheel_timer **tail = &wheel.due;
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
	while (wheel.due) {
		struct wheel_timer *t = wheel.due;

		__builtin_prefetch(t->next);
		wheel_del(t);
		t->fire(t);
	}
}

int64_t wheel_next(void)
{
	if (wheel.count == 0 || wheel.next == INT64_MAX)
		return INT64_MAX;
	return wheel.next * TICK_NS;
}
