/*
 * One series: its histograms, its ring of seconds, and how a delta is added.
 *
 * Most runs never have a sample with a lag, so the second histogram exists
 * only from the first such sample on, when it starts as a copy of the first.
 */
#include "stats/stats.h"

#include "base/clock.h"
#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

void series_init(struct series *s, const char *type, const char *name)
{
	memset(s, 0, sizeof(*s));
	s->type = xstrdup(type);
	s->name = xstrdup(name);
	s->start_time = clock_wall();
	histogram_init(&s->service);
	batches_init(&s->batches);
}

static void free_histogram(struct histogram *h)
{
	if (!h)
		return;
	histogram_release(h);
	free(h);
}

void series_release(struct series *s)
{
	free(s->type);
	free(s->name);
	histogram_release(&s->service);
	free_histogram(s->response);
	free_histogram(s->spare);
}

const struct histogram *series_response(const struct series *s)
{
	return s->response ? s->response : &s->service;
}

struct histogram *series_need_response(struct series *s)
{
	if (s->response)
		return s->response;
	s->response = s->spare;
	s->spare = NULL;
	if (!s->response) {
		s->response = xmalloc(sizeof(*s->response));
		histogram_init(s->response);
	}
	histogram_copy(s->response, &s->service);
	return s->response;
}

void series_reset(struct series *s)
{
	s->requests = 0;
	s->failures = 0;
	s->untimed = 0;
	s->bytes = 0;
	s->start_time = clock_wall();
	s->last_time = 0;
	histogram_clear(&s->service);
	if (s->response) {
		s->spare = s->response;
		s->response = NULL;
	}
	batches_reset(&s->batches);
	memset(s->seconds, 0, sizeof(s->seconds));
}

void series_count_second(struct series *s, int64_t second, uint32_t requests,
    uint32_t failures)
{
	struct stats_second *slot =
	    &s->seconds[(uint64_t)second % STATS_SECONDS];

	if (slot->second != second) {
		/* A later second may hold the place; one far ahead is left
		 * from a clock that was set back. */
		if (slot->second > second &&
		    slot->second - second <= 2 * STATS_SECONDS)
			return;
		*slot = (struct stats_second){ .second = second };
	}
	slot->requests += requests;
	slot->failures += failures;
}

void series_merge(struct series *into, const struct series *delta)
{
	/* Before the service times change, which a new one is a copy of. */
	if (delta->response)
		series_need_response(into);
	if (into->response)
		histogram_merge(into->response, series_response(delta));
	histogram_merge(&into->service, &delta->service);
	batches_merge(&into->batches, &delta->batches);
	into->transaction = into->transaction || delta->transaction;
	if (delta->phase && into->requests == 0)
		into->phase = true;
	if (delta->requests > 0)
		into->phase = false;
	into->requests += delta->requests;
	into->failures += delta->failures;
	into->untimed += delta->untimed;
	into->bytes += delta->bytes;
	if (delta->start_time < into->start_time)
		into->start_time = delta->start_time;
	if (delta->last_time > into->last_time)
		into->last_time = delta->last_time;
	for (size_t i = 0; i < STATS_SECONDS; i++) {
		const struct stats_second *second = &delta->seconds[i];

		if (second->second)
			series_count_second(into, second->second,
			    second->requests, second->failures);
	}
}
