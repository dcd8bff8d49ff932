/*
 * `swarm test`: runs the cases of test modules, each in a process of its own,
 * and prints the Test Anything Protocol.
 *
 * The clock.  All that a case waits for is in this process: its own fibers,
 * the peer's script, sockets between the two.  So when no fiber can run and no
 * socket is ready, nothing will happen before the next deadline, and the clock
 * may jump there.  Only calls given to the thread pool are really waited for.
 * When there is no deadline either, the case would wait for ever, and that is
 * said, with what each fiber waits for.
 */
#include <swarm/test.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "module/check.h"
#include "module/find.h"
#include "module/internal.h"
#include "module/peer.h"
#include "module/spawn.h"
#include "module/tools.h"
#include "stats/stats.h"
#include "user/user.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_LIMIT 30.0                 /* real seconds for one case */
#define OUTPUT_MAX (1 << 20)
#define QUIET_PASSES 3                  /* before the clock jumps */
#define DELIVERY_NS  300000             /* real time, each such pass */

static struct {
	const struct swarm_case *running;
	struct swarm_sample *samples;
	size_t sample_count;
	bool failed;
	bool ended;
	bool offloaded;                 /* some fiber waits for a thread */
	bool reading;                   /* … for a descriptor */
} test;

SWARM_API void swarm_test_fail(const char *file, int line, const char *fmt,
    ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	if (strchr(file, ' '))
		check_say("%s, step %d: %s", file, line, text);
	else
		check_say("%s:%d: %s", file, line, text);
	free(text);
	test.failed = true;
}

SWARM_API void swarm_test_host(const char *host)
{
	/* Kept: users may have been given the one before. */
	users_set_host(xstrdup(host));
}

SWARM_API size_t swarm_test_samples(void)
{
	return test.sample_count;
}

SWARM_API const struct swarm_sample *swarm_test_sample(size_t i)
{
	static const struct swarm_sample none = { .type = "", .name = "",
		.error = "there is no such sample" };

	return i < test.sample_count ? &test.samples[i] : &none;
}

static void on_sample(const char *type, const char *name, int64_t service_ns,
    size_t bytes, const char *error, const char *tags, void *arg)
{
	(void)arg;
	test.samples = xreallocarray(test.samples, test.sample_count + 1,
	    sizeof(test.samples[0]));
	test.samples[test.sample_count++] = (struct swarm_sample){
		xstrdup(type), xstrdup(name), service_ns, bytes,
		error ? xstrdup(error) : NULL, tags ? xstrdup(tags) : NULL };
}

static void on_raised(const char *message, const char *where, void *arg)
{
	(void)arg;
	check_say("raised: %s (%s)", message, where);
	test.failed = true;
}

static void on_stop_test(const char *why, void *arg)
{
	(void)why;
	(void)arg;
}

static void on_event(void *arg)
{
	(void)arg;
}

/* ---- cases ---- */

static bool case_at(const struct swarm_iface *iface, size_t i,
    struct swarm_case *out)
{
	const struct swarm_tests *t = (const void *)iface;

	list_element(out, sizeof(*out), t->cases, t->case_size, i);
	return out->name != NULL;
}

static void run_case(struct swarm_user *u)
{
	test.running->run(u);
	test.ended = true;
	swarm_stop_user(u);
}

static void see_waiting(const struct fiber_info *f, void *arg)
{
	(void)arg;
	test.offloaded = test.offloaded || f->cause == FIBER_OFFLOAD;
	test.reading = test.reading || f->fd != -1;
}

static void say_waiting(const struct fiber_info *f, void *arg)
{
	(void)arg;
	check_say("a fiber is %s", fiber_cause_name(f->cause));
}

/* Nothing can happen before the next deadline: goes there.  False when there
 * is none. */
static bool jump(void)
{
	int64_t next = wheel_next();

	if (test.offloaded) {
		poll(NULL, 0, 1);
		return true;
	}
	if (next == INT64_MAX)
		return false;
	if (next > clock_now())
		clock_advance(next - clock_now());
	return true;
}

/* A busy kernel may deliver between two sockets of this machine a little
 * later. */
static void let_deliver(void)
{
	const struct timespec moment = { .tv_nsec = DELIVERY_NS };

	test.offloaded = test.reading = false;
	fiber_dump(see_waiting, NULL);
	if (test.reading)
		nanosleep(&moment, NULL);
}

static void run_virtual(void)
{
	struct loop_health before, after;
	int quiet = 0;

	while (!test.ended || users_alive() > 0) {
		loop_health(&before);
		loop_once(false);
		loop_health(&after);
		quiet = after.worked == before.worked && loop_idle() ?
		    quiet + 1 : 0;
		if (quiet > 0)
			let_deliver();
		if (quiet < QUIET_PASSES)
			continue;
		quiet = 0;
		if (jump())
			continue;
		check_say("nothing can happen any more:");
		fiber_dump(say_waiting, NULL);
		test.failed = true;
		return;
	}
}

static void run_real(void)
{
	while (!test.ended || users_alive() > 0)
		loop_once(true);
}

static int start(struct stats *stats)
{
	const struct swarm_task tasks[] = {
		{ .name = "case", .run = run_case }, { .name = NULL },
	};
	struct users_options options = {
		.seed = 1,
		.stats = stats,
		.reached = on_event,
		.stopped = on_event,
		.stop_test = on_stop_test,
		.raised = on_raised,
		.sampled = on_sample,
	};
	int class = swarm_class_add(&(struct swarm_user_class){
	    .name = "(test)", .tasks = tasks });

	if (class == -1 || loop_init() == -1 ||
	    fiber_init(&(struct fiber_options){ 0 }) == -1)
		return -1;
	users_init(&options);
	if (module_worker_start() == -1)
		return -1;
	users_set_target((size_t)class, 1, 0);
	return 0;
}

