/*
 * Runs one function as a user's task, in this process, on the real loop.
 * Checks in it may not jump off the fiber's stack, so they are noted and the
 * test fails when the fiber has ended.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include <swarm/swarm.h>

void harness_init(void);
void harness_release(void);
/* Users of this many at once run fn; asserts that nothing was noted. */
void harness_run(void (*fn)(struct swarm_user *));
void harness_run_many(void (*fn)(struct swarm_user *), int users);
/* Stops the users of the present run, as the end of a run would, after so
 * many milliseconds. */
void harness_stop_after(int ms);
void harness_note(const char *file, int line, const char *what);

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			harness_note(__FILE__, __LINE__, #condition); \
	} while (0)

/* Samples of a series since the last run began. */
uint64_t harness_requests(const char *type, const char *name);
uint64_t harness_failures(const char *type, const char *name);
/* Durations beside requests, and the longest, ns. */
uint64_t harness_observed(const char *type, const char *name,
    int64_t *longest);
/* A reason that was counted in any series, or NULL: the first that contains
 * this text. */
const char *harness_error(const char *part);
int64_t harness_counter(const char *name);

#endif
