/*
 * Events of a run, for modules that do something besides their users: prepare
 * data, watch the system under test, write results elsewhere.
 *
 *	static void test_start(void)
 *	{
 *		if (!swarm_is_worker())
 *			swarm_info("the test begins");
 *	}
 *
 *	static const struct swarm_hooks hooks = {
 *		SWARM_IFACE(struct swarm_hooks, 0),
 *		.test_start = test_start,
 *	};
 *
 *	SWARM_MODULE(.exports = SWARM_EXPORTS({ SWARM_HOOKS_ID, &hooks.head }));
 *
 * All are called on the process's loop, outside any fiber, in the master and
 * in each worker unless marked; they must not wait and should be quick.  In
 * both they may count and record: swarm_count(), swarm_record(), in the master
 * too, where it is for what is known once and not once for each worker.  A
 * field left out is not called.  Modules are called in the order of their
 * load(), and in reverse for test_stop and quitting.
 */
#ifndef SWARM_HOOKS_H
#define SWARM_HOOKS_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWARM_HOOKS_ID "swarm.hooks/1"

/* One sample that has ended; valid during the call. */
struct swarm_sample {
	const char *type;
	const char *name;
	int64_t service_ns;
	size_t bytes;
	const char *error;              /* NULL: it passed */
	const char *tags;               /* "key=value,..."; NULL: none */
};

struct swarm_hooks {
	struct swarm_iface head;
	/* A test begins: before the first user of it. */
	void (*test_start)(void);
	/* All users asked for are running (here, in a worker), also after each
	 * later change of the load. */
	void (*spawning_complete)(uint64_t users);
	/* The users are about to be stopped; then: all have gone. */
	void (*test_stopping)(void);
	void (*test_stop)(void);
	/* About once a second between test_start and test_stop; the seconds
	 * since test_start. */
	void (*tick)(double seconds);
	/* [worker only] A sample has ended.  Called for every one: each
	 * nanosecond here is paid as often as there are requests. */
	void (*sample)(const struct swarm_sample *);
	/* [worker only] swarm_raise(); `where` is "file:line, task ...". */
	void (*raised)(const char *message, const char *where);
	/* The process is about to end. */
	void (*quitting)(void);
};

#ifdef __cplusplus
}
#endif
#endif
