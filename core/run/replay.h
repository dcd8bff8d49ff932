/*
 * The master's part of a replay: reads the trace a little ahead of the run's
 * time and hands its events out to the workers, each trace user's to one of
 * them.
 */
#ifndef RUN_REPLAY_H
#define RUN_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

struct executor;
struct peer;
struct trace_options;

/* Of run_init(): opens the file, so that a bad one is refused at once; the
 * options must stay, their texts too.  0, or -1 after log_error(). */
int replay_feed_init(const struct trace_options *);
void replay_feed_release(void);
/* A test begins, for this executor: 0, or -1 after log_error(). */
int replay_feed_begin(struct executor *);
/* No more is handed out; what was left out is said. */
void replay_feed_end(void);
/* Before the run drops it. */
void replay_feed_lost(const struct peer *);

/* What results say of it; false when there is none. */
struct replay_feed_status {
	const char *path;
	const char *format;
	double speed;
	uint64_t events;                /* handed out */
	uint64_t unreadable;
	uint64_t out_of_order;
	uint64_t left_out;
	int64_t passes;
	bool over;                      /* all of it */
};
bool replay_feed_status(struct replay_feed_status *);

#endif
