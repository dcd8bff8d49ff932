/*
 * A local worker process.
 *
 * It is forked and a program run in it at once, because the master has
 * threads (ZeroMQ's) that a fork would not take along.  A pidfd on the loop
 * tells of its end; where the kernel has none, a timer asks.
 *
 * A pipe carries what its crash handler has to say (crash.c); it is read when
 * the process is gone, so a crash never waits for the master.
 */
#include "cluster/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "user/begun.h"

extern char **environ;

#define ASK_NS (200 * NS_PER_MS)
#define CRASH_TEXT_MAX (128u << 10)

struct child {
	char *id;
	pid_t pid;
	int status;
	bool alive;
	int pidfd;
	int crash_fd;                   /* our end */
	struct begun *begun;            /* NULL: there is none */
	struct event *event;
	struct wheel_timer ask;
	struct buf crash;
	void (*ended)(struct child *, void *);
	void *arg;
};

/* ---- in the child, between fork and exec ---- */

/* What exec keeps: ignored signals and the mask. */
static void reset_signals(void)
{
	struct sigaction deflt = { .sa_handler = SIG_DFL };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &deflt, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

struct plan {
	const char *program;
	char **argv;
	char **envp;
	int crash_fd;
	int begun_fd;                   /* -1 */
	int error_fd;
	pid_t parent;
};

static _Noreturn void become_worker(const struct plan *p)
{
	int null;
	int error;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != p->parent)     /* it died before the line above */
		_exit(1);
	reset_signals();
	null = open("/dev/null", O_RDONLY);
	if (null != -1)
		dup2(null, STDIN_FILENO);
	close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	fcntl(p->crash_fd, F_SETFD, 0);
	if (p->begun_fd != -1)
		fcntl(p->begun_fd, F_SETFD, 0);
	execve(p->program, p->argv, p->envp);
	error = errno;
	(void)!write(p->error_fd, &error, sizeof error);
	_exit(127);
}

/* ---- in the master ---- */

#define OURS 3                          /* variables */

static bool is_ours(const char *variable)
{
	static const char *const ours[OURS] = { CHILD_ID_ENV "=",
		CHILD_CRASH_ENV "=", BEGUN_ENV "=" };

	for (size_t i = 0; i < OURS; i++) {
		if (strncmp(variable, ours[i], strlen(ours[i])) == 0)
			return true;
	}
	return false;
}

/*
 * The environment with `id` and descriptors; free the array and its last OURS
 * strings before NULL.
 *
 * A worker's heap is asked for in huge pages, unless the environment says
 * something else to malloc(): what ten thousand users hold lies on more pages
 * than the processor keeps addresses of, and a third of what a request costs
 * would be looking them up.
 */
static char **make_environment(const char *id, int crash_fd, int begun_fd)
{
	static char tunables[] = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1";
	size_t n = 0;
	char **env;
	size_t used = 0;

	while (environ[n] != NULL)
		n++;
	env = xcalloc(n + OURS + 2, sizeof *env);
	for (size_t i = 0; i < n; i++) {
		if (!is_ours(environ[i]))
			env[used++] = environ[i];
	}
	if (getenv("GLIBC_TUNABLES") == NULL)
		env[used++] = tunables;
	env[used++] = xasprintf(CHILD_ID_ENV "=%s", id);
	env[used++] = xasprintf(CHILD_CRASH_ENV "=%d", crash_fd);
	env[used++] = xasprintf(BEGUN_ENV "=%d", begun_fd);
	return env;
}

static void free_environment(char **env)
{
	size_t n = 0;

	while (env[n] != NULL)
		n++;
	for (size_t i = 1; i <= OURS; i++)
		free(env[n - i]);
	free(env);
}

/* "PROGRAM --local-worker ENDPOINT ARGUMENTS..."; free the array. */
static char **make_arguments(char *program, char *endpoint, char *const *argv)
{
	static char option[] = "--local-worker";
	size_t n = 0;
	char **all;

	while (argv != NULL && argv[n] != NULL)
		n++;
	all = xcalloc(n + 4, sizeof *all);
	all[0] = program;
	all[1] = option;
	all[2] = endpoint;
	for (size_t i = 0; i < n; i++)
		all[3 + i] = argv[i];
	return all;
}

/* The path of this program, so that tools show its name; the link itself when
 * the file has been replaced. */
static char *own_program(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (n > 0) {
		path[n] = '\0';
		if (access(path, X_OK) == 0)
			return xstrdup(path);
	}
	return xstrdup("/proc/self/exe");
}

/* Waits until the child runs the program: 0, or the error it met. */
static int read_error(int fd)
{
	int error = 0;
	ssize_t n;

	do {
		n = read(fd, &error, sizeof error);
	} while (n == -1 && errno == EINTR);
	return n == (ssize_t)sizeof error ? error : 0;
}

