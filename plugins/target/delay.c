/*
 * Service times: drawn from a distribution, worked on by a number of servers
 * in order of arrival (M/M/c and its kin), held back by freezes.
 *
 * The servers are kept on paper: when a request comes it is known when a
 * server will be free for it and when it leaves, and its fiber sleeps until
 * then.  A timer that is late makes one answer late; it does not make the next
 * service begin late, so that what the servers can do in a second is what was
 * asked for, on any machine.
 *
 * Fibers sleep on a heap of their own under one timerfd, exact to some
 * microseconds, because the answers' quantiles are compared with analytic
 * ones.
 */
#include "target.h"

#include <swarm/swarm.h>
#include <swarm/loop.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define NS      1e9
#define LONGEST 1e5                     /* seconds that one may take */

struct sleeper {
	int64_t when;
	size_t at;                      /* in the heap */
	bool done;
	struct swarm_waker *waker;
};

static struct {
	int fd;
	struct swarm_watch *watch;
	struct sleeper **heap;
	size_t count;
	size_t cap;
	int64_t *free;                  /* when each server is; the earliest
	                                 * first, a heap */
	double service, waited, late;   /* ns, sums */
	int64_t latest;                 /* ns */
	uint64_t served;
} work = { .fd = -1 };

/* ---- text ---- */

static int seconds(const char *text, size_t len, double *out)
{
	static const struct {
		const char *unit;
		double factor;
	} units[] = { { "us", 1e-6 }, { "ms", 1e-3 }, { "s", 1 }, { "", 1 } };
	char word[64];
	char *end;

	if (len == 0 || len >= sizeof word)
		return -1;
	memcpy(word, text, len);
	word[len] = '\0';
	*out = strtod(word, &end);
	if (end == word || !isfinite(*out) || *out < 0)
		return -1;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*out *= units[i].factor;
			return *out <= 3600 ? 0 : -1;
		}
	}
	return -1;
}

int delay_parse(struct delay *d, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *value = colon != NULL ? colon + 1 : text;
	size_t name = colon != NULL ? (size_t)(colon - text) : 0;
	size_t cut = strcspn(value, "-,");
	char *end;

	memset(d, 0, sizeof *d);
	if (seconds(value, cut, &d->a) == -1)
		return -1;
	if (name == 0) {
		d->kind = DELAY_FIXED;
		return value[cut] == '\0' ? 0 : -1;
	}
	if (name == 3 && memcmp(text, "exp", 3) == 0) {
		d->kind = DELAY_EXPONENTIAL;
		return value[cut] == '\0' ? 0 : -1;
	}
	if (value[cut] == '\0')
		return -1;
	if (name == 7 && memcmp(text, "uniform", 7) == 0) {
		d->kind = DELAY_UNIFORM;
		if (seconds(value + cut + 1, strlen(value + cut + 1), &d->b)
		    == -1)
			return -1;
		return d->b >= d->a ? 0 : -1;
	}
	if (name == 9 && memcmp(text, "lognormal", 9) == 0) {
		d->kind = DELAY_LOGNORMAL;
		d->b = strtod(value + cut + 1, &end);
		return *end == '\0' && d->b >= 0 && d->b < 10 ? 0 : -1;
	}
	return -1;
}

static double draw(struct swarm_user *u, const struct delay *d)
{
	switch (d->kind) {
	case DELAY_FIXED:
		break;
	case DELAY_UNIFORM:
		return d->a + swarm_uniform(u) * (d->b - d->a);
	case DELAY_EXPONENTIAL:
		return swarm_exponential(u, d->a);
	case DELAY_LOGNORMAL:
		return d->a * exp(swarm_normal(u, 0, d->b));
	}
	return d->a;
}

/* ---- the heap of sleepers, the next one first ---- */

static void place(struct sleeper *s, size_t at)
{
	work.heap[at] = s;
	s->at = at;
}

static void sift_up(size_t at)
{
	struct sleeper *s = work.heap[at];

	while (at > 0 && work.heap[(at - 1) / 2]->when > s->when) {
		place(work.heap[(at - 1) / 2], at);
		at = (at - 1) / 2;
	}
	place(s, at);
}

static void sift_down(size_t at)
{
	struct sleeper *s = work.heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < work.count &&
		    work.heap[child + 1]->when < work.heap[child]->when)
			child++;
		if (child >= work.count || work.heap[child]->when >= s->when)
			break;
		place(work.heap[child], at);
		at = child;
	}
	place(s, at);
}

