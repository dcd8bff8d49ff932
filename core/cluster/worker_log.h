/*
 * Log lines on their way to the master: from any thread, so many a second,
 * and what is dropped is counted.
 */
#ifndef CLUSTER_WORKER_LOG_H
#define CLUSTER_WORKER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Lines are wanted; `ready` is called on the loop when there are some. */
void worker_log_start(void (*ready)(void *));
/* Appends a message with all that waits; false when nothing does. */
bool worker_log_encode(struct buf *out, const char *node_id);
/* The same for a Locust master, which wants the last lines again each time;
 * false when there is nothing new. */
bool worker_log_encode_locust(struct buf *out, const char *node_id);
/* One more thing like a line: whether the rate allows it. */
bool worker_log_allow(void);
/* No more lines; what waits goes to standard error. */
void worker_log_stop(void);

#endif