static void finish(struct stats *stats)
{
	peer_release_all();
	module_worker_stop();
	users_release();
	fiber_release();
	loop_release();
	module_unload_all();
	stats_free(stats);
	for (size_t i = 0; i < test.sample_count; i++) {
		free((void *)(uintptr_t)test.samples[i].type);
		free((void *)(uintptr_t)test.samples[i].name);
		free((void *)(uintptr_t)test.samples[i].error);
		free((void *)(uintptr_t)test.samples[i].tags);
	}
	free(test.samples);
}

static int run_one(const struct swarm_case *c)
{
	struct stats *stats = stats_new(STATS_DEFAULT_SERIES,
	    STATS_DEFAULT_ERRORS);

	test.running = c;
	if (!c->real_time)
		clock_freeze(clock_now());
	if (start(stats) == -1)
		return CHECK_BAD;
	if (c->real_time)
		run_real();
	else
		run_virtual();
	if (!test.ended)
		check_say("the case did not come to its end");
	/* With fibers that wait for ever nothing can be taken down. */
	if (users_alive() == 0)
		finish(stats);
	return test.failed || !test.ended ? CHECK_BAD : CHECK_OK;
}

/* ---- the child: one case; the parent: all ---- */

static const struct swarm_iface *tests_of(const struct module *m)
{
	const struct swarm_iface *tests = bind_export(m, SWARM_TEST_ID);

	if (!tests || tests->size < sizeof(struct swarm_tests)) {
		check_say("it has no tests; end it with SWARM_TESTS()");
		return NULL;
	}
	return tests;
}

static int test_child(const struct check_subject *s, const char *name)
{
	struct module *m = check_open_bound(s);
	const struct swarm_iface *tests = m ? tests_of(m) : NULL;
	struct swarm_case c;

	check_install_crash();
	if (!tests || module_apply_options() == -1 || module_load_all() == -1)
		return TOOLS_MODULE;
	for (size_t i = 0; case_at(tests, i, &c); i++) {
		if (!name)
			printf("%s\n", c.name);
		else if (strcmp(c.name, name) == 0)
			return run_one(&c);
	}
	return name ? TOOLS_USAGE : TOOLS_OK;
}

static int spawn_child(const struct check_request *r, const char *name,
    struct buf *out, struct buf *err)
{
	struct names argv = { 0 };
	int rc;

	check_child_line(r, "test", name, &argv);
	rc = spawn_capture(names_argv(&argv), r->timeout, out, err);
	names_release(&argv);
	return rc;
}

static bool run_reported(const struct check_request *r, const char *name,
    int number)
{
	struct buf out = BUF_INIT(OUTPUT_MAX), err = BUF_INIT(OUTPUT_MAX);
	int rc = spawn_child(r, name, &out, &err);

	check_report(r, name, number, rc, &out, &err);
	buf_release(&out);
	buf_release(&err);
	return rc == CHECK_OK;
}

static bool wanted(const struct check_request *r, const char *name)
{
	return r->only.count == 0 || names_has(&r->only, name);
}

static int test_parent(const struct check_request *r)
{
	struct buf out = BUF_INIT(OUTPUT_MAX), err = BUF_INIT(OUTPUT_MAX);
	struct names cases = { 0 };
	int bad = 0, number = 0, count = 0;
	int rc = spawn_child(r, "", &out, &err);

	if (rc != TOOLS_OK) {
		fputs(buf_str(&out), stderr);
		fputs(buf_str(&err), stderr);
		rc = TOOLS_MODULE;
		goto release;
	}
	names_add_words(&cases, buf_str(&out));
	if (r->list) {
		fputs(buf_str(&out), stdout);
		goto release;
	}
	for (size_t i = 0; i < r->only.count; i++) {
		if (check_named(&cases, r->only.at[i], "case"))
			continue;
		rc = TOOLS_USAGE;
		goto release;
	}
	for (size_t i = 0; i < cases.count; i++)
		count += wanted(r, cases.at[i]);
	printf("TAP version 13\n1..%d\n", count);
	for (size_t i = 0; i < cases.count; i++)
		if (wanted(r, cases.at[i]))
			bad += !run_reported(r, cases.at[i], ++number);
	printf("# %d of %d cases of %s failed\n", bad, number,
	    r->subject.path);
	rc = bad ? TOOLS_FAILED : TOOLS_OK;
release:
	names_release(&cases);
	buf_release(&out);
	buf_release(&err);
	return rc;
}

static int usage(void)
{
	fputs("usage: swarm test [--list] [--only CASE] [--only-failed] "
	    "[--timeout SECONDS]\n"
	    "                  [--plugin PLUGIN] [-o MODULE.NAME=VALUE] "
	    "TEST.so|TEST.c\n", stderr);
	return TOOLS_USAGE;
}

int module_test_main(int argc, char **argv)
{
	struct check_request r = { .timeout = TIME_LIMIT };
	char *path = NULL, *compiled = NULL;
	int rc = TOOLS_MODULE;

	if (check_parse(&r, argc, argv) == -1 || !r.subject.path) {
		rc = usage();
		goto release;
	}
	path = tools_find(r.subject.path);
	if (!path)
		goto release;
	r.subject.path = path;
	/* Once, before many children would find it missing. */
	if (find_ends_with(path, ".c") && !(compiled = compile_source(path)))
		goto release;
	if (r.one)
		rc = test_child(&r.subject, r.one[0] ? r.one : NULL);
	else
		rc = test_parent(&r);
release:
	free(compiled);
	free(path);
	check_request_release(&r);
	return rc;
}
