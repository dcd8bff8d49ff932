/*
 * The checks that run a module's hooks and users, as a worker would: one user
 * at a time, stopped again after every one of some short times, so that each
 * of its waits is likely to be met by the stop at least once.
 *
 * Without --host the target is a port of this machine where nothing listens:
 * what a check sees is how the module behaves, not the system under test.
 */
#include "module/check.h"

#include "base/clock.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "module/internal.h"
#include "stats/stats.h"
#include "user/user.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOBODY "127.0.0.1:9"            /* discard, which is closed */
#define STOP_TIMEOUT 0.05               /* seconds; then waits fail */
#define GONE_NS (5 * NS_PER_S)          /* after being stopped */
#define RUN_NS (300 * NS_PER_MS)
#define BLOCKED_NS (200 * NS_PER_MS)
#define PRINTED_NS (100 * NS_PER_MS)

static struct stats *stats;
static _Atomic int blocked;
/* Standard output is not where it was. */
static bool catching;

/* ---- hooks ---- */

/* Everything loaded; false after the reason was said. */
static bool load_all(const struct check_subject *s, int *result)
{
	*result = CHECK_SKIP;
	if (!check_open_bound(s))
		return false;
	*result = CHECK_BAD;
	return module_apply_options() == 0 && module_load_all() == 0 &&
	    user_class_select(NULL, NULL, NULL) == 0;
}

int check_load(const struct check_subject *s)
{
	int result;

	if (!load_all(s, &result))
		return result;
	module_unload_all();
	return CHECK_OK;
}

static int thread_count(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

int check_threads(const struct check_subject *s)
{
	int before = thread_count();
	int result, more;

	if (!load_all(s, &result))
		return CHECK_SKIP;
	more = thread_count() - before;
	if (more == 0)
		return CHECK_OK;
	check_say("%d threads were started; the master loads modules too and "
	    "has no use for them: start them in worker_start()", more);
	return CHECK_BAD;
}

static void ignore_stop(const char *why, void *arg)
{
	(void)why;
	(void)arg;
}

static void ignore_raised(const char *message, const char *where, void *arg)
{
	(void)arg;
	if (!catching)
		check_say("raised: %s (%s)", message, where);
}

static void ignore(void *arg)
{
	(void)arg;
}

/* An empty one in which all that modules remember has the number it had. */
static struct stats *stats_like(const struct stats *old)
{
	struct stats *s = stats_new(STATS_DEFAULT_SERIES,
	    STATS_DEFAULT_ERRORS);

	for (size_t i = 0; old && i < old->count; i++)
		stats_series(s, old->series[i]->type, old->series[i]->name);
	for (size_t i = 0; old && i < old->counter_count; i++)
		stats_counter(s, old->counters[i].name);
	for (size_t i = 0; old && i < old->metrics.count; i++) {
		const struct metric *m = &old->metrics.at[i];

		metrics_get(&s->metrics, m->kind, m->name, m->unit);
	}
	return s;
}

/* NULL: of the same subject as the last time. */
static bool start_worker(const struct check_subject *s)
{
	static const char *host;
	struct stats *past;
	struct users_options options = {
		.seed = 1,
		.reached = ignore,
		.stopped = ignore,
		.stop_test = ignore_stop,
		.raised = ignore_raised,
	};

	if (s)
		host = s->host ? s->host : NOBODY;
	options.host = host;
	if (loop_init() == -1 ||
	    fiber_init(&(struct fiber_options){ 0 }) == -1)
		return false;
	past = stats;
	stats = options.stats = stats_like(past);
	stats_free(past);
	users_init(&options);
	return module_worker_start() == 0;
}

bool check_start_worker(const struct check_subject *s, int *result)
{
	*result = CHECK_SKIP;
	if (!load_all(s, result))
		return false;
	*result = CHECK_BAD;
	return start_worker(s);
}

static void end_worker(void)
{
	module_worker_stop();
	users_release();
	fiber_release();
	loop_release();
}

void check_finish_worker(void)
{
	end_worker();
	module_unload_all();
	stats_free(stats);
	stats = NULL;
}

int check_restart_worker(void)
{
	end_worker();
	/* Its measured values go now, and only the names stay. */
	return start_worker(NULL) ? CHECK_OK : CHECK_BAD;
}

int check_signals(const struct check_subject *s)
{
	struct sigaction before[NSIG], now;
	int result, changed = 0;

	if (loop_init() == -1)
		return CHECK_SKIP;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, NULL, &before[i]);
	loop_release();
	if (!check_start_worker(s, &result))
		return CHECK_SKIP;
	for (int i = 1; i < NSIG; i++) {
		if (sigaction(i, NULL, &now) == -1 ||
		    now.sa_handler == before[i].sa_handler)
			continue;
		check_say("the handler of signal %d (SIG%s) was replaced; "
		    "signals belong to swarm", i, sigabbrev_np(i) ?
		    sigabbrev_np(i) : "RT");
		changed++;
	}
	check_finish_worker();
	return changed ? CHECK_BAD : CHECK_OK;
}

int check_worker(const struct check_subject *s)
{
	int result;

	if (!load_all(s, &result))
		return CHECK_SKIP;
	check_say("worker_start()");
	if (!start_worker(s))
		return CHECK_BAD;
	check_say("worker_stop()");
	module_worker_stop();
	check_say("worker_start() again");
	if (module_worker_start() == -1)
		return CHECK_BAD;
	check_say("worker_stop() again, and unload()");
	check_finish_worker();
	return CHECK_OK;
}

