/*
 * <swarm/stats.h>: samples go to the worker's shard of statistics.
 *
 * A failure of a user whose waits were cancelled is the run's end and not the
 * target's fault: it is dropped, as Locust drops a killed request.
 */
#include <swarm/stats.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "stats/stats.h"
#include "user/flight.h"
#include "user/gate.h"
#include "user/internal.h"

#define RUNNING 1u
#define ERROR_TEXT_MAX 256

struct stats *sample_stats(const char *function)
{
	struct stats *s = users.options.stats;

	if (__builtin_expect(s != NULL, 1))
		return s;
	log_error("%s() was called where nothing is measured yet: it belongs "
	    "into worker_start(), a hook or a task, and not into load() or "
	    "setup()", function);
	abort();
}

static struct swarm_timer begin(struct swarm_user *u, uint32_t series,
    int64_t start)
{
	return (struct swarm_timer){ .user = u, .series = series,
		.state = RUNNING, .start = start, .lag = u->lag };
}

SWARM_API struct swarm_timer swarm_begin(struct swarm_user *u,
    const char *type, const char *name)
{
	uint32_t series = stats_series(sample_stats(__func__), type,
	    name)->id;

	return begin(u, series, clock_now());
}

SWARM_API uint32_t swarm_series(const char *type, const char *name)
{
	return stats_series(sample_stats(__func__), type, name)->id;
}

SWARM_API struct swarm_timer swarm_begin_at(struct swarm_user *u,
    uint32_t series, int64_t start)
{
	return begin(u, series, start);
}

static void record(struct swarm_timer *t, int64_t end, size_t bytes,
    const char *error)
{
	struct stats *s = users.options.stats;
	struct series *series;
	uint32_t group;

	t->state = 0;
	if (t->user->measure != NULL)
		t->series = measure_series(t->user, t->series);
	series = s->series[t->series];
	stats_record(s, series, end, end - t->start, t->lag, bytes,
	    error != NULL);
	flight_record(t->user->id, t->series, end, end - t->start, t->lag,
	    t->user->task, error);
	if (users.options.ended != NULL)
		users.options.ended(t, series, end, bytes, error);
	group = gate_series(t->user);
	if (group != UINT32_MAX)
		stats_record(s, s->series[group], end, end - t->start, t->lag,
		    bytes, error != NULL);
	if (users.options.sampled != NULL)
		users.options.sampled(series->type, series->name,
		    end - t->start, bytes, error, measure_tags(t->user),
		    users.options.arg);
	if (error != NULL && t->user->measure != NULL)
		measure_failed(t->user, error);
}

SWARM_API int swarm_done_at(struct swarm_timer *t, int64_t end, size_t bytes)
{
	if (t->state == RUNNING)
		record(t, end, bytes, NULL);
	return 0;
}

SWARM_API int swarm_done(struct swarm_timer *t, size_t bytes)
{
	return swarm_done_at(t, clock_now(), bytes);
}

static int fail(struct swarm_timer *t, int64_t end, const char *fmt,
    va_list ap) __attribute__((format(printf, 3, 0)));

static int fail(struct swarm_timer *t, int64_t end, const char *fmt,
    va_list ap)
{
	struct stats *s = users.options.stats;
	char text[ERROR_TEXT_MAX];
	double wall;

	if (t->state != RUNNING)
		return -1;
	if (t->user->cancelled) {
		t->state = 0;
		return -1;
	}
	vsnprintf(text, sizeof text, fmt, ap);
	record(t, end, 0, text);
	wall = clock_wall_at(end);
	stats_error(s, s->series[t->series], text, 1, wall, wall);
	return -1;
}

SWARM_API int swarm_fail(struct swarm_timer *t, const char *fmt, ...)
{
	int saved = errno;
	int64_t now = clock_now();
	va_list ap;

	errno = saved;
	va_start(ap, fmt);
	fail(t, now, fmt, ap);
	va_end(ap);
	errno = saved;
	return -1;
}

SWARM_API int swarm_fail_at(struct swarm_timer *t, int64_t end,
    const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	fail(t, end, fmt, ap);
	va_end(ap);
	errno = saved;
	return -1;
}

SWARM_API void swarm_drop(struct swarm_timer *t)
{
	t->state = 0;
}

SWARM_API void swarm_observe(uint32_t series, int64_t duration_ns,
    size_t bytes)
{
	struct stats *s = users.options.stats;

	stats_observe(s, s->series[series], duration_ns, bytes);
}

SWARM_API uint32_t swarm_counter(const char *name)
{
	return stats_counter(sample_stats(__func__), name);
}

SWARM_API void swarm_count(uint32_t counter, int64_t add)
{
	stats_count(users.options.stats, counter, add);
}
