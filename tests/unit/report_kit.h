/*
 * A run that the outputs are told about, without the run: a fixture with
 * frozen clocks, samples by hand, and report_finish() into a file.
 */
#ifndef REPORT_KIT_H
#define REPORT_KIT_H

#include "report/report.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "stats/stats.h"

#include <jansson.h>

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BEGIN (1000 * NS_PER_S)

struct fixture {
	char dir[64];
	struct stats *stats;
	struct report_options options;
	struct report_outcome outcome;
	char *prefix;
	char *json;
};

static char *argv_of_test[] = { (char *)"swarm", (char *)"-f",
	(char *)"it's.c", NULL };

static inline int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/swarm-report-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->prefix = xasprintf("%s/new/folder/out", f->dir);
	f->json = xasprintf("%s/result", f->dir);
	f->stats = stats_new(100, 100);
	f->options = (struct report_options){
		.stats = f->stats, .scenario = "it's.c", .argc = 3,
		.argv = argv_of_test, .csv = f->prefix, .json_file = f->json,
		.exit_code_on_error = 1, .summary = REPORT_SUMMARY_FULL,
		.host = "http://127.0.0.1",
	};
	f->outcome = (struct report_outcome){
		.run = { .state = RUN_RUNNING, .started = BEGIN,
			.users_running = 4, .users_target = 4, .workers = 2 },
		.scenario_exit_code = -1,
	};
	clock_freeze(BEGIN);
	unsetenv("CLICOLOR_FORCE");
	setenv("LC_ALL", "C", 1);
	*state = f;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	clock_thaw();
	assert_int_equal(nftw(f->dir, remove_one, 8, FTW_DEPTH), 0);
	stats_free(f->stats);
	free(f->prefix);
	free(f->json);
	free(f);
	return 0;
}

static inline char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	struct buf text = BUF_INIT(1 << 24);
	char part[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		buf_add(&text, part, n);
	fclose(file);
	return buf_detach(&text);
}

/* Calls report_finish() with standard output going to a file. */
static inline char *finish(struct fixture *f, int *code)
{
	char *path = xasprintf("%s/stdout", f->dir), *text;
	int saved = dup(1), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	fflush(stdout);
	dup2(fd, 1);
	*code = report_finish(&f->outcome);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	close(fd);
	text = read_file(path);
	free(path);
	return text;
}

static inline void sample(struct fixture *f, const char *name, int64_t ms,
    const char *error)
{
	struct series *s = stats_series(f->stats, "GET", name);

	stats_record(f->stats, s, clock_now(), ms * NS_PER_MS, 0, 33,
	    error != NULL);
	if (error)
		stats_error(f->stats, s, error, 1, clock_wall(),
		    clock_wall());
}

static inline void second(struct fixture *f)
{
	struct report_load load = { 50, 0.5, 1, NULL, 0 };

	clock_advance(NS_PER_S);
	report_tick(&f->outcome.run, &load);
}

static inline int count_lines(const char *text, const char *with)
{
	int n = 0;

	for (const char *at = strstr(text, with); at;
	    at = strstr(at + 1, with))
		n++;
	return n;
}

static inline json_t *load_json(struct fixture *f)
{
	char *path = xasprintf("%s.json", f->json);
	json_t *o = json_load_file(path, 0, NULL);

	free(path);
	assert_non_null(o);
	return o;
}

static inline char *path_in(struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->dir, name);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
