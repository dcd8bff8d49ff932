/*
 * What the flight recorders of the workers told: the last seconds of the users
 * who fared worst, around each moment at which something went wrong.
 *
 * A moment is a criterion with a window that has just been met, or a burst of
 * errors.  At most FLIGHT_MOMENTS of them are kept, FLIGHT_APART seconds from
 * each other, and FLIGHT_EVENTS_MOST events of each.
 */
#ifndef REPORT_FLIGHT_H
#define REPORT_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FLIGHT_MOMENTS     6
#define FLIGHT_APART       15.0         /* seconds */
#define FLIGHT_BEFORE      5.0
#define FLIGHT_AFTER       2.0
#define FLIGHT_EVENTS_MOST 4000

struct flight_line {
	int64_t worker;
	uint64_t user;
	char *task;
	char *type;
	char *name;
	char *error;                    /* NULL: it passed */
	double start;                   /* seconds into the run; intended */
	double lag;                     /* seconds, before it really began */
	double service;
};

struct flight_moment {
	uint64_t id;
	double at;                      /* seconds into the run */
	char *why;
	struct flight_line *lines;
	size_t count;
};

struct flight {
	struct flight_moment moments[FLIGHT_MOMENTS];
	size_t count;
	uint64_t next_id;
	double usual;                   /* share of errors, of late */
};

void flight_clear(struct flight *);
/* A moment begins: its id, to be asked for; 0: no more of them now. */
uint64_t flight_begin(struct flight *, double at, const char *why);
/* A second's requests; true when its failures are a burst. */
bool flight_burst(struct flight *, uint64_t requests, uint64_t failures);
/* A worker's answer; `zero`: the master's clock_now() at second 0 of the run,
 * pauses included.  Lines that are not as they should be are left out. */
void flight_add(struct flight *, uint64_t id, int64_t worker,
    const void *lines, size_t len, int64_t zero);
/* One JSON object a line, first of each moment its "why". */
void flight_write(struct buf *, const struct flight *);
/* A waterfall for each moment, nothing when there is none. */
void flight_html(struct buf *, const struct flight *);

#endif
