/*
 * Handing out a trace to workers that come, leave and are killed, on paper:
 * every event is begun once at most, each user's in their order and one at a
 * time, and what is missing had been begun by one that was killed.  Workers
 * here do what user/replay.c does; master_send_replay() is wrapped.
 */
#include "cluster/handout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "cluster/master.h"
#include "user/begun.h"
#include "user/pending.h"
#include "user/tally.h"

#define USERS   40
#define EVENTS  6000
#define WORKERS 60
#define TICK    (50 * NS_PER_MS)

enum course { WAITS, RUNS, DONE, KILLED };

struct waits {
	struct waits *next;
	uint64_t number;
	int event;
};

struct worker {
	struct peer peer;               /* first */
	struct begun *begun;
	struct pending pending;
	struct tally tally;
	uint64_t expected;
	bool unreachable;
	bool gone;
	int running[USERS + 1];         /* event; 0: none */
	uint64_t number[USERS + 1];     /* of it */
	struct waits *lane[USERS + 1];
};

static struct {
	struct rng rng;
	struct handout handout;
	struct worker *workers[WORKERS];
	size_t count;
	enum course course[EVENTS + 1];
	int last[USERS + 1];            /* event that was begun */
	int64_t now;                    /* ticks */
	int read;
	int64_t gave;
	int64_t again;
} play;

int __wrap_master_send_replay(struct peer *, const struct wire_replay *);

int __wrap_master_send_replay(struct peer *p, const struct wire_replay *r)
{
	struct worker *w = (struct worker *)p;

	if (w->unreachable)
		return -1;
	if (w->gone)
		return 0;
	if (r->number != w->expected)
		tally_begin(&w->tally, r->number);
	w->expected = r->number + (uint64_t)pending_add(&w->pending,
	    r->events, r->len, r->number);
	return 0;
}

static bool chance(uint64_t one_in)
{
	return rng_below(&play.rng, one_in) == 0;
}

/* ---- a worker ---- */

static void begin(struct worker *w, uint64_t user, int event, uint64_t number)
{
	assert_int_equal(play.course[event], WAITS);
	assert_true(event > play.last[user]);
	for (size_t i = 0; i < play.count; i++)
		assert_int_equal(play.workers[i]->running[user], 0);
	play.course[event] = RUNS;
	play.last[user] = event;
	begun_mark(w->begun, number);
	w->running[user] = event;
	w->number[user] = number;
}

static void end(struct worker *w, size_t user)
{
	struct waits *next = w->lane[user];

	play.course[w->running[user]] = DONE;
	tally_done(&w->tally, w->number[user]);
	w->running[user] = 0;
	if (next == NULL)
		return;
	w->lane[user] = next->next;
	begin(w, user, next->event, next->number);
	free(next);
}

static void take(struct worker *w, const struct record *r, uint64_t number)
{
	struct waits **at = &w->lane[r->key];
	int event;

	memcpy(&event, r->payload, sizeof event);
	if (w->running[r->key] == 0) {
		begin(w, r->key, event, number);
		return;
	}
	while (*at != NULL)
		at = &(*at)->next;
	*at = xcalloc(1, sizeof **at);
	(*at)->event = event;
	(*at)->number = number;
}

static void work(struct worker *w)
{
	const struct record *r;

	while ((r = pending_first(&w->pending)) != NULL &&
	    r->due <= play.now * TICK) {
		take(w, r, pending_number(&w->pending));
		pending_drop(&w->pending);
	}
	for (size_t u = 1; u <= USERS; u++) {
		if (w->running[u] != 0 && chance(3))
			end(w, u);
	}
}

static void forget(struct worker *w, enum course course)
{
	w->gone = true;
	pending_release(&w->pending);
	for (size_t u = 1; u <= USERS; u++) {
		while (w->lane[u] != NULL) {
			struct waits *next = w->lane[u]->next;

			free(w->lane[u]);
			w->lane[u] = next;
		}
		if (w->running[u] != 0)
			play.course[w->running[u]] = course;
		w->running[u] = 0;
	}
}

