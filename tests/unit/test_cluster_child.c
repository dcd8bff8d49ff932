/*
 * Local worker processes, as real ones: this program runs itself again as a
 * worker that does what its last argument says.
 */
#include "cluster/crash.h"
#include "cluster/master.h"
#include "cluster/worker.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "wait_kit.h"


static const char *const classes[] = { "Alpha" };

/* ---- the worker ---- */

static const char *behaviour;
static struct stats *delta;

static bool where(struct crash_where *w)
{
	*w = (struct crash_where){ "iot", "device", "report", 17 };
	return true;
}

/* Not a null pointer, which a sanitizer would catch first. */
static volatile int *volatile nowhere = (volatile int *)8;

__attribute__((noinline)) static void fault_here(volatile int *address)
{
	*address = 1;
}

__attribute__((noinline)) static int recurse(volatile int depth)
{
	volatile char room[512];

	room[0] = (char)depth;
	return depth < 0 ? 0 : recurse(depth + 1) + room[0];
}

static void overflow_stack(void *arg)
{
	(void)arg;
	if (recurse(0) == 1)
		abort();
}

static void misbehave(void)
{
	if (strcmp(behaviour, "segv") == 0)
		fault_here(nowhere);
	else if (strcmp(behaviour, "overflow") == 0)
		fiber_start(NULL, overflow_stack, NULL, NULL);
	else if (strcmp(behaviour, "abort") == 0)
		abort();
	else if (strcmp(behaviour, "exit") == 0)
		_exit(7);
}

static void on_spawn(const struct wire_spawn *spawn, bool first, void *arg)
{
	struct series *s = stats_series(delta, "GET", "/");

	(void)spawn;
	(void)first;
	(void)arg;
	for (int i = 0; i < 1000; i++)
		stats_record(delta, s, clock_now(), i, 0, 0, false);
	worker_spawned();
	misbehave();
}

static void on_stop(void *arg)
{
	(void)arg;
	worker_stopped(0);
}

static void on_quit(void *arg)
{
	(void)arg;
	if (strcmp(behaviour, "stay") != 0)
		loop_stop();
}

static void on_orphaned(const char *why, void *arg)
{
	(void)why;
	(void)arg;
}

static void on_counts(int64_t *counts, void *arg)
{
	(void)arg;
	counts[0] = 1;
}

static int be_worker(const char *endpoint)
{
	const struct worker_options o = { .connect = endpoint, .local = true,
		.stats = delta = stats_new(10, 10), .class_count = 1,
		.class_names = classes, .spawn = on_spawn, .stop = on_stop,
		.quit = on_quit, .orphaned = on_orphaned,
		.counts = on_counts };

	if (strcmp(behaviour, "stillborn") == 0)
		return 3;
	crash_init(where);
	if (loop_init() == -1 ||
	    fiber_init(&(struct fiber_options){ 0 }) == -1 ||
	    worker_start(&o) == -1)
		return 4;
	loop_run();
	worker_finish();
	stats_free(delta);
	fiber_release();
	loop_release();
	return strcmp(behaviour, "late") == 0 ? 9 : 0;
}

/* ---- the master ---- */

static struct {
	int joined, lost, spawned;
	int64_t index;
	char why[512];
	bool crashed;
	bool quit_done;
	char logged[8192];
} seen;

static struct stats *totals;

static void on_joined(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	seen.joined++;
}

static void on_lost(struct peer *p, const char *why, bool crashed, void *arg)
{
	(void)arg;
	snprintf(seen.why, sizeof seen.why, "%s", why);
	seen.crashed = crashed;
	seen.index = p->index;
	seen.lost++;
}

static void on_spawned(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	seen.spawned++;
}

static void on_quit_done(void *arg)
{
	(void)arg;
	seen.quit_done = true;
}

static void on_line(enum log_level level, const char *line, void *arg)
{
	size_t len = strlen(seen.logged);

	(void)level;
	(void)arg;
	snprintf(seen.logged + len, sizeof seen.logged - len, "%s\n", line);
}

static void start_master(const char *what, int processes)
{
	char *argv[] = { (char *)what, NULL };
	const struct master_options o = { .processes = processes,
		.worker_argv = argv, .class_count = 1,
		.class_names = classes, .report_interval = 0.2,
		.stats = totals, .joined = on_joined, .lost = on_lost,
		.spawned = on_spawned };

	assert_int_equal(master_start(&o), 0);
}

static char folder[] = "/tmp/swarm_test_XXXXXX";

static int entries(void)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	int n = 0;

	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof seen);
	log_set_sink(on_line, NULL);
	totals = stats_new(10, 10);
	return loop_init();
}

static int teardown(void **state)
{
	(void)state;
	master_release();
	loop_release();
	stats_free(totals);
	log_set_sink(NULL, NULL);
	return entries();
}

static void spawn_users(void)
{
	master_peer_at(0)->wanted[0] = 1;
	master_send_spawn(master_peer_at(0), NULL, 0);
}

static void quit(double timeout)
{
	master_quit(timeout, on_quit_done, NULL);
	wait_until(seen.quit_done);
}

