/*
 * Users that wait for each other in a task (swarm_rendezvous()), on a worker.
 * Those who wait over all workers are told of to the master, which counts
 * (cluster/meeting.h) and says how many may go on.
 */
#ifndef USER_RENDEZVOUS_H
#define USER_RENDEZVOUS_H

#include <stdint.h>

/* The master says how many have met at `name` since the test began. */
void rendezvous_met(const char *name, int64_t released);
/* A test begins; nobody waits. */
void rendezvous_clear(void);

#endif
