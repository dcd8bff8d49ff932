/* Iterations by a schedule: see the header. */
#include "user/arrivals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "stats/stats.h"
#include "user/internal.h"
#include "user/pace.h"
#include "user/schedule.h"
#include "user/ticker.h"

#define FAR        PACE_NEVER
#define STRIPES_MAX 1000000
#define QUEUE_MAX   10000000
#define PENDING_MAX 8

/* A plan's share of the schedule, walked through. */
struct stretch {
	struct stretch *then;           /* takes over at its `from` */
	struct schedule schedule;
	struct schedule_walk walk;
	int64_t from;                   /* ns after t = 0 */
};

struct arrivals {
	struct pace pace;               /* first */
	unsigned number;
	struct stretch *now;
	size_t pending;
	bool common;                    /* its start: by the shared clock */
	int64_t next;                   /* ns after t = 0; FAR: the end */
	int64_t *queue;                 /* intended times, a ring */
	size_t queue_max;
	size_t queue_head;
	size_t queued;
};

static void stretch_free(struct stretch *s)
{
	while (s != NULL) {
		struct stretch *then = s->then;

		schedule_release(&s->schedule);
		free(s);
		s = then;
	}
}

/* When the next one is due: of the present plan, or of the one that takes
 * over from it. */
static void draw_next(struct arrivals *a)
{
	for (;;) {
		double t = schedule_walk_next(&a->now->walk);
		struct stretch *then = a->now->then;

		a->next = t * (double)NS_PER_S < (double)FAR ?
		    (int64_t)(t * (double)NS_PER_S) : FAR;
		if (then == NULL || a->next < then->from)
			return;
		a->now->then = NULL;
		stretch_free(a->now);
		a->now = then;
		a->pending--;
	}
}

static void enqueue(struct arrivals *a, int64_t due)
{
	size_t at;

	if (a->pace.busy == ARRIVALS_DROP || a->queued == a->queue_max) {
		pace_drop(&a->pace);
		return;
	}
	at = (a->queue_head + a->queued) % a->queue_max;
	a->queue[at] = due;
	a->queued++;
}

static int64_t dequeue(struct arrivals *a)
{
	int64_t due = a->queue[a->queue_head];

	a->queue_head = (a->queue_head + 1) % a->queue_max;
	a->queued--;
	return due;
}

static int64_t next_of(const struct pace *p)
{
	return ((const struct arrivals *)(const void *)p)->next;
}

/* Twice the rate that they were due at. */
static int64_t spread_gap(const struct arrivals *a)
{
	double rate = schedule_rate(&a->now->schedule,
	    (double)a->next / (double)NS_PER_S);
	double gap = (double)a->now->walk.stripes / (2 * rate);

	return gap < 1 ? (int64_t)(gap * (double)NS_PER_S) : NS_PER_S;
}

/* The one after a late one has to wait its turn. */
static void spread(struct arrivals *a)
{
	struct pace *p = &a->pace;
	int64_t now = clock_now();

	/* A timer is late by up to a tick, which must not slow it down. */
	if (p->not_before < now - 4 * TICKER_LATE)
		p->not_before = now;
	p->not_before += spread_gap(a);
}

static void start_one(struct arrivals *a, int64_t at, bool late)
{
	struct swarm_user *u;

	if (late && a->pace.catch_up == ARRIVALS_SKIP) {
		pace_drop(&a->pace);
		return;
	}
	u = user_list_take(&a->pace.idle);
	if (u != NULL)
		user_run_at(u, at);
	else
		enqueue(a, at);
}

static void begin(struct pace *p, int64_t at, bool late)
{
	struct arrivals *a = (struct arrivals *)(void *)p;

	if (late && p->catch_up == ARRIVALS_SPREAD)
		spread(a);
	start_one(a, at, late);
	draw_next(a);
}

static void release(struct pace *p)
{
	free(p);
}

static struct stretch *stretch_new(const struct arrivals_plan *plan)
{
	struct stretch *s = xcalloc(1, sizeof *s);

	if (schedule_parse(&s->schedule, plan->schedule) == -1) {
		free(s);
		return NULL;
	}
	s->schedule.poisson = plan->poisson;
	s->from = plan->from;
	schedule_walk_init(&s->walk, &s->schedule, plan->stripe,
	    plan->stripes, plan->seed);
	schedule_walk_skip(&s->walk, (double)plan->from / (double)NS_PER_S);
	return s;
}

struct arrivals *arrivals_new(const struct arrivals_plan *plan)
{
	struct stretch *now = stretch_new(plan);
	struct arrivals *a;

	if (now == NULL)
		return NULL;
	a = xcalloc(1, sizeof *a);
	a->pace.next = next_of;
	a->pace.begin = begin;
	a->pace.free = release;
	if (pace_init(&a->pace, plan) == -1) {
		stretch_free(now);
		free(a);
		return NULL;
	}
	a->now = now;
	a->number = plan->number;
	a->common = plan->common;
	a->queue_max = plan->queue_max > 0 ? plan->queue_max : 1;
	a->queue = xcalloc(a->queue_max, sizeof a->queue[0]);
	draw_next(a);
	pace_arm(&a->pace);
	return a;
}

void arrivals_free(struct arrivals *a)
{
	if (a == NULL)
		return;
	stretch_free(a->now);
	free(a->queue);
	pace_free(&a->pace);
}