/* ---- the course of it ---- */

static void join(void)
{
	struct worker *w = xcalloc(1, sizeof *w);
	int fd = begun_new(&w->begun);

	assert_true(fd >= 0);
	close(fd);
	w->peer.begun = w->begun;
	w->peer.index = (int64_t)play.count;
	w->peer.last_seen = clock_now();
	play.workers[play.count++] = w;
	assert_true(handout_join(&play.handout, &w->peer));
}

static size_t present(void)
{
	size_t n = 0;

	for (size_t i = 0; i < play.count; i++)
		n += !play.workers[i]->gone;
	return n;
}

static void read_some(void)
{
	for (int i = 0; i < 5 && play.read < EVENTS; i++) {
		int event = ++play.read;
		struct record r = { .due = (play.now + 20) * TICK,
			/* Few of them are always busy. */
			.key = 1 + rng_below(&play.rng, chance(2) ? 3 : USERS),
			.payload = (const char *)&event,
			.payload_len = sizeof event };

		assert_int_equal(handout_put(&play.handout, &r,
		    (uint64_t)event), 0);
	}
	handout_flush(&play.handout, play.now * TICK);
}

static void everybody_works(void)
{
	for (size_t i = 0; i < play.count; i++) {
		struct worker *w = play.workers[i];

		if (w->gone)
			continue;
		work(w);
		if (chance(4))
			handout_settled(&play.handout, &w->peer, w->tally.low);
	}
}

/* Is killed, or is told to go and ends what it has begun. */
static void go(struct worker *w)
{
	struct handout_account account;

	if (chance(2)) {
		forget(w, KILLED);
	} else {
		handout_leave(&play.handout, &w->peer);
		for (int i = 0; i < 3; i++) {
			play.now++;
			everybody_works();
			read_some();
		}
		forget(w, DONE);
	}
	handout_gone(&play.handout, &w->peer, true, &account);
	assert_int_equal(account.lost, 0);
	assert_true(account.given >= account.settled + account.again);
	play.again += account.again;
}

static void on_gave(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	play.gave++;
}

static bool is_over(void)
{
	for (size_t i = 0; i < play.count; i++) {
		for (size_t u = 1; u <= USERS; u++) {
			if (play.workers[i]->running[u] != 0)
				return false;
		}
	}
	return play.read == EVENTS && handout_over(&play.handout) &&
	    handout_idle(&play.handout);
}

static void tick(void)
{
	if (present() < 2 || (chance(150) && play.count < WORKERS))
		join();
	read_some();
	everybody_works();
	if (chance(150) && present() > 1) {
		struct worker *w = play.workers[rng_below(&play.rng,
		    play.count)];

		if (!w->gone)
			go(w);
	}
	/* Its messages pile up for a while. */
	play.workers[rng_below(&play.rng, play.count)]->unreachable =
	    chance(5);
	play.now++;
}

static void release(void)
{
	handout_release(&play.handout);
	for (size_t i = 0; i < play.count; i++) {
		tally_release(&play.workers[i]->tally);
		pending_release(&play.workers[i]->pending);
		begun_free(play.workers[i]->begun);
		free(play.workers[i]);
	}
}

static void test_come_and_go(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		int killed = 0;

		memset(&play, 0, sizeof play);
		rng_seed(&play.rng, seed, 0);
		play.handout.gave = on_gave;
		while (!is_over()) {
			tick();
			assert_true(play.now < 100000);
		}
		for (int e = 1; e <= EVENTS; e++) {
			assert_true(play.course[e] == DONE ||
			    play.course[e] == KILLED);
			killed += play.course[e] == KILLED;
		}
		assert_true(killed < EVENTS / 20 && play.again > 0);
		assert_int_equal(play.gave, EVENTS + play.again);
		assert_int_equal(handout_oldest(&play.handout), UINT64_MAX);
		release();
	}
}

