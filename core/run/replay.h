/*
 * The master's part of a replay: reads the trace a little ahead of the run's
 * time and hands its events out to the workers, each trace user's to one of
 * them.
 */
#ifndef RUN_REPLAY_H
#define RUN_REPLAY_H

#include <stddef.h>

struct executor;
struct peer;
struct trace_options;
struct wire_progress;

/* Of run_init(): opens the file, so that a bad one is refused at once; the
 * options must stay, their texts too.  0, or -1 after log_error(). */
int replay_feed_init(const struct trace_options *);
void replay_feed_release(void);
/* A test begins, for this executor: 0, or -1 after log_error(). */
int replay_feed_begin(struct executor *);
/* No more is handed out; what was left out is said. */
void replay_feed_end(void);
/* News of a worker, before the executor has them. */
void replay_feed_progress(const struct peer *, const struct wire_progress *,
    size_t count);
/* What it had done is in the figures. */
void replay_feed_reported(const struct peer *);
/* It is lost, or lost its users and is to be given them anew: before the run
 * drops it. */
void replay_feed_lost(const struct peer *);
/* It gets no more, as its users are to stop; then, that they have. */
void replay_feed_leaves(struct peer *);
void replay_feed_stopped(const struct peer *);

#endif
