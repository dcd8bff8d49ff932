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
 *
 * They are Locust's events under their names; `request` is sample, and
 * `user_error` is raised.  init_command_line_parser is the options of the
 * module, which are a table (module.h).
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

struct swarm_sink_interval;

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
	/* The process is about to end; the master may still call
	 * swarm_exit_code().  In reverse order. */
	void (*quitting)(void);
	/* The last thing before the end; in the master the exit code, in a
	 * worker 0 or what went wrong with it. */
	void (*quit)(int exit_code);
	/* The process is ready: in the master its workers are being started,
	 * in a worker the master has answered.  Once. */
	void (*init)(void);
	/* [master only] A worker has come, also one that comes back; one is
	 * gone, and why. */
	void (*worker_connect)(const char *worker);
	void (*worker_lost)(const char *worker, const char *why);
	/* [worker only] Before each report (once a second): fills at most
	 * `size` bytes, which go with the report to the worker_report() of the
	 * same module in the master, once, however often the report has to be
	 * sent; returns how many, 0 for none. */
	size_t (*report_to_master)(void *data, size_t size);
	/* [master only] A worker's report has come and is merged: what the
	 * module said there, valid during the call; NULL and 0 when it said
	 * nothing. */
	void (*worker_report)(const char *worker, const void *data,
	    size_t len);
	/* [master only] The statistics were reset from the page. */
	void (*reset_stats)(void);
	/* Once a second: CPU of this process as percent of one core, and its
	 * resident bytes.  cpu_warning: when that is over 90, once until it
	 * has been under. */
	void (*usage_monitor)(double cpu_percent, int64_t memory);
	void (*cpu_warning)(double cpu_percent);
	/* [master only] A worker's heartbeat was answered. */
	void (*heartbeat_sent)(const char *worker);
	/* [worker only] The master has answered one. */
	void (*heartbeat_received)(void);
	/* [master only] About once a second while a test runs, and once for
	 * what came in last: all that an output is shown (sink.h).  What is
	 * computed here and recorded as a metric (measure.h) is a figure of the
	 * run like any other: --fail-if "external(NAME) > 3" judges it. */
	void (*interval)(const struct swarm_sink_interval *);
};

/* Bytes that report_to_master() may fill. */
#define SWARM_REPORT_MAX 16384

/* [main] In a hook of the master: the exit code of swarm, whatever was
 * measured; 0 to 255.  The last call counts. */
SWARM_API void swarm_exit_code(int code);

#ifdef __cplusplus
}
#endif
#endif
