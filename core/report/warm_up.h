/*
 * The warm-up of a run and its steady rest: proposed to everybody, left out of
 * the criteria for who asks (--warm-up).
 */
#ifndef REPORT_WARM_UP_H
#define REPORT_WARM_UP_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

struct result;

#define WARM_UP_FIGURES 6

enum warm_up_state {
	WARM_UP_UNKNOWN,                /* too short to tell */
	WARM_UP_STEADY,
	WARM_UP_DRIFTING,               /* a rest that goes up or down */
	WARM_UP_NEVER,                  /* no rest */
};

/* What is asked for by --warm-up. */
#define WARM_UP_NONE 0.0
#define WARM_UP_AUTO (-1.0)

/* What a result keeps of it; plain data. */
struct warm_up {
	enum warm_up_state state;
	bool applied;                   /* to the criteria */
	double from_s;                  /* the rest, seconds into the run */
	double to_s;
	double drift_latency;           /* over the rest, share; signed */
	double drift_rate;
	/* Of the rest alone. */
	uint64_t requests;
	uint64_t failures;
	uint64_t timed;
	double ms[WARM_UP_FIGURES];     /* mean, p50, p90, p95, p99, p99.9 */
};

/* "none", "auto" or a time, as seconds or one of the above; 0 or -1. */
int warm_up_parse(const char *text, double *out);
/* From the history of a result; `asked` as above. */
void warm_up_take(struct warm_up *, const struct result *, double asked);
/* One sentence. */
void warm_up_sentence(struct buf *, const struct warm_up *);
/* The object "steady_state", both ways. */
json_t *warm_up_json(const struct warm_up *);
void warm_up_read(struct warm_up *, const json_t *);

#endif