static void heap_remove(struct sleeper *s)
{
	struct sleeper *last = work.heap[--work.count];
	size_t at = s->at;

	if (last == s)
		return;
	place(last, at);
	sift_up(at);
	sift_down(last->at);
}

static void arm(void)
{
	struct itimerspec spec = { 0 };

	if (work.count > 0) {
		spec.it_value.tv_sec = work.heap[0]->when / 1000000000;
		spec.it_value.tv_nsec = work.heap[0]->when % 1000000000;
	}
	timerfd_settime(work.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void expired(int fd, unsigned ready, void *arg)
{
	uint64_t n;

	(void)ready;
	(void)arg;
	if (read(fd, &n, sizeof n) == -1)
		return;
	while (work.count > 0 && work.heap[0]->when <= swarm_now()) {
		struct sleeper *s = work.heap[0];

		heap_remove(s);
		s->done = true;
		swarm_wake(s->waker);
	}
	arm();
}

static int sleep_until(int64_t when)
{
	struct sleeper s = { .when = when };
	int rc = 0;

	if (when <= swarm_now())
		return 0;
	if (work.count == work.cap) {
		size_t cap = work.cap > 0 ? 2 * work.cap : 64;
		struct sleeper **heap = realloc(work.heap,
		    cap * sizeof heap[0]);

		if (heap == NULL)
			return -1;
		work.heap = heap;
		work.cap = cap;
	}
	s.waker = swarm_waker();
	place(&s, work.count++);
	sift_up(s.at);
	if (s.at == 0)
		arm();
	while (!s.done && rc == 0)
		rc = swarm_park(SWARM_FOREVER);
	if (!s.done)
		heap_remove(&s);
	swarm_waker_free(s.waker);
	return rc;
}

/* ---- servers and their queue ---- */

/* The end of the freeze that `when` falls into, else `when` itself. */
static int64_t after_freeze(int64_t when)
{
	double into;

	if (target.freeze_period <= 0)
		return when;
	into = fmod((double)(when - target.started) / NS,
	    target.freeze_period);
	return into < target.freeze ?
	    when + (int64_t)((target.freeze - into) * NS) : when;
}

/* The server that was free first is so at `when` now. */
static void keep_server(int64_t when)
{
	size_t count = (size_t)target.servers, at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < count &&
		    work.free[child + 1] < work.free[child])
			child++;
		if (child >= count || work.free[child] >= when)
			break;
		work.free[at] = work.free[child];
		at = child;
	}
	work.free[at] = when;
}

/* When the request that is here now leaves, and when its service begins. */
static int64_t departure(int64_t now, int64_t service, int64_t *begins)
{
	int64_t ends;

	*begins = now;
	if (target.servers > 0 && work.free[0] > now)
		*begins = work.free[0];
	ends = after_freeze(*begins + service);
	if (target.servers > 0)
		keep_server(ends);
	return ends;
}

int delay_work(struct swarm_user *u, const struct delay *d)
{
	/* The tail of a lognormal has no end, but a clock has. */
	double service = fmin(draw(u, d) / target.speed, LONGEST);
	int64_t now = swarm_now(), begins, ends, late;

	ends = departure(now, (int64_t)(service * NS), &begins);
	if (sleep_until(ends) == -1)
		return -1;
	late = swarm_now() - ends;
	work.waited += (double)(begins - now);
	work.service += (double)(ends - begins);
	work.late += (double)late;
	if (late > work.latest)
		work.latest = late;
	work.served++;
	return 0;
}

void delay_figures(struct delay_figures *out)
{
	double n = work.served > 0 ? (double)work.served : 1;
	double all = (double)(swarm_now() - target.started) * target.servers;

	*out = (struct delay_figures){
		.service_ms = work.service / n / 1e6,
		.wait_ms = work.waited / n / 1e6,
		.late_ms = work.late / n / 1e6,
		.late_max_ms = (double)work.latest / 1e6,
		.utilisation = all > 0 ? work.service / all : 0,
	};
}

int delay_init(void)
{
	if (target.servers > 0) {
		work.free = calloc((size_t)target.servers,
		    sizeof work.free[0]);
		if (work.free == NULL) {
			swarm_error("no memory for %d servers",
			    target.servers);
			return -1;
		}
	}
	work.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (work.fd == -1) {
		swarm_error("cannot make a timer: %m");
		return -1;
	}
	work.watch = swarm_watch_new(work.fd, SWARM_READ, expired, NULL);
	return work.watch != NULL ? 0 : -1;
}

void delay_release(void)
{
	swarm_watch_free(work.watch);
	close(work.fd);
	free(work.heap);
	free(work.free);
}