/* ---- users ---- */

static void run_for(int64_t ns)
{
	int64_t end = clock_now() + ns;

	do {
		loop_once(false);
	} while (clock_now() < end);
}

/* Stops the users of one class; whether they are gone in time. */
static bool stop_users(size_t i, double timeout)
{
	int64_t end = clock_now() + GONE_NS;

	users_set_target(i, 0, timeout);
	while (users_alive() > 0 && clock_now() < end)
		loop_once(false);
	return users_alive() == 0;
}

bool check_one_user(size_t i, int64_t ns, double timeout)
{
	users_new_run();
	users_set_target(i, 1, timeout);
	run_for(ns);
	return stop_users(i, timeout);
}

/* Says where it is before it goes there: a user that never gives way ends
 * this process by its time limit. */
static int stop_at_moments(size_t i, double timeout)
{
	static const int moments_ms[] = { 0, 1, 2, 3, 5, 10, 20, 50, 100 };
	const char *name = user_class_at(i)->name;

	for (size_t k = 0; k < sizeof(moments_ms) / sizeof(int); k++) {
		check_say("a user of %s, stopped after %d ms%s", name,
		    moments_ms[k], timeout > 0 ? "" : ", in mid-wait");
		if (check_one_user(i, moments_ms[k] * NS_PER_MS, timeout))
			continue;
		check_say("was still there 5 s later: a wait that fails with "
		    "ECANCELED must end the task, and stop() must end");
		return CHECK_BAD;
	}
	return CHECK_OK;
}

static bool prepare_users(const struct check_subject *s)
{
	int result;

	if (!check_start_worker(s, &result))
		return false;
	if (user_class_count() > 0)
		return true;
	check_say("it declares no users");
	return false;
}

int check_users(const struct check_subject *s)
{
	int rc = CHECK_OK;

	if (!prepare_users(s))
		return CHECK_SKIP;
	for (size_t i = 0; i < user_class_count() && rc == CHECK_OK; i++) {
		rc = stop_at_moments(i, STOP_TIMEOUT);
		/* A short wait has mostly ended before it could fail. */
		if (rc == CHECK_OK)
			rc = stop_at_moments(i, 0);
	}
	if (rc == CHECK_OK)
		check_finish_worker();
	return rc;
}

/* On the loop thread, or on the watchdog's while it is still stuck. */
static void report_blocked(struct swarm_user *u, int64_t ran_ns)
{
	struct user_where where = { 0 };

	if (u)
		check_say("%s of %s ran %.0f ms without giving way",
		    swarm_task_name(u), swarm_user_class_name(u),
		    (double)ran_ns / NS_PER_MS);
	else if (users_where(&where))
		check_say("%s of %s still has not given way after %.0f ms",
		    where.task, where.user_class,
		    (double)ran_ns / NS_PER_MS);
	atomic_fetch_add(&blocked, 1);
}

int check_blocking(const struct check_subject *s)
{
	if (!prepare_users(s))
		return CHECK_SKIP;
	fiber_watchdog(BLOCKED_NS, report_blocked);
	for (size_t i = 0; i < user_class_count(); i++)
		if (!check_one_user(i, RUN_NS, STOP_TIMEOUT))
			break;
	fiber_watchdog(0, NULL);
	if (users_alive() == 0)
		check_finish_worker();
	if (atomic_load(&blocked) == 0)
		return CHECK_OK;
	check_say("calls that block belong into swarm_offload()");
	return CHECK_BAD;
}

/* A worker and its users, as quietly as can be. */
static int run_quietly(const struct check_subject *s)
{
	int rc;

	if (!check_start_worker(s, &rc))
		return CHECK_SKIP;
	for (size_t i = 0; i < user_class_count(); i++)
		if (!check_one_user(i, PRINTED_NS, STOP_TIMEOUT))
			return CHECK_SKIP;
	check_finish_worker();
	return CHECK_OK;
}

/* The summary goes there, and what another program reads must have nothing of
 * a module's between. */
int check_output(const struct check_subject *s)
{
	int real = dup(STDOUT_FILENO);
	int file = memfd_create("output", MFD_CLOEXEC);
	char text[200];
	ssize_t n;
	int rc;

	fflush(stdout);
	if (real == -1 || file == -1 || dup2(file, STDOUT_FILENO) == -1)
		return CHECK_SKIP;
	catching = true;
	rc = run_quietly(s);
	catching = false;
	fflush(stdout);
	dup2(real, STDOUT_FILENO);
	n = pread(file, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (rc == CHECK_SKIP || n <= 0) {
		check_say("%s", text);
		return rc;
	}
	check_say("it wrote \"%s\"; standard output is for results: use "
	    "swarm_info(), or swarm_debug()", text);
	return CHECK_BAD;
}

int check_stack(const struct check_subject *s)
{
	struct fiber_stats fibers;
	size_t most;

	if (!prepare_users(s))
		return CHECK_SKIP;
	fiber_measure_stacks(true);
	for (size_t i = 0; i < user_class_count(); i++)
		if (!check_one_user(i, RUN_NS, STOP_TIMEOUT))
			return CHECK_SKIP;
	fiber_stats(&fibers);
	most = fibers.stack_size / 4 * 3;
	check_finish_worker();
	if (fibers.stack_bytes <= most)
		return CHECK_OK;
	check_say("a fiber used %zu of its %zu bytes of stack; large arrays "
	    "belong into swarm_alloc() or swarm_data()", fibers.stack_bytes,
	    fibers.stack_size);
	return CHECK_BAD;
}
