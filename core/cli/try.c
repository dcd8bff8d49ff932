/*
 * `swarm try FILE`: what a scenario does, before a thousand users do it.  One
 * process, no workers, so that a debugger sees everything.
 *
 * With --json each step is a line at once, an object, so that what was done
 * is known also of a scenario that crashes or never ends.
 */
#include "cli/try.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "cli/author.h"
#include "cli/options.h"
#include "cli/role.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "module/module.h"
#include "report/text.h"
#include "stats/stats.h"
#include "user/user.h"

static struct {
	size_t next_class;
	unsigned passed;
	unsigned failed;
	const char *class_shown;
	const char *only;               /* this class; NULL: all */
	bool json;
} trial;

/* ---- lines of JSON ---- */

static void begin_line(struct jsonw *j, struct buf *line)
{
	buf_init(line, 1u << 20);
	jsonw_init(j, line, 0);
	jsonw_object(j);
}

static void end_line(struct jsonw *j, struct buf *line)
{
	jsonw_end(j);
	puts(buf_str(line));
	fflush(stdout);
	buf_release(line);
}

static void step_line(const char *user_class, const char *task)
{
	struct buf line;
	struct jsonw j;

	begin_line(&j, &line);
	jsonw_put_string(&j, "step", task);
	jsonw_put_string(&j, "class", user_class);
	end_line(&j, &line);
}

static void sample_line(const char *type, const char *name, double ms,
    size_t bytes, const char *error, const char *tags)
{
	struct buf line;
	struct jsonw j;

	begin_line(&j, &line);
	jsonw_put_string(&j, "type", type);
	jsonw_put_string(&j, "name", name);
	jsonw_put_double(&j, "ms", ms);
	jsonw_put_int(&j, "bytes", (int64_t)bytes);
	jsonw_put_string(&j, "error", error);
	jsonw_put_string(&j, "tags", tags);
	end_line(&j, &line);
}

static void raised_line(const char *message, const char *where)
{
	struct buf line;
	struct jsonw j;

	begin_line(&j, &line);
	jsonw_put_string(&j, "raised", message);
	jsonw_put_string(&j, "where", where);
	end_line(&j, &line);
}

static void sum_line(void)
{
	struct buf line;
	struct jsonw j;

	begin_line(&j, &line);
	jsonw_put_int(&j, "passed", trial.passed);
	jsonw_put_int(&j, "failed", trial.failed);
	end_line(&j, &line);
}

/* ---- what happens ---- */

static void on_step(const char *user_class, const char *task, void *arg)
{
	(void)arg;
	if (trial.json) {
		step_line(user_class, task);
		return;
	}
	if (trial.class_shown != user_class)
		printf("%s\n", user_class);
	trial.class_shown = user_class;
	printf("  %s\n", task);
}

/* Names and errors may quote what a server sent. */
static void put(struct buf *line, const char *text, size_t width)
{
	text_name(line, text, text_width(text) <= width ? width : 0, true,
	    true);
}

static void print_sample(const char *what, double ms, size_t bytes,
    const char *error, const char *tags)
{
	struct buf line = BUF_INIT(1u << 20);

	buf_puts(&line, "    ");
	put(&line, what, 44);
	buf_printf(&line, " %9.2f ms %8zu B  ", ms, bytes);
	put(&line, error != NULL ? error : "ok", 0);
	if (tags != NULL) {
		buf_puts(&line, "  [");
		put(&line, tags, 0);
		buf_putc(&line, ']');
	}
	puts(buf_str(&line));
	buf_release(&line);
}

static void on_sample(const char *type, const char *name, int64_t service_ns,
    size_t bytes, const char *error, const char *tags, void *arg)
{
	struct buf what = BUF_INIT(1u << 16);

	(void)arg;
	if (error != NULL)
		trial.failed++;
	else
		trial.passed++;
	if (trial.json) {
		sample_line(type, name, (double)service_ns / 1e6, bytes,
		    error, tags);
		return;
	}
	buf_printf(&what, "%s %s", type, name);
	print_sample(buf_str(&what), (double)service_ns / 1e6, bytes, error,
	    tags);
	buf_release(&what);
}

static void on_raised(const char *message, const char *where, void *arg)
{
	struct buf line = BUF_INIT(1u << 16);

	(void)arg;
	trial.failed++;
	if (trial.json) {
		raised_line(message, where);
		return;
	}
	put(&line, message, 0);
	printf("    error: %s (%s)\n", buf_str(&line), where);
	buf_release(&line);
}

/* One class after the other. */
static void on_stopped(void *arg)
{
	(void)arg;
	while (trial.only != NULL && trial.next_class < user_class_count() &&
	    strcmp(user_class_at(trial.next_class)->name, trial.only) != 0)
		trial.next_class++;
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

	if (trial.only != NULL && user_class_find(trial.only) == NULL) {
		log_error("try: the scenario has no class \"%s\"",
		    trial.only);
		stats_free(options.stats);
		return EXIT_USAGE;
	}
	trial.json = o->json;
	if (role_alone(&options, begin) != 0)
		return EXIT_MODULE;
	if (trial.json)
		sum_line();
	else
		printf("%u passed, %u failed\n", trial.passed, trial.failed);
	if (trial.failed == 0)
		return EXIT_PASSED;
	return trial.passed == 0 ? EXIT_NO_ANSWER : EXIT_FAILED_REQUESTS;
}

/* Takes --class NAME out of the words; -1 after log_error(). */
static int take_class(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--class") != 0)
			continue;
		if (i + 1 == *argc) {
			log_error("try: --class needs the name of a class");
			return -1;
		}
		trial.only = argv[i + 1];
		*argc -= 2;
		memmove(&argv[i], &argv[i + 2], (size_t)(*argc - i + 1) *
		    sizeof argv[0]);
		return 0;
	}
	return 0;
}

int try_main(int argc, char **argv)
{
	struct options o;
	int command;
	int rc;

	if (take_class(&argc, argv) == -1)
		return EXIT_USAGE;
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
		log_error("usage: swarm try FILE [-H URL] [--class NAME] "
		    "[--json] [options]");
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
