/*
 * The library's completion queue: served by a thread of its own, whose events
 * are handed to the loop in batches.
 */
#ifndef GRPC_CQ_H
#define GRPC_CQ_H

#include <grpc/grpc.h>

#include <stdbool.h>
#include <stdint.h>

/* An operation asked of the library: its tag.  Embedded in what asked. */
struct cq_event {
	struct cq_event *next;
	void (*run)(struct cq_event *); /* [worker] when it is complete */
	int64_t when;                   /* swarm_now() on the library's side */
	bool ok;
};

/* [worker] 0, or -1 after swarm_error(). */
int cq_start(void);
/* [worker] Runs events for as long as some are owed, then ends the thread.
 * Everything asked must have been canceled before. */
void cq_stop(bool (*owed)(void));
/* [worker] To be passed to the library with a tag that is a cq_event. */
grpc_completion_queue *cq_queue(void);

#endif
