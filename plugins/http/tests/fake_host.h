/* A host that remembers what it was told, for one test program. */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include "fake_log.h"

#include <swarm/fiber.h>
#include <swarm/measure.h>
#include <swarm/user.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *kept[4096];
static size_t kept_count;
static char recorded[256];
static struct {
	void (*fn)(void *);
	void *arg;
} deferred[16];
static size_t deferred_count;

void *swarm_alloc(struct swarm_user *u, size_t size)
{
	(void)u;
	assert_true(kept_count < sizeof kept / sizeof kept[0]);
	return kept[kept_count++] = malloc(size);
}

char *swarm_strdup(struct swarm_user *u, const char *s)
{
	char *copy = swarm_alloc(u, strlen(s) + 1);

	memcpy(copy, s, strlen(s) + 1);
	return copy;
}

char *swarm_printf(struct swarm_user *u, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return swarm_strdup(u, text);
}

void swarm_deep(void (*fn)(void *), void *arg)
{
	fn(arg);
}

void swarm_defer(struct swarm_user *u, void (*fn)(void *), void *arg)
{
	(void)u;
	deferred[deferred_count].fn = fn;
	deferred[deferred_count++].arg = arg;
}

uint64_t swarm_random(struct swarm_user *u)
{
	(void)u;
	return 0xabc;
}

int64_t swarm_now(void)
{
	return 1000;
}

struct swarm_timer swarm_begin_at(struct swarm_user *u, uint32_t series,
    int64_t start)
{
	struct swarm_timer t = { .user = u, .series = series, .start = start };

	recorded[0] = '\0';
	return t;
}

int swarm_done_at(struct swarm_timer *t, int64_t end, size_t bytes)
{
	snprintf(recorded, sizeof recorded, "done %d %zu",
	    (int)(end - t->start), bytes);
	return 0;
}

int swarm_fail_at(struct swarm_timer *t, int64_t end, const char *fmt, ...)
{
	size_t at = (size_t)snprintf(recorded, sizeof recorded, "fail %d ",
	    (int)(end - t->start));
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(recorded + at, sizeof recorded - at, fmt, ap);
	va_end(ap);
	return -1;
}

uint32_t swarm_series(const char *type, const char *name)
{
	(void)type;
	(void)name;
	return 1;
}

static char counted[300];               /* the counter or metric named last */

uint32_t swarm_counter(const char *name)
{
	snprintf(counted, sizeof counted, "%s", name);
	return 7;
}

void swarm_count(uint32_t counter, int64_t add)
{
	assert_int_equal(counter, 7);
	assert_int_equal(add, 1);
}

static double value_recorded;

uint32_t swarm_metric(enum swarm_metric_kind kind, const char *name,
    const char *unit)
{
	assert_int_equal(kind, SWARM_DISTRIBUTION);
	assert_string_equal(unit, "1/s");
	snprintf(counted, sizeof counted, "%s", name);
	return 8;
}

void swarm_record(uint32_t metric, double value)
{
	assert_int_equal(metric, 8);
	value_recorded = value;
}

static char observed[128];

void swarm_observe(uint32_t series, int64_t ns, size_t bytes)
{
	size_t at = strlen(observed);

	assert_int_equal(series, 1);
	assert_int_equal(bytes, 0);
	snprintf(observed + at, sizeof observed - at, "%d ", (int)ns);
}

void swarm_stop_test(struct swarm_user *u, const char *why)
{
	(void)u;
	(void)why;
}

void swarm_import(struct swarm_import *import)
{
	(void)import;
}

static void end_of_task(void)
{
	while (deferred_count > 0) {
		deferred_count--;
		deferred[deferred_count].fn(deferred[deferred_count].arg);
	}
}

static int clean_up(void **state)
{
	(void)state;
	end_of_task();
	while (kept_count > 0)
		free(kept[--kept_count]);
	return 0;
}

#endif
