/* See the header. */
#include "cluster/meeting.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/master.h"
#include "cluster/wire.h"

#define MEETINGS_MAX 1000

/* What one worker has said, and what it was told. */
struct guest {
	struct peer *peer;
	int64_t arrived;
	int64_t left;
	int64_t released;
};

struct meeting {
	char name[80];
	int64_t wanted;
	struct guest *guests;
	size_t count;
	struct guest gone;              /* workers that were lost */
};

static struct meeting *meetings;
static size_t count;
static void (*up)(const struct wire_meet *);

void meeting_init(void (*to)(const struct wire_meet *))
{
	meeting_clear();
	up = to;
}

void meeting_clear(void)
{
	for (size_t i = 0; i < count; i++)
		free(meetings[i].guests);
	free(meetings);
	meetings = NULL;
	count = 0;
}

/* What strangers count may not run over. */
static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX / 2 : sum;
}

static int64_t waiting(const struct guest *g)
{
	int64_t n = plus(g->arrived, -plus(g->left, g->released));

	return n > 0 ? n : 0;
}

static struct meeting *find(const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(meetings[i].name, name) == 0)
			return &meetings[i];
	}
	return NULL;
}

static struct meeting *find_or_add(const char *name)
{
	struct meeting *m = find(name);

	if (m != NULL)
		return m;
	if (count == MEETINGS_MAX) {
		log_warn("more than %d names of rendezvous: \"%s\" is not "
		    "served", MEETINGS_MAX, name);
		return NULL;
	}
	meetings = xreallocarray(meetings, count + 1, sizeof meetings[0]);
	m = &meetings[count++];
	memset(m, 0, sizeof *m);
	snprintf(m->name, sizeof m->name, "%s", name);
	return m;
}

static struct guest *guest_of(struct meeting *m, struct peer *p)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->guests[i].peer == p)
			return &m->guests[i];
	}
	m->guests = xreallocarray(m->guests, m->count + 1,
	    sizeof m->guests[0]);
	m->guests[m->count] = (struct guest){ .peer = p };
	return &m->guests[m->count++];
}

/* Lets n of those that wait go; what nobody waits for (they left meanwhile)
 * goes to the first, who puts it right. */
static void let_go(struct meeting *m, int64_t n)
{
	for (size_t i = 0; i < m->count && n > 0; i++) {
		struct guest *g = &m->guests[i];
		int64_t here = waiting(g);

		here = here < n ? here : n;
		if (here == 0)
			continue;
		n -= here;
		g->released = plus(g->released, here);
		master_send_met(g->peer, m->name, g->released);
	}
	if (n > 0 && m->count > 0) {
		m->guests[0].released = plus(m->guests[0].released, n);
		master_send_met(m->guests[0].peer, m->name,
		    m->guests[0].released);
	}
}

static struct guest sum(const struct meeting *m)
{
	struct guest all = m->gone;

	for (size_t i = 0; i < m->count; i++) {
		all.arrived = plus(all.arrived, m->guests[i].arrived);
		all.left = plus(all.left, m->guests[i].left);
		all.released = plus(all.released, m->guests[i].released);
	}
	return all;
}

static void decide(struct meeting *m)
{
	struct guest all = sum(m);
	struct wire_meet above = { .wanted = m->wanted,
		.arrived = all.arrived, .left = all.left };
	int64_t here = 0;

	if (up != NULL) {
		memcpy(above.name, m->name, sizeof above.name);
		up(&above);
		return;
	}
	for (size_t i = 0; i < m->count; i++)
		here = plus(here, waiting(&m->guests[i]));
	/* However many groups there are: a worker may claim any number. */
	if (here >= m->wanted)
		let_go(m, here - here % m->wanted);
}

void meeting_take(struct peer *p, const struct wire_meet *news)
{
	struct meeting *m = find_or_add(news->name);
	struct guest *g;
	bool again;

	if (m == NULL)
		return;
	g = guest_of(m, p);
	again = g->arrived == news->arrived && g->left == news->left;
	g->arrived = news->arrived;
	g->left = news->left;
	m->wanted = news->wanted;
	decide(m);
	/* It still waits: the word that its users may go on was lost. */
	if (again && g->released > 0)
		master_send_met(p, m->name, g->released);
}

void meeting_lost(struct peer *p)
{
	for (size_t k = 0; k < count; k++) {
		struct meeting *m = &meetings[k];

		for (size_t i = 0; i < m->count; i++) {
			struct guest *g = &m->guests[i];

			if (g->peer != p)
				continue;
			m->gone.arrived = plus(m->gone.arrived, g->arrived);
			m->gone.left = plus(m->gone.left,
			    plus(g->left, waiting(g)));
			m->gone.released = plus(m->gone.released,
			    g->released);
			*g = m->guests[--m->count];
			decide(m);
			break;
		}
	}
}

void meeting_release(const char *name, int64_t released)
{
	struct meeting *m = find(name);

	if (m != NULL && released > sum(m).released)
		let_go(m, released - sum(m).released);
}
