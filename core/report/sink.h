/*
 * One sink of a module (<swarm/sink.h>): its thread, the queue to it, and what
 * it has been shown so far.
 */
#ifndef REPORT_SINK_H
#define REPORT_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <swarm/sink.h>

#include "report/delta.h"

#define SINK_QUEUE  16          /* intervals that wait; then they are joined */
#define SINK_EVENTS 100         /* events that wait; then they are dropped */

struct sink;

/* What became of all that was put in. */
struct sink_account {
	uint64_t intervals;             /* seconds that were taken */
	uint64_t joined;                /* of these, together with a later one */
	uint64_t lost;                  /* not taken */
	uint64_t lost_requests;
	uint64_t events_dropped;
	bool stuck;                     /* its thread never came back */
	bool end_failed;                /* what end() said of itself */
};

/* The table is copied.  NULL after the sink's own swarm_error(). */
struct sink *sink_start(const struct swarm_sink *,
    const struct swarm_sink_start *);
/* Never wait; sink_put() takes the delta over. */
void sink_put(struct sink *, struct delta *);
void sink_event(struct sink *, unsigned test, double time, double elapsed,
    const char *text);
/* Nothing more comes; the thread tells the sink and ends. */
void sink_end(struct sink *, double time, const char *verdict,
    const char *reason, int exit_code);
/*
 * Waits for the thread until `deadline` (CLOCK_MONOTONIC) and frees; a sink
 * that is still in a call is left behind with its memory.
 */
void sink_finish(struct sink *, const struct timespec *deadline,
    struct sink_account *);

#endif
