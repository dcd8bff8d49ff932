/* Iterations by a schedule: see the header. */
#include "user/arrivals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "stats/stats.h"
#include "user/internal.h"
#include "user/schedule.h"

#define TICK       (250 * NS_PER_US)    /* arrivals are late by less */
#define BATCH      1024                 /* started in one pass */
#define FAR        (INT64_MAX / 2)

static struct {
	bool active;
	unsigned number;
	struct schedule schedule;
	struct schedule_walk walk;
	int64_t start;
	int64_t next;                   /* ns; FAR after the end */
	enum arrivals_busy busy;
	int64_t *queue;                 /* intended times, a ring */
	size_t queue_max;
	size_t queue_head;
	size_t queued;
	struct swarm_user *free_first;  /* waiting longest */
	struct swarm_user **free_last;
	size_t free_count;
	uint64_t due;
	uint64_t dropped;
	uint32_t dropped_counter;
	int fd;
	struct event *event;
	struct loop_item again;
} arrivals = { .fd = -1 };

static void free_add(struct swarm_user *u)
{
	u->free_next = NULL;
	u->free_prev = arrivals.free_last;
	*arrivals.free_last = u;
	arrivals.free_last = &u->free_next;
	arrivals.free_count++;
}

static struct swarm_user *free_take(void)
{
	struct swarm_user *u = arrivals.free_first;

	if (u != NULL)
		arrivals_forget(u);
	return u;
}

void arrivals_forget(struct swarm_user *u)
{
	if (u->free_prev == NULL)
		return;
	*u->free_prev = u->free_next;
	if (u->free_next != NULL)
		u->free_next->free_prev = u->free_prev;
	else
		arrivals.free_last = u->free_prev;
	u->free_prev = NULL;
	arrivals.free_count--;
}

static void draw_next(void)
{
	double t = schedule_walk_next(&arrivals.walk);

	arrivals.next = isinf(t) ? FAR : arrivals.start +
	    (int64_t)(t * (double)NS_PER_S);
}

static void drop(void)
{
	arrivals.dropped++;
	stats_count(users.options.stats, arrivals.dropped_counter, 1);
}

static void queue(int64_t due)
{
	size_t at;

	if (arrivals.busy == ARRIVALS_DROP ||
	    arrivals.queued == arrivals.queue_max) {
		drop();
		return;
	}
	at = (arrivals.queue_head + arrivals.queued) % arrivals.queue_max;
	arrivals.queue[at] = due;
	arrivals.queued++;
}

