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
	int64_t start;                  /* clock_now() of t = 0 */
	bool common;                    /* by the shared clock */
	int64_t shift;                  /* ns of pauses */
	int64_t next;                   /* ns after t = 0; FAR: the end */
	bool paused;
	bool stopped;
	enum arrivals_busy busy;
	enum arrivals_catch_up catch_up;
	int64_t not_before;             /* ns: the next late one, spread */
	int64_t *queue;                 /* intended times, a ring */
	size_t queue_max;
	size_t queue_head;
	size_t queued;
	struct user_list free;          /* waiting longest first */
	uint64_t due;
	uint64_t dropped;
	uint64_t late;
	uint32_t dropped_counter;
	uint32_t late_counter;
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

static int64_t when(const struct arrivals *a, int64_t next)
{
	return next == FAR ? FAR : a->start + a->shift + next;
}

static void drop(struct arrivals *a)
{
	a->dropped++;
	stats_count(users.options.stats, a->dropped_counter, 1);
}

static void enqueue(struct arrivals *a, int64_t due)
{
	size_t at;

	if (a->busy == ARRIVALS_DROP || a->queued == a->queue_max) {
		drop(a);
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

static int64_t next_at(const struct pace *p)
{
	const struct arrivals *a = (const void *)p;
	int64_t at = a->paused || a->stopped ? FAR : when(a, a->next);

	return at > a->not_before ? at : a->not_before;
}

static void arm(struct arrivals *a)
{
	pace_arm(&a->pace);
}

/* Twice the rate that they were due at. */
static int64_t spread_gap(const struct arrivals *a)
{
	double rate = schedule_rate(&a->now->schedule,
	    (double)a->next / (double)NS_PER_S);
	double gap = (double)a->now->walk.stripes / (2 * rate);

	return gap < 1 ? (int64_t)(gap * (double)NS_PER_S) : NS_PER_S;
}

/* False: this late one has to wait its turn. */
static bool spread(struct arrivals *a, int64_t now)
{
	if (a->catch_up != ARRIVALS_SPREAD)
		return true;
	if (now < a->not_before)
		return false;
	/* A timer is late by up to a tick, which must not slow it down. */
	if (a->not_before < now - 4 * TICKER_LATE)
		a->not_before = now;
	a->not_before += spread_gap(a);
	return true;
}

static void start_one(struct arrivals *a, int64_t due, bool late)
{
	struct swarm_user *u;

	a->due++;
	if (late) {
		a->late++;
		stats_count(users.options.stats, a->late_counter, 1);
	}
	if (late && a->catch_up == ARRIVALS_SKIP) {
		drop(a);
		return;
	}
	u = user_list_take(&a->free);
	if (u != NULL)
		user_run_at(u, due);
	else
		enqueue(a, due);
}

static bool begin(struct pace *p, int64_t now)
{
	struct arrivals *a = (struct arrivals *)(void *)p;
	int64_t due = when(a, a->next);
	bool late = now - due > ARRIVALS_LATE;

	if (late && !spread(a, now))
		return false;
	start_one(a, due, late);
	draw_next(a);
	return true;
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
	a->pace.next = next_at;
	a->pace.begin = begin;
	a->pace.free = release;
	if (pace_init(&a->pace) == -1) {
		stretch_free(now);
		free(a);
		return NULL;
	}
	a->now = now;
	a->number = plan->number;
	a->start = plan->start;
	a->common = plan->common;
	a->busy = plan->busy;
	a->catch_up = plan->catch_up;
	a->queue_max = plan->queue_max > 0 ? plan->queue_max : 1;
	a->queue = xcalloc(a->queue_max, sizeof a->queue[0]);
	a->dropped_counter = stats_counter(users.options.stats,
	    "dropped arrivals");
	a->late_counter = stats_counter(users.options.stats, "late arrivals");
	user_list_init(&a->free);
	draw_next(a);
	arm(a);
	return a;
}

void arrivals_free(struct arrivals *a)
{
	if (a == NULL)
		return;
	while (user_list_take(&a->free) != NULL)
		;
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
		a->start = plan->start;
		a->common = true;
		arm(a);
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
		arm(a);
	}
	return 0;
}

void arrivals_pause(struct arrivals *a, bool paused, int64_t shift)
{
	int64_t moved = shift - a->shift;

	for (size_t i = 0; i < a->queued; i++)
		a->queue[(a->queue_head + i) % a->queue_max] += moved;
	a->shift = shift;
	a->paused = paused;
	if (a->stopped)
		return;
	while (!paused && a->queued > 0 && a->free.first != NULL)
		user_run_at(user_list_take(&a->free), dequeue(a));
	arm(a);
}

void arrivals_stop(struct arrivals *a)
{
	a->stopped = true;
	a->next = FAR;
	/* Nobody will run these any more. */
	while (a->queued > 0) {
		dequeue(a);
		drop(a);
	}
	arm(a);
}

bool arrivals_next(struct arrivals *a, struct swarm_user *u)
{
	if (a->queued == 0 || a->paused) {
		user_list_add(&a->free, u);
		return false;
	}
	u->intended = dequeue(a);
	return true;
}

void arrivals_status(const struct arrivals *a, struct arrivals_status *s)
{
	s->due = a->due;
	s->dropped = a->dropped;
	s->late = a->late;
	s->queued = a->queued;
	s->free_users = a->free.count;
	s->ended = a->next == FAR && a->queued == 0;
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
