/*
 * The shared clock of a run, for modules.
 */
#include <swarm/fiber.h>

#include "base/clock.h"
#include "cluster/worker.h"

int64_t swarm_shared_now(int64_t *error_ns)
{
	int64_t offset;
	int64_t error;

	worker_master_clock(&offset, &error);
	if (error_ns != NULL)
		*error_ns = error;
	return clock_now() + offset;
}