static void arm(void)
{
	struct itimerspec spec = { 0 };
	int64_t when = arrivals.next;
	int64_t soonest = clock_now() + TICK;

	if (when < FAR) {
		when = when > soonest ? when : soonest;
		spec.it_value.tv_sec = when / NS_PER_S;
		spec.it_value.tv_nsec = when % NS_PER_S;
	}
	timerfd_settime(arrivals.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* Starts what is due; a backlog is worked off over several passes. */
static void start_due(void)
{
	int64_t now = clock_now();
	int budget = BATCH;

	while (arrivals.next <= now && budget-- > 0) {
		int64_t due = arrivals.next;
		struct swarm_user *u = free_take();

		arrivals.due++;
		draw_next();
		if (u != NULL)
			user_run_at(u, due);
		else
			queue(due);
	}
	if (arrivals.next <= now)
		loop_defer(&arrivals.again);
	else
		arm();
}

static void on_again(struct loop_item *item)
{
	(void)item;
	if (arrivals.active)
		start_due();
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
	uint64_t expired;

	(void)events;
	(void)arg;
	if (read(fd, &expired, sizeof expired) == -1)
		return;
	if (arrivals.active)
		start_due();
}

static int open_timer(void)
{
	if (arrivals.fd != -1)
		return 0;
	arrivals.fd = timerfd_create(CLOCK_MONOTONIC,
	    TFD_NONBLOCK | TFD_CLOEXEC);
	if (arrivals.fd == -1) {
		log_error("cannot make a timer for arrivals: %m");
		return -1;
	}
	arrivals.event = event_new(loop_base(), arrivals.fd,
	    EV_READ | EV_PERSIST, on_timer, NULL);
	event_add(arrivals.event, NULL);
	arrivals.again.run = on_again;
	arrivals.free_last = &arrivals.free_first;
	return 0;
}

int arrivals_start(const struct arrivals_plan *plan)
{
	struct schedule schedule;

	if (arrivals.active && arrivals.number == plan->number)
		return 0;
	if (open_timer() == -1 || schedule_parse(&schedule, plan->schedule)
	    == -1)
		return -1;
	schedule.poisson = plan->poisson;
	arrivals.number = plan->number;
	schedule_release(&arrivals.schedule);
	arrivals.schedule = schedule;
	schedule_walk_init(&arrivals.walk, &arrivals.schedule, plan->stripe,
	    plan->stripes, plan->seed);
	arrivals.start = plan->start;
	arrivals.busy = plan->busy;
	if (arrivals.queue_max != plan->queue_max) {
		free(arrivals.queue);
		arrivals.queue_max = plan->queue_max > 0 ? plan->queue_max : 1;
		arrivals.queue = xcalloc(arrivals.queue_max,
		    sizeof arrivals.queue[0]);
		arrivals.queue_head = 0;
		arrivals.queued = 0;
	}
	arrivals.dropped_counter = stats_counter(users.options.stats,
	    "dropped arrivals");
	arrivals.active = true;
	/* Of a plan that began earlier, what was due before is history. */
	do {
		draw_next();
	} while (arrivals.next < FAR && arrivals.next < clock_now() - TICK);
	arm();
	return 0;
}

void arrivals_stop(void)
{
	if (!arrivals.active)
		return;
	arrivals.active = false;
	arrivals.next = FAR;
	/* Nobody will run these any more. */
	while (arrivals.queued > 0) {
		arrivals.queued--;
		drop();
	}
	arm();
	event_free(arrivals.event);
	close(arrivals.fd);
	arrivals.fd = -1;
	while (free_take() != NULL)
		;
	schedule_release(&arrivals.schedule);
}

bool arrivals_active(void)
{
	return arrivals.active;
}

bool arrivals_next(struct swarm_user *u)
{
	if (arrivals.queued == 0) {
		free_add(u);
		return false;
	}
	u->intended = arrivals.queue[arrivals.queue_head];
	arrivals.queue_head = (arrivals.queue_head + 1) % arrivals.queue_max;
	arrivals.queued--;
	return true;
}

void arrivals_status(struct arrivals_status *s)
{
	s->due = arrivals.due;
	s->dropped = arrivals.dropped;
	s->queued = arrivals.queued;
	s->free_users = arrivals.free_count;
	s->ended = arrivals.next == FAR && arrivals.queued == 0;
}

char *arrivals_plan_text(const struct arrivals_plan *p)
{
	return xasprintf("number=%u poisson=%d stripe=%u stripes=%u seed=%llu "
	    "%s=%lld drop=%d queue=%zu schedule=%s", p->number, p->poisson,
	    p->stripe, p->stripes, (unsigned long long)p->seed,
	    p->relative ? "in" : "start", (long long)p->start,
	    p->busy == ARRIVALS_DROP, p->queue_max, p->schedule);
}

static int parse_word(struct arrivals_plan *p, const char *key,
    const char *value)
{
	int64_t n = 0;

	if (strcmp(key, "schedule") == 0) {
		p->schedule = value;
		return 0;
	}
	if (parse_int64(value, strcmp(key, "in") == 0 ? -FAR : 0, FAR, &n) ==
	    -1)
		return -1;
	if (strcmp(key, "number") == 0)
		p->number = (unsigned)n;
	else if (strcmp(key, "in") == 0)
		p->start = clock_now() + n;
	else if (strcmp(key, "poisson") == 0)
		p->poisson = n != 0;
	else if (strcmp(key, "stripe") == 0)
		p->stripe = (unsigned)n;
	else if (strcmp(key, "stripes") == 0)
		p->stripes = (unsigned)n;
	else if (strcmp(key, "seed") == 0)
		p->seed = (uint64_t)n;
	else if (strcmp(key, "start") == 0)
		p->start = n;
	else if (strcmp(key, "drop") == 0)
		p->busy = n != 0 ? ARRIVALS_DROP : ARRIVALS_QUEUE;
	else if (strcmp(key, "queue") == 0)
		p->queue_max = (size_t)n;
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
	    p->stripes <= 1000000 && p->stripe < p->stripes &&
	    p->queue_max <= 10000000 ? 0 : -1;
}
