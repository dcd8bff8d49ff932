/*
 * `swarm try FILE`: what a scenario does, before a thousand users do it.  One
 * process, no workers, so that a debugger sees everything.
 */
#include "cli/try.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/author.h"
#include "cli/options.h"
#include "cli/role.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "module/module.h"
#include "stats/stats.h"
#include "user/user.h"

static struct {
	size_t next_class;
	unsigned passed;
	unsigned failed;
	const char *class_shown;
} trial;

static void on_step(const char *user_class, const char *task, void *arg)
{
	(void)arg;
	if (trial.class_shown != user_class)
		printf("%s\n", user_class);
	trial.class_shown = user_class;
	printf("  %s\n", task);
}

static void on_sample(const char *type, const char *name, int64_t service_ns,
    size_t bytes, const char *error, const char *tags, void *arg)
{
	char what[64];

	(void)arg;
	snprintf(what, sizeof what, "%s %s", type, name);
	printf("    %-44s %9.2f ms %8zu B  %s%s%s%s\n", what,
	    (double)service_ns / 1e6, bytes, error != NULL ? error : "ok",
	    tags != NULL ? "  [" : "", tags != NULL ? tags : "",
	    tags != NULL ? "]" : "");
	if (error != NULL)
		trial.failed++;
	else
		trial.passed++;
}

static void on_raised(const char *message, const char *where, void *arg)
{
	(void)arg;
	printf("    error: %s (%s)\n", message, where);
	trial.failed++;
}

/* One class after the other. */
static void on_stopped(void *arg)
{
	(void)arg;
	if (trial.next_class == user_class_count()) {
		loop_stop();
		return;
	}
	users_when_empty();
	users_try(trial.next_class++);
}

static void begin(void)
{
	loop_post(on_stopped, NULL);
}

static int run_trial(const struct options *o)
{
	struct users_options options = {
		.host = o->host,
		.seed = (uint64_t)(o->seed != 0 ? o->seed : clock_now()),
		.split_by = (const char *const *)o->split_by.items,
		.stats = stats_new(STATS_DEFAULT_SERIES, 100),
		.stopped = on_stopped,
		.raised = on_raised,
		.sampled = on_sample,
		.step = on_step,
	};

	if (role_alone(&options, begin) != 0)
		return EXIT_MODULE;
	printf("%u passed, %u failed\n", trial.passed, trial.failed);
	if (trial.failed == 0)
		return EXIT_PASSED;
	return trial.passed == 0 ? EXIT_NO_ANSWER : EXIT_FAILED_REQUESTS;
}

int try_main(int argc, char **argv)
{
	struct options o;
	int command;
	int rc;

	if (options_parse(&o, argc, argv) == -1) {
		options_release(&o);
		return EXIT_USAGE;
	}
	/* Names without an option are files here. */
	if (o.scenarios.count == 0) {
		o.scenarios = o.classes;
		o.classes = (struct option_list){ 0 };
	}
	if (o.scenarios.count == 0) {
		log_error("usage: swarm try FILE [-H URL] [options]");
		return EXIT_USAGE;
	}
	author_watch();
	module_set_worker(true);
	rc = role_load_modules(&o, &command);
	if (rc == EXIT_PASSED)
		rc = run_trial(&o);
	options_release(&o);
	return rc;
}
