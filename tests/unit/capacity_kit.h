/*
 * Queues on paper, and a search for capacity played against them: arrivals at
 * random or users who think, servers with exponential service times, first come
 * first served (M/M/c and M/M/c//N).  After <cmocka.h>.
 */
#ifndef TEST_CAPACITY_KIT_H
#define TEST_CAPACITY_KIT_H

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/xalloc.h"
#include "run/capacity.h"

#define PENDING   (1 << 20)
#define USERS     4096

struct system {
	unsigned servers;
	double mu;                      /* a second, of each */
	double limit;                   /* seconds */
	double errors;                  /* share of requests, at any load; with
	                                 * an objective that allows 1 % */
	double think;                   /* users do, for so long on average; 0:
	                                 * arrivals instead */
	double users;                   /* who meet the objective */
};

/* p99 < 50 ms up to 908/s. */
static const struct system one_server = { 1, 1000, 0.05, 0, 0, 0 };

struct queue {
	struct system is;
	struct rng rng;
	double now;
	double next;                    /* arrival */
	double comes[USERS];            /* each user, next */
	size_t users;
	double free[8];                 /* when the servers are */
	double *arrived, *leaves;       /* of those that are in it */
	size_t count;
	double speed;                   /* of the servers, 1 */
	double most;                    /* arrivals a second that the generator
	                                 * manages; 0: any */
	double *times;
	struct histogram response;
};

static void queue_init(struct queue *q, const struct system *is,
    uint64_t seed)
{
	*q = (struct queue){ .is = *is, .speed = 1 };
	rng_seed(&q->rng, seed, 1);
	q->arrived = xcalloc(PENDING, sizeof(double));
	q->leaves = xcalloc(PENDING, sizeof(double));
	q->times = xcalloc(PENDING, sizeof(double));
	histogram_init(&q->response);
}

static void queue_release(struct queue *q)
{
	free(q->arrived);
	free(q->leaves);
	free(q->times);
	histogram_release(&q->response);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double after(struct queue *q, double rate)
{
	return -log1p(-rng_uniform(&q->rng)) / rate;
}

/* When it leaves. */
static double arrive(struct queue *q, double at)
{
	size_t i = q->count++;
	double *first = &q->free[0];

	assert_true(q->count < PENDING);
	for (unsigned k = 1; k < q->is.servers; k++)
		if (q->free[k] < *first)
			first = &q->free[k];
	*first = fmax(at, *first) + after(q, q->is.mu * q->speed);
	q->arrived[i] = at;
	return q->leaves[i] = *first;
}

static size_t next_user(const struct queue *q)
{
	size_t next = 0;

	for (size_t i = 1; i < q->users; i++)
		if (q->comes[i] < q->comes[next])
			next = i;
	return next;
}

/* Users who come again when they have had their answer and thought about it;
 * whoever is one too many comes no more. */
static void play_users(struct queue *q, size_t users, double end)
{
	assert_true(users > 0 && users <= USERS);
	while (q->users < users)
		q->comes[q->users++] = q->now + after(q, 1 / q->is.think);
	q->users = users;
	for (;;) {
		double *comes = &q->comes[next_user(q)];

		if (*comes >= end)
			return;
		*comes = arrive(q, *comes) + after(q, 1 / q->is.think);
	}
}

static void play_arrivals(struct queue *q, double load, double end,
    struct capacity_second *s)
{
	double rate = q->most > 0 ? fmin(load, q->most) : load;

	for (q->next = q->now + after(q, rate); q->next < end;
	    q->next += after(q, rate)) {
		arrive(q, q->next);
		s->begun++;
	}
	s->planned = s->begun;
}

/* Those that have left; how many. */
static size_t leave(struct queue *q, double end)
{
	size_t n = 0, stay = 0;

	for (size_t i = 0; i < q->count; i++) {
		if (q->leaves[i] <= end) {
			q->times[n++] = (q->leaves[i] - q->arrived[i]) * 1e9;
			continue;
		}
		q->arrived[stay] = q->arrived[i];
		q->leaves[stay++] = q->leaves[i];
	}
	q->count = stay;
	return n;
}

/* One second of it at `load`. */
static void play(struct queue *q, double load, struct capacity_second *s)
{
	double end = q->now + 1;
	size_t n;

	*s = (struct capacity_second){ .delay_p99_ns = 1e5, .busy = 0.2,
		.r50 = NAN, .r99 = NAN, .begun = 0, .planned = 0 };
	if (q->is.think > 0) {
		s->begun = s->planned = -1;
		play_users(q, (size_t)load, end);
	} else {
		play_arrivals(q, load, end, s);
	}
	n = leave(q, end);
	s->requests = s->of[0] = s->of[1] = n;
	s->in_flight = q->is.think > 0 ? load : (double)q->count;
	for (size_t i = 0; i < n; i++)
		s->failures += rng_uniform(&q->rng) < q->is.errors;
	s->good[1] = n - s->failures;
	qsort(q->times, n, sizeof(double), by_value);
	histogram_clear(&q->response);
	for (size_t i = 0; i < n; i++) {
		s->good[0] += q->times[i] <= q->is.limit * 1e9;
		histogram_record(&q->response, (int64_t)q->times[i]);
	}
	if (n > 0) {
		s->response = &q->response;
		s->r50 = q->times[n / 2];
		s->r99 = q->times[n * 99 / 100];
	}
	q->now = end;
}

static const struct capacity_options options = {
	.start = 10, .hurry = true, .least = 0.1, .most = 1e6, .step = 0.05,
	.probe_s = 30, .confirm_s = 60, .search_s = 290, .slo_count = 1,
	.slo_share = { 0.99 }, .slo_limit_ns = { 50e6 },
};

static unsigned search(struct capacity *c, struct queue *q)
{
	struct capacity_second s;
	unsigned seconds = 0;

	do {
		assert_true(++seconds < 20000);
		play(q, capacity_load(c), &s);
	} while (capacity_second(c, &s));
	return seconds;
}

#endif
