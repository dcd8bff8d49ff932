/*
 * What the flight recorders of the workers told: the last seconds of the users
 * who fared worst, around each moment at which something went wrong.
 *
 * A moment is a criterion with a window that has just been met, or a burst of
 * errors.  At most FLIGHT_MOMENTS of them are kept, FLIGHT_APART seconds from
 * each other (or as long as is looked at after one), and FLIGHT_EVENTS_MOST
 * events of each.
 */
#ifndef REPORT_FLIGHT_H
#define REPORT_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

#define FLIGHT_MOMENTS     6
#define FLIGHT_APART       15.0         /* seconds */
#define FLIGHT_BEFORE      5.0          /* unless said otherwise */
#define FLIGHT_AFTER       2.0
#define FLIGHT_LONGEST     60.0         /* either of them */
#define FLIGHT_EVENTS_MOST 4000
#define FLIGHT_SHOWN       16           /* users of a moment, in reports */
#define FLIGHT_KEPT        500          /* their events, in results */

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

void flight_line_release(struct flight_line *);

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
	double before, after;           /* seconds around a moment; 0: the
	                                 * usual ones */
};

void flight_clear(struct flight *);
void flight_window(const struct flight *, double *before, double *after);
/* The users of a moment who are shown, those who failed first. */
struct flight_row {
	int64_t worker;
	uint64_t user;
};
size_t flight_rows(const struct flight_moment *,
    struct flight_row rows[FLIGHT_SHOWN]);
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
/* The array "flight" of results: of each moment what its waterfall shows, the
 * FLIGHT_KEPT events nearest to the worst of their users; and back,
 * flight_free()d.  What is missing
 * or impossible is left out. */
json_t *flight_json(const struct flight *);
struct flight *flight_read(const json_t *);
void flight_free(struct flight *);
/* A waterfall for each moment, nothing when there is none. */
void flight_html(struct buf *, const struct flight *);

#endif
