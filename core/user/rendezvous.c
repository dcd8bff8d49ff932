/*
 * Each name is a place where users park, the first to come in front.  The
 * numbers that go to the master only rise, but for one case: who gave up while
 * the word to go on was under way has not left in vain, and is taken back out
 * of those who left.
 */
#include "user/rendezvous.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/fiber.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "user/internal.h"

#define NAME_MAX_LEN 79
#define TELL_GAP     (10 * NS_PER_MS)
#define TELL_AGAIN   NS_PER_S           /* nobody was there, or a word was lost */

/* On the stack of a user that waits. */
struct waiter {
	struct waiter *next;
	struct swarm_waker *waker;
	bool met;
};

struct place {
	struct place *next;
	char name[NAME_MAX_LEN + 1];
	bool here;                      /* of this worker alone */
	struct waiter *first;
	struct waiter **last;
	int64_t waiting;
	int64_t wanted;
	int64_t arrived;
	int64_t left;
	int64_t released;
	bool news;
	int64_t told;
};

static struct place *places;
static struct wheel_timer teller;
static int64_t told;

/* Those who wait have no other way to be heard of, and a word on them may be
 * lost, as the one that they may go on: the master answers what it knows. */
static bool wants_word(const struct place *p)
{
	return !p->here && (p->news || p->waiting > 0);
}

static void tell_fired(struct wheel_timer *t)
{
	bool again = false;

	told = clock_now();
	for (struct place *p = places; p != NULL; p = p->next) {
		if (p->news || (wants_word(p) &&
		    told - p->told >= TELL_AGAIN)) {
			p->told = told;
			p->news = users.options.meet(p->name, p->wanted,
			    p->arrived, p->left, users.options.arg) == -1;
		}
		again = again || wants_word(p);
	}
	if (again)
		wheel_add(t, told + TELL_AGAIN);
}

static void tell(struct place *p)
{
	int64_t now = clock_now();
	int64_t at = told + TELL_GAP > now ? told + TELL_GAP : now;

	p->news = true;
	teller.fire = tell_fired;
	if (!wheel_pending(&teller) || teller.when > at)
		wheel_add(&teller, at);
}

void rendezvous_clear(void)
{
	wheel_del(&teller);
	while (places != NULL && places->first == NULL) {
		struct place *next = places->next;

		free(places);
		places = next;
	}
}

static struct place *find(const char *name, bool here)
{
	struct place *p = places;

	while (p != NULL && (p->here != here || strcmp(p->name, name) != 0))
		p = p->next;
	return p;
}

static struct place *find_or_add(const char *name, bool here)
{
	struct place *p = find(name, here);

	if (p != NULL)
		return p;
	p = xcalloc(1, sizeof *p);
	snprintf(p->name, sizeof p->name, "%s", name);
	p->here = here;
	p->last = &p->first;
	p->next = places;
	places = p;
	return p;
}

static void take_out(struct place *p, struct waiter *w)
{
	struct waiter **at = &p->first;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (p->last == &w->next)
		p->last = at;
	p->waiting--;
}

/* Returns how many of n nobody waits for any more. */
static int64_t let_go(struct place *p, int64_t n)
{
	for (; n > 0 && p->first != NULL; n--) {
		struct waiter *w = p->first;

		take_out(p, w);
		w->met = true;
		swarm_wake(w->waker);
	}
	return n;
}

void rendezvous_met(const char *name, int64_t released)
{
	struct place *p = find(name, false);
	int64_t gone;

	if (p == NULL || released <= p->released)
		return;
	gone = let_go(p, released - p->released);
	p->released = released;
	if (gone == 0)
		return;
	p->left -= gone < p->left ? gone : p->left;
	tell(p);
}

static int wait_there(struct place *p, double timeout)
{
	int64_t deadline = timeout > 0 ? swarm_in(timeout) : SWARM_FOREVER;
	struct waiter w = { .waker = swarm_waker() };
	int error;
	int rc = 0;

	*p->last = &w;
	p->last = &w.next;
	p->waiting++;
	p->arrived++;
	if (!p->here)
		tell(p);
	else if (p->waiting >= p->wanted)
		let_go(p, p->wanted);
	while (!w.met && rc == 0)
		rc = swarm_park(deadline);
	error = errno;
	swarm_waker_free(w.waker);
	if (w.met)
		return 0;
	take_out(p, &w);
	p->left++;
	if (!p->here)
		tell(p);
	errno = error;
	return -1;
}

static int meet(const char *name, unsigned count, double timeout, bool here)
{
	struct place *p;

	if (name == NULL || name[0] == '\0' ||
	    strlen(name) > NAME_MAX_LEN || count == 0) {
		errno = EINVAL;
		return -1;
	}
	p = find_or_add(name, here || users.options.meet == NULL);
	p->wanted = count;
	return wait_there(p, timeout);
}

SWARM_API int swarm_rendezvous(struct swarm_user *u, const char *name,
    unsigned count, double timeout)
{
	(void)u;
	return meet(name, count, timeout, false);
}

SWARM_API int swarm_rendezvous_here(struct swarm_user *u, const char *name,
    unsigned count, double timeout)
{
	(void)u;
	return meet(name, count, timeout, true);
}