static pid_t run_worker(const struct plan *plan, int *error)
{
	struct plan p = *plan;
	int pipe_fds[2];
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) == -1) {
		*error = errno;
		return -1;
	}
	p.error_fd = pipe_fds[1];
	p.parent = getpid();
	pid = fork();
	if (pid == 0)
		become_worker(&p);
	*error = errno;
	close(pipe_fds[1]);
	if (pid > 0)
		*error = read_error(pipe_fds[0]);
	close(pipe_fds[0]);
	if (pid > 0 && *error != 0) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	return pid;
}

static void read_crash(struct child *c)
{
	while (c->crash_fd != -1) {
		char *room = buf_reserve(&c->crash, 4096);
		ssize_t n = room == NULL ? 0 : read(c->crash_fd, room, 4096);

		if (n <= 0 && !(n == -1 && errno == EINTR)) {
			close(c->crash_fd);
			c->crash_fd = -1;
		} else if (n > 0) {
			c->crash.len += (size_t)n;
		}
	}
}

static void unwatch(struct child *c)
{
	wheel_del(&c->ask);
	if (c->event != NULL)
		event_free(c->event);
	c->event = NULL;
	if (c->pidfd != -1)
		close(c->pidfd);
	c->pidfd = -1;
}

/* Whether it has ended; then everything about it is known. */
static bool reap(struct child *c, int flags)
{
	pid_t pid;

	if (!c->alive)
		return true;
	do {
		pid = waitpid(c->pid, &c->status, flags);
	} while (pid == -1 && errno == EINTR);
	if (pid == 0)
		return false;
	c->alive = false;
	unwatch(c);
	read_crash(c);
	return true;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	loop_woke();
	if (c->alive && reap(c, WNOHANG))
		c->ended(c, c->arg);
}

static void on_ask(struct wheel_timer *t)
{
	struct child *c = (struct child *)((char *)t -
	    offsetof(struct child, ask));

	if (!reap(c, WNOHANG))
		wheel_add(t, clock_now() + ASK_NS);
	else
		c->ended(c, c->arg);
}

static void watch(struct child *c)
{
	c->ask.fire = on_ask;
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd != -1) {
		fcntl(c->pidfd, F_SETFD, FD_CLOEXEC);
		c->event = event_new(loop_base(), c->pidfd, EV_READ, on_end,
		    c);
		if (c->event != NULL && event_add(c->event, NULL) == 0)
			return;
	}
	wheel_add(&c->ask, clock_now() + ASK_NS);
}

struct child *child_start(const char *id, const char *endpoint,
    char *const *argv, void (*ended)(struct child *, void *), void *arg)
{
	struct child *c = xcalloc(1, sizeof *c);
	char *program = own_program();
	char *address = xstrdup(endpoint);
	struct plan plan = { .program = program,
		.argv = make_arguments(program, address, argv) };
	int fds[2] = { -1, -1 };
	int error = 0;

	c->id = xstrdup(id);
	c->ended = ended;
	c->arg = arg;
	c->pidfd = -1;
	buf_init(&c->crash, CRASH_TEXT_MAX);
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1)
		error = errno;
	c->crash_fd = fds[0];
	plan.crash_fd = fds[1];
	/* Without it a replay's worker leaves doubts when it is killed. */
	plan.begun_fd = begun_new(&c->begun);
	plan.envp = make_environment(id, fds[1], plan.begun_fd);
	c->pid = error == 0 ? run_worker(&plan, &error) : -1;
	if (fds[1] != -1)
		close(fds[1]);
	if (plan.begun_fd != -1)
		close(plan.begun_fd);
	if (c->pid > 0) {
		c->alive = true;
		watch(c);
	} else {
		log_error("cannot start a worker process: %s",
		    strerrordesc_np(error));
		child_free(c);
		c = NULL;
	}
	free_environment(plan.envp);
	free(plan.argv);
	free(address);
	free(program);
	return c;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

const char *child_id(const struct child *c)
{
	return c->id;
}

int child_status(const struct child *c)
{
	return c->status;
}

const char *child_crash_text(const struct child *c)
{
	return buf_str(&c->crash);
}

const struct begun *child_begun(const struct child *c)
{
	return c->begun;
}

bool child_alive(const struct child *c)
{
	return c->alive;
}

void child_kill(struct child *c, int sig)
{
	if (c->alive)
		kill(c->pid, sig);
}

void child_free(struct child *c)
{
	if (c == NULL)
		return;
	if (c->alive) {
		kill(c->pid, SIGKILL);
		reap(c, 0);
	}
	unwatch(c);
	if (c->crash_fd != -1)
		close(c->crash_fd);
	buf_release(&c->crash);
	begun_free(c->begun);
	free(c->id);
	free(c);
}