int arrivals_update(struct arrivals *a, const struct arrivals_plan *plan)
{
	struct stretch **end = &a->now->then;
	struct stretch *s;

	/* The shared clock gets better with time, and then with each change
	 * again: all workers change at one instant. */
	if (plan->common && (!a->common || a->number != plan->number)) {
		a->pace.start = plan->start;
		a->common = true;
		pace_arm(&a->pace);
	}
	if (a->number == plan->number)
		return 0;
	s = stretch_new(plan);
	if (s == NULL)
		return -1;
	a->number = plan->number;
	/* Changes that follow each other within moments: the last counts. */
	while (*end != NULL && ((*end)->then != NULL ||
	    a->pending < PENDING_MAX))
		end = &(*end)->then;
	if (*end != NULL)
		stretch_free(*end);
	else
		a->pending++;
	*end = s;
	/* What the old plan had drawn belongs to the new one from there on. */
	if (a->next >= s->from && a->pending == 1) {
		a->now->then = NULL;
		stretch_free(a->now);
		a->now = s;
		a->pending = 0;
		draw_next(a);
		pace_arm(&a->pace);
	}
	return 0;
}

void arrivals_pause(struct arrivals *a, bool paused, int64_t shift)
{
	int64_t moved = shift - a->pace.shift;

	for (size_t i = 0; i < a->queued; i++)
		a->queue[(a->queue_head + i) % a->queue_max] += moved;
	a->pace.shift = shift;
	a->pace.paused = paused;
	if (a->pace.stopped)
		return;
	while (!paused && a->queued > 0 && a->pace.idle.first != NULL)
		user_run_at(user_list_take(&a->pace.idle), dequeue(a));
	pace_arm(&a->pace);
}

void arrivals_stop(struct arrivals *a)
{
	a->pace.stopped = true;
	a->next = FAR;
	/* Nobody will run these any more. */
	while (a->queued > 0) {
		dequeue(a);
		pace_drop(&a->pace);
	}
	pace_arm(&a->pace);
}

bool arrivals_next(struct arrivals *a, struct swarm_user *u)
{
	if (a->queued == 0 || a->pace.paused) {
		user_list_add(&a->pace.idle, u);
		return false;
	}
	u->intended = dequeue(a);
	return true;
}

void arrivals_status(const struct arrivals *a, struct arrivals_status *s)
{
	pace_status(&a->pace, s);
	s->queued = a->queued;
}

/* ---- text ---- */

static const char *const catch_ups[] = { [ARRIVALS_BURST] = "burst",
	[ARRIVALS_SPREAD] = "spread", [ARRIVALS_SKIP] = "drop" };

int arrivals_catch_up_parse(const char *text, enum arrivals_catch_up *out)
{
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(catch_ups[i], text) == 0) {
			*out = (enum arrivals_catch_up)i;
			return 0;
		}
	}
	return -1;
}

int arrivals_busy_parse(const char *text, enum arrivals_busy *out)
{
	if (strcmp(text, "queue") == 0)
		*out = ARRIVALS_QUEUE;
	else if (strcmp(text, "drop") == 0)
		*out = ARRIVALS_DROP;
	else
		return -1;
	return 0;
}

void arrivals_plan_text(const struct arrivals_plan *p, struct buf *out)
{
	buf_printf(out, "number=%u poisson=%d stripe=%u stripes=%u seed=%llu "
	    "%s=%lld shared=%lld from=%lld drop=%d catchup=%d queue=%zu schedule=%s",
	    p->number, p->poisson, p->stripe, p->stripes,
	    (unsigned long long)p->seed, p->relative ? "in" : "start",
	    (long long)p->start, (long long)p->shared, (long long)p->from,
	    p->busy == ARRIVALS_DROP, (int)p->catch_up, p->queue_max,
	    p->schedule);
}

static int parse_word(struct arrivals_plan *p, const char *key,
    const char *value)
{
	/* A seed is any number, the others are times and counts. */
	int64_t most = strcmp(key, "seed") == 0 ? INT64_MAX : FAR;
	int64_t n = 0;

	if (strcmp(key, "schedule") == 0) {
		p->schedule = value;
		return 0;
	}
	if (parse_int64(value, strcmp(key, "in") == 0 ? -FAR : 0, most, &n) ==
	    -1)
		return -1;
	if (strcmp(key, "number") == 0)
		p->number = (unsigned)n;
	else if (strcmp(key, "in") == 0)
		p->start = clock_now() + n;
	else if (strcmp(key, "poisson") == 0)
		p->poisson = n != 0;
	else if (strcmp(key, "stripe") == 0)
		p->stripe = n <= STRIPES_MAX ? (unsigned)n : STRIPES_MAX;
	else if (strcmp(key, "stripes") == 0)
		p->stripes = n <= STRIPES_MAX ? (unsigned)n : 0;
	else if (strcmp(key, "seed") == 0)
		p->seed = (uint64_t)n;
	else if (strcmp(key, "start") == 0)
		p->start = n;
	else if (strcmp(key, "shared") == 0)
		p->shared = n;
	else if (strcmp(key, "from") == 0)
		p->from = n;
	else if (strcmp(key, "drop") == 0)
		p->busy = n != 0 ? ARRIVALS_DROP : ARRIVALS_QUEUE;
	else if (strcmp(key, "catchup") == 0 && n <= ARRIVALS_SKIP)
		p->catch_up = (enum arrivals_catch_up)n;
	else if (strcmp(key, "queue") == 0)
		p->queue_max = n <= QUEUE_MAX ? (size_t)n : QUEUE_MAX;
	return 0;
}

int arrivals_plan_parse(struct arrivals_plan *p, char *text)
{
	char *save = NULL;

	memset(p, 0, sizeof *p);
	for (char *word = strtok_r(text, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		char *equals = strchr(word, '=');

		if (equals == NULL)
			return -1;
		*equals = '\0';
		if (parse_word(p, word, equals + 1) == -1)
			return -1;
	}
	return p->schedule != NULL && p->stripes > 0 &&
	    p->stripe < p->stripes ? 0 : -1;
}
