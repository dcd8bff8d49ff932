/*
 * Samples: measured requests.
 *
 * Every sample is recorded, unsampled, in a fixed-size log-linear histogram
 * (relative error at most 0.4 %), twice: service time (from its start) and
 * response time (from when it should have started, which is earlier when the
 * load generator or a schedule was late; it hides no stall: "coordinated
 * omission").  Recording allocates nothing and locks nothing.
 */
#ifndef SWARM_STATS_H
#define SWARM_STATS_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A running measurement, held by the caller.  Frozen.  `type` is the kind of
 * request ("GET", "MQTT"), `name` groups equal requests ("/items/[id]").
 */
struct swarm_timer {
	struct swarm_user *user;
	uint32_t series;
	uint32_t state;
	int64_t start;                  /* ns, swarm_now() */
	int64_t lag;                    /* ns it started after its intended time */
};

/* [fiber] Starts a measurement.  The strings are copied when new. */
SWARM_API struct swarm_timer swarm_begin(struct swarm_user *,
    const char *type, const char *name);
/* [worker] Ends it as passed; `bytes` is the size of the answer.  Returns 0. */
SWARM_API int swarm_done(struct swarm_timer *, size_t bytes);
/* [worker] Ends it as failed, for the reason given (equal reasons are counted
 * together: leave ids and addresses out).  %m works.  Returns -1. */
SWARM_API int swarm_fail(struct swarm_timer *, const char *fmt, ...)
    SWARM_PRINTF(2, 3);
/* [worker] Forgets it: nothing is recorded. */
SWARM_API void swarm_drop(struct swarm_timer *);

/*
 * A series looked up once, for hot paths: swarm_series() [worker] never
 * fails; beyond the limit of series it answers the series "(other)" of that
 * type.  swarm_begin_at() [worker] takes the start from the caller.  A timer
 * may be begun on a fiber and ended in a callback on the loop.
 */
SWARM_API uint32_t swarm_series(const char *type, const char *name);
SWARM_API struct swarm_timer swarm_begin_at(struct swarm_user *,
    uint32_t series, int64_t start);
/* [worker] As swarm_done() with an end taken by the caller, for example on a
 * library's thread when the answer arrived. */
SWARM_API int swarm_done_at(struct swarm_timer *, int64_t end, size_t bytes);
SWARM_API int swarm_fail_at(struct swarm_timer *, int64_t end,
    const char *fmt, ...) SWARM_PRINTF(3, 4);

/*
 * [worker] Records a duration that is not a request of its own, for example
 * one phase of it, in a series.  Nanoseconds; negative counts as 0.
 */
SWARM_API void swarm_observe(uint32_t series, int64_t duration_ns,
    size_t bytes);

/*
 * Counters: sums over all workers, shown beside the samples.
 * swarm_counter: [worker] number of the counter, made when new.
 * swarm_count: [worker] adds.
 */
SWARM_API uint32_t swarm_counter(const char *name);
SWARM_API void swarm_count(uint32_t counter, int64_t add);

#ifdef __cplusplus
}
#endif
#endif
