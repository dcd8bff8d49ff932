/* See the header. */
#include "user/flight.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"

#define ERRORS     64                   /* texts that are told apart */
/* A library may tell of an end that was a while ago. */
#define OUT_OF_ORDER NS_PER_S

struct worst {
	uint32_t user;
	bool failed;
	int64_t response;
};

/* Half a cache line: what it costs is the memory that it goes through. */
struct slot {
	int64_t end;
	const char *task;
	uint32_t service_us;
	uint32_t lag_us;
	uint32_t user;
	uint16_t series;
	uint16_t error;                 /* one more than its index; 0: none */
};

static struct {
	struct slot *ring;              /* NULL: off */
	uint64_t mask;
	uint64_t next;                  /* events so far */
	char *errors[ERRORS];
	size_t error_count;
} flight;

void flight_init(size_t events)
{
	flight_release();
	flight.ring = xcalloc(events, sizeof flight.ring[0]);
	flight.mask = events - 1;
}

void flight_release(void)
{
	for (size_t i = 0; i < flight.error_count; i++)
		free(flight.errors[i]);
	free(flight.ring);
	memset(&flight, 0, sizeof flight);
}

/* The text itself is gone when the sample is. */
static uint16_t keep(const char *error)
{
	size_t i = 0;

	while (i < flight.error_count && strcmp(flight.errors[i], error) != 0)
		i++;
	if (i == flight.error_count && i < ERRORS)
		flight.errors[flight.error_count++] = xstrdup(error);
	return (uint16_t)(i + 1);
}

static uint32_t us(int64_t ns)
{
	int64_t t = ns > 0 ? ns / NS_PER_US : 0;

	return t < UINT32_MAX ? (uint32_t)t : UINT32_MAX;
}

void flight_record(uint32_t user, uint32_t series, int64_t end,
    int64_t service, int64_t lag, const char *task, const char *error)
{
	if (flight.ring == NULL)
		return;
	flight.ring[flight.next++ & flight.mask] = (struct slot){
		.end = end,
		.task = task,
		.service_us = us(service),
		.lag_us = us(lag),
		.user = user,
		.series = series < UINT16_MAX ? (uint16_t)series : UINT16_MAX,
		.error = error != NULL ? keep(error) : 0,
	};
}

/* ---- reading it ---- */

static const char *text_of(uint16_t error)
{
	if (error == 0)
		return NULL;
	return error <= flight.error_count ? flight.errors[error - 1] :
	    "another error";
}

/* The i-th, counted from the newest; false: there is none. */
static bool back(uint64_t i, int64_t from, struct flight_event *out)
{
	const struct slot *s;

	if (flight.ring == NULL || i >= flight.next || i > flight.mask)
		return false;
	s = &flight.ring[(flight.next - 1 - i) & flight.mask];
	*out = (struct flight_event){
		.end = s->end,
		.service = s->service_us * NS_PER_US,
		.lag = s->lag_us * NS_PER_US,
		.task = s->task,
		.user = s->user,
		.series = s->series,
		.error = text_of(s->error),
	};
	return s->end >= from - OUT_OF_ORDER;
}

static bool is_worse(const struct worst *a, const struct worst *b)
{
	if (a->failed != b->failed)
		return a->failed;
	return a->response > b->response;
}

/* `worst` is in order; a user is in it once. */
static void note(struct worst *worst, size_t *count, const struct worst *w)
{
	size_t i = 0, place;

	while (i < *count && worst[i].user != w->user)
		i++;
	if (i < *count && !is_worse(w, &worst[i]))
		return;
	if (i == *count && *count < FLIGHT_USERS)
		(*count)++;
	else if (i == *count && !is_worse(w, &worst[--i]))
		return;
	for (place = i; place > 0 && is_worse(w, &worst[place - 1]); place--)
		worst[place] = worst[place - 1];
	worst[place] = *w;
}

static bool is_among(const struct worst *worst, size_t count, uint32_t user)
{
	for (size_t i = 0; i < count; i++) {
		if (worst[i].user == user)
			return true;
	}
	return false;
}

static void turn_round(struct flight_event *out, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct flight_event e = out[i];

		out[i] = out[n - 1 - i];
		out[n - 1 - i] = e;
	}
}

size_t flight_take(int64_t from, struct flight_event *out, size_t most)
{
	struct flight_event e;
	struct worst worst[FLIGHT_USERS];
	size_t count = 0, n = 0;

	for (uint64_t i = 0; back(i, from, &e); i++) {
		if (e.end >= from)
			note(worst, &count, &(struct worst){ e.user,
			    e.error != NULL, e.service + e.lag });
	}
	for (uint64_t i = 0; n < most && back(i, from, &e); i++) {
		if (e.end >= from && is_among(worst, count, e.user))
			out[n++] = e;
	}
	turn_round(out, n);
	return n;
}
