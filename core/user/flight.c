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

void flight_forget(void)
{
	flight.next = 0;
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

static const struct slot *slot_at(uint64_t number)
{
	return &flight.ring[number & flight.mask];
}

static int64_t response_of(const struct slot *s)
{
	return ((int64_t)s->service_us + s->lag_us) * NS_PER_US;
}

static struct flight_event event_of(const struct slot *s)
{
	return (struct flight_event){
		.end = s->end,
		.service = s->service_us * NS_PER_US,
		.lag = s->lag_us * NS_PER_US,
		.task = s->task,
		.user = s->user,
		.series = s->series,
		.error = text_of(s->error),
	};
}

/* The first that this call is about: of the ring, not looked at before, and
 * not long before the time that is asked for. */
static uint64_t first_of(const struct flight_pick *p)
{
	uint64_t size = flight.mask + 1;
	uint64_t first = flight.next > size ? flight.next - size : 0;
	uint64_t at = flight.next;

	if (flight.ring == NULL)
		return flight.next;
	first = first > p->seen ? first : p->seen;
	while (at > first && slot_at(at - 1)->end >= p->from - OUT_OF_ORDER)
		at--;
	return at;
}

static bool is_worse(const struct flight_worst *a,
    const struct flight_worst *b)
{
	if (a->failed != b->failed)
		return a->failed;
	return a->response > b->response;
}

static struct flight_worst *find(struct flight_pick *p, uint32_t user)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->worst[i].user == user)
			return &p->worst[i];
	}
	return NULL;
}

/* Those from `kept` on are in order, and others may take their places. */
static void note(struct flight_pick *p, size_t kept,
    const struct flight_worst *w)
{
	struct flight_worst *had = find(p, w->user);
	size_t i = had != NULL ? (size_t)(had - p->worst) : p->count;

	if (i < kept || (had != NULL && !is_worse(w, had)))
		return;
	if (had == NULL && p->count < FLIGHT_USERS)
		p->count++;
	else if (had == NULL && (i == kept || !is_worse(w, &p->worst[--i])))
		return;
	for (; i > kept && is_worse(w, &p->worst[i - 1]); i--)
		p->worst[i] = p->worst[i - 1];
	p->worst[i] = *w;
}

/* Users whose events were given stay; there may be room for others. */
static void choose(struct flight_pick *p, uint64_t first)
{
	size_t kept = p->count;

	for (uint64_t n = flight.next; n-- > first;) {
		const struct slot *s = slot_at(n);

		if (s->end >= p->from)
			note(p, kept, &(struct flight_worst){ .user = s->user,
			    .failed = s->error != 0,
			    .response = response_of(s), .number = n });
	}
}

/* How many of each user's are passed over, the oldest, so that what is given
 * lies around its worst. */
static void centre(struct flight_pick *p, uint64_t first)
{
	size_t before[FLIGHT_USERS] = { 0 }, all[FLIGHT_USERS] = { 0 };

	for (uint64_t n = first; n < flight.next; n++) {
		const struct slot *s = slot_at(n);
		const struct flight_worst *w = find(p, s->user);

		if (w == NULL || s->end < p->from)
			continue;
		all[w - p->worst]++;
		before[w - p->worst] += n < w->number;
	}
	for (size_t i = 0; i < p->count; i++) {
		struct flight_worst *w = &p->worst[i];
		size_t room = FLIGHT_EACH - w->given;
		size_t spare = all[i] > room ? all[i] - room : 0;
		size_t skip = before[i] > room / 2 ? before[i] - room / 2 : 0;

		w->skip = skip < spare ? skip : spare;
	}
}

size_t flight_take(struct flight_pick *p, struct flight_event *out)
{
	uint64_t first = first_of(p);
	size_t count = 0;

	choose(p, first);
	centre(p, first);
	for (uint64_t n = first; n < flight.next; n++) {
		const struct slot *s = slot_at(n);
		struct flight_worst *w = find(p, s->user);

		if (w == NULL || s->end < p->from)
			continue;
		if (w->skip > 0) {
			w->skip--;
		} else if (w->given < FLIGHT_EACH) {
			w->given++;
			out[count++] = event_of(s);
		}
	}
	p->seen = flight.next;
	return count;
}