static void test_quit_with_last_report(void **state)
{
	(void)state;
	start_master("good", 2);
	wait_until(seen.joined == 2);
	assert_int_equal(entries(), 1);
	assert_true(master_peer_at(0)->pid > 0);
	assert_int_not_equal(master_peer_at(0)->pid, master_peer_at(1)->pid);
	spawn_users();
	wait_until(seen.spawned == 1);
	quit(10);
	assert_int_equal(totals->total.requests, 1000);
	assert_int_equal(seen.lost, 2);
	assert_string_equal(seen.why, "quit");
	assert_string_equal(seen.logged, "");
}

static void test_kill(void **state)
{
	(void)state;
	start_master("good", 1);
	wait_until(seen.joined == 1);
	kill(master_peer_at(0)->pid, SIGKILL);
	wait_until(seen.lost == 1);
	assert_non_null(strstr(seen.why, "killed by signal 9"));
	assert_false(seen.crashed);
	quit(10);
}

static void assert_crash(const char *what, const char *sign,
    const char *function)
{
	start_master(what, 1);
	wait_until(seen.joined == 1);
	spawn_users();
	wait_until(seen.lost == 1);
	assert_true(seen.crashed);
	if (strstr(seen.why, sign) == NULL)
		fail_msg("no \"%s\" in \"%s\"", sign, seen.why);
	assert_non_null(strstr(seen.why, "task report of class device"));
	assert_non_null(strstr(seen.why, "(module iot), user 17"));
	wait_until(strstr(seen.logged, function) != NULL);
	assert_non_null(strstr(seen.logged, "test_cluster_child.c:"));
	quit(10);
}

static void test_null_pointer(void **state)
{
	(void)state;
	assert_crash("segv", "SIGSEGV (address 0x8) in unit_cluster_child",
	    "fault_here");
}

static void test_stack_overflow(void **state)
{
	(void)state;
	assert_crash("overflow",
	    "SIGSEGV (stack overflow) in unit_cluster_child", "recurse");
}

static void test_abort(void **state)
{
	(void)state;
	assert_crash("abort", "SIGABRT in unit_cluster_child", "misbehave");
}

static void test_exit_status(void **state)
{
	(void)state;
	start_master("exit", 1);
	wait_until(seen.joined == 1);
	spawn_users();
	wait_until(seen.lost == 1);
	assert_string_equal(seen.why, "ended with status 7");
	quit(10);
}

static void test_stillborn(void **state)
{
	(void)state;
	start_master("stillborn", 1);
	wait_until(seen.lost == 1);
	assert_int_equal(seen.index, -1);
	assert_string_equal(seen.why, "ended with status 3");
	assert_int_equal(seen.joined, 0);
	quit(10);
}

/* It left in good order and failed afterwards. */
static void test_late_failure(void **state)
{
	(void)state;
	start_master("late", 1);
	wait_until(seen.joined == 1);
	quit(10);
	assert_string_equal(seen.why, "quit");
	assert_non_null(strstr(seen.logged, "ended with status 9"));
}

static void test_stubborn(void **state)
{
	(void)state;
	start_master("stay", 1);
	wait_until(seen.joined == 1);
	quit(0.2);
	assert_string_equal(seen.why, "did not leave in time");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* ---- a master that is killed ---- */

static int be_master(void)
{
	if (loop_init() == -1)
		return 1;
	totals = stats_new(10, 10);
	start_master("good", 1);
	wait_until(seen.joined == 1);
	printf("%d\n", (int)master_peer_at(0)->pid);
	fflush(stdout);
	loop_run();
	return 0;
}

static pid_t run_master(FILE **output)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execl("/proc/self/exe", "unit_cluster_child", "--be-master",
		    NULL);
		_exit(127);
	}
	close(fds[1]);
	*output = fdopen(fds[0], "r");
	return pid;
}

static void test_no_orphans(void **state)
{
	char line[32] = "";
	FILE *output;
	pid_t worker;
	pid_t pid;
	int status;

	(void)state;
	/* The orphan becomes our child, so that its end can be seen. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = run_master(&output);
	assert_non_null(fgets(line, sizeof line, output));
	worker = (pid_t)strtol(line, NULL, 10);
	assert_true(worker > 0);
	assert_int_equal(entries(), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(waitpid(worker, &status, 0), worker);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	fclose(output);
	/* Its folder is still there; the next master clears it away. */
	assert_int_equal(entries(), 1);
	start_master("good", 1);
	assert_int_equal(entries(), 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_quit_with_last_report,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_null_pointer, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_stack_overflow, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_abort, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exit_status, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_stillborn, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_late_failure, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_stubborn, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_no_orphans, setup,
		    teardown),
	};
	int failed;

	if (argc == 4 && strcmp(argv[1], "--local-worker") == 0) {
		behaviour = argv[3];
		return be_worker(argv[2]);
	}
	if (argc == 2 && strcmp(argv[1], "--be-master") == 0)
		return be_master();
	if (mkdtemp(folder) == NULL)
		return 1;
	unsetenv("XDG_RUNTIME_DIR");
	setenv("TMPDIR", folder, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
