/*
 * Users that count under a name of the worker's own, and a book beside
 * swarm's: what had been counted before each report, and in the end.  With
 * it a test can say what a worker's part of the results must be, even of one
 * that was killed.
 */
#include <swarm/swarm.h>
#include <swarm/hooks.h>

#include <stdio.h>
#include <time.h>

static const char *series;
static unsigned long counted;

static void beat(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "BEAT", series);

	swarm_done(&t, 1);
	if (counted++ == 0) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		fprintf(stderr, "first at %lld.%09ld\n",
		    (long long)now.tv_sec, now.tv_nsec);
	}
}

static void test_start(void)
{
	counted = 0;
}

static size_t report_to_master(void *data, size_t size)
{
	(void)data;
	(void)size;
	fprintf(stderr, "reported %lu\n", counted);
	return 0;
}

static void quitting(void)
{
	fprintf(stderr, "in all %lu\n", counted);
}

static const struct swarm_hooks hooks = {
	SWARM_IFACE(struct swarm_hooks, 0),
	.test_start = test_start,
	.report_to_master = report_to_master,
	.quitting = quitting,
};

SWARM_MODULE(
	.name = "named",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(series, "beat", "name of this worker's samples")),
	.exports = SWARM_EXPORTS({ SWARM_HOOKS_ID, &hooks.head }),
	.users = SWARM_USERS({ .name = "beater", .wait = SWARM_CONSTANT(0.01),
		.tasks = SWARM_TASKS(SWARM_TASK(beat)) }),
);
