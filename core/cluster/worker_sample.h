/* What a heartbeat says of the process and its machine. */
#ifndef CLUSTER_WORKER_SAMPLE_H
#define CLUSTER_WORKER_SAMPLE_H

#include "cluster/health.h"

struct histogram;

/* Begins to measure the loop's delay, on the loop, ten thousandths of a
 * second at a time; worker_sample_stop() ends it. */
void worker_sample_start(void);
void worker_sample_stop(void);
/* All of it but the arrivals, of the time since the last call. */
void worker_sample(struct health *);
/* The delays since the last call, for the heartbeat: the caller clears it
 * when it has been sent. */
struct histogram *worker_sample_delays(void);

#endif
