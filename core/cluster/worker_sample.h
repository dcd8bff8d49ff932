/* What a heartbeat says of the process: CPU, memory, the loop. */
#ifndef CLUSTER_WORKER_SAMPLE_H
#define CLUSTER_WORKER_SAMPLE_H

#include "cluster/wire.h"

/* Fills cpu, memory, loop_busy and loop_delay_ms, since the last call. */
void worker_sample(struct wire_heartbeat *);

#endif