/* An event, and who is to do it. */
static const int event = 1;
static const struct record r = { .due = NS_PER_S, .key = 7,
	.payload = (const char *)&event, .payload_len = sizeof event };

static void join_elsewhere(void)
{
	memset(&play, 0, sizeof play);
	play.handout.gave = on_gave;
	join();
	play.workers[0]->peer.begun = NULL;
}

/* Of one elsewhere nothing is known but what was not sent. */
static void test_elsewhere(void **state)
{
	struct handout_account a;

	(void)state;
	join_elsewhere();
	handout_put(&play.handout, &r, 1);
	handout_flush(&play.handout, 0);
	play.workers[0]->unreachable = true;
	handout_put(&play.handout, &r, 2);
	handout_put(&play.handout, &r, 3);
	handout_flush(&play.handout, 0);
	join();
	handout_gone(&play.handout, &play.workers[0]->peer, true, &a);
	assert_int_equal(a.given, 3);
	assert_int_equal(a.again, 2);
	assert_int_equal(a.settled, 0);
	assert_int_equal(handout_oldest(&play.handout), 2);
	/* The last one goes, too: nobody is there for them. */
	handout_gone(&play.handout, &play.workers[1]->peer, true, &a);
	assert_int_equal(a.lost, 2);
	assert_int_equal(handout_put(&play.handout, &r, 4), -1);
	release();
}

/* One elsewhere that has stopped has said what it is done with. */
static void test_stopped(void **state)
{
	const uint64_t first = UINT64_C(1) << 40;
	struct handout_account a;

	(void)state;
	join_elsewhere();
	for (int i = 0; i < 12; i++)
		handout_put(&play.handout, &r, 1);
	handout_flush(&play.handout, 0);
	/* The first two, and of the others the second and the tenth. */
	handout_settled(&play.handout, &play.workers[0]->peer, first + 2);
	handout_stopped(&play.handout, &play.workers[0]->peer, first + 3,
	    "\xff\xff", 2);
	handout_stopped(&play.handout, &play.workers[0]->peer, first + 2,
	    "\2\2", 2);
	handout_put(&play.handout, &r, 1);
	join();
	handout_gone(&play.handout, &play.workers[0]->peer, false, &a);
	assert_true(a.exact);
	assert_int_equal(a.given, 13);
	assert_int_equal(a.again, 13 - 4);
	assert_int_equal(a.lost, 0);
	/* One that was sent some and has had none of them. */
	join();
	play.workers[1]->peer.begun = NULL;
	handout_flush(&play.handout, 0);
	handout_stopped(&play.handout, &play.workers[1]->peer, 0, "", 0);
	handout_gone(&play.handout, &play.workers[1]->peer, false, &a);
	assert_true(a.exact);
	assert_int_equal(a.again, 13 - 4);
	release();
}

/* Who is not heard of gets no more: that much less is in doubt. */
static void test_silent(void **state)
{
	struct handout_account a;

	(void)state;
	join_elsewhere();
	for (int i = 0; i < 5; i++) {
		handout_put(&play.handout, &r, 1);
		handout_flush(&play.handout, 0);
		clock_advance(NS_PER_S);
	}
	/* At 0 and 1 s. */
	assert_false(handout_idle(&play.handout));
	join();
	handout_gone(&play.handout, &play.workers[0]->peer, false, &a);
	assert_int_equal(a.again, 3);
	assert_int_equal(a.given - a.again, 2);
	release();
	/* Heard of again, it gets what was kept. */
	join_elsewhere();
	clock_advance(2 * NS_PER_S);
	handout_put(&play.handout, &r, 1);
	handout_flush(&play.handout, 0);
	assert_false(handout_idle(&play.handout));
	play.workers[0]->peer.last_seen = clock_now();
	handout_flush(&play.handout, 0);
	assert_true(handout_idle(&play.handout));
	release();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_come_and_go),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_silent),
	};

	clock_freeze(NS_PER_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
