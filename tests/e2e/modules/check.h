/*
 * For modules whose tasks check a client's calls, each as a sample of type
 * CHECK: its failure says what was not true.
 */
#ifndef CHECK_H
#define CHECK_H

#include <swarm/swarm.h>

#include <string.h>

#define CHECK(name) struct swarm_timer t = swarm_begin(u, "CHECK", name)
#define EXPECT(what) \
	do { \
		if (!(what)) { \
			swarm_fail(&t, "%s", #what); \
			return; \
		} \
	} while (0)

static inline bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

#endif
