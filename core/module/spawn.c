/*
 * posix_spawn rather than fork: modules may have started threads.  A child
 * gets SIGPIPE back, which swarm itself ignores, and an empty signal mask.
 */
#include "module/spawn.h"

#include "base/clock.h"
#include "base/write.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(char *const argv[], posix_spawn_file_actions_t *actions,
    pid_t *pid)
{
	posix_spawnattr_t attr;
	sigset_t back, none;
	int error;

	sigemptyset(&none);
	sigemptyset(&back);
	sigaddset(&back, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &back);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
	    POSIX_SPAWN_SETSIGMASK);
	error = posix_spawn(pid, argv[0], actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	errno = error;
	return error ? -1 : 0;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return 127;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}

/* As much of it as fits. */
static void keep(struct buf *b, const char *data, size_t len)
{
	size_t room = b ? b->max - b->len : 0;

	if (room > 1)
		buf_add(b, data, len < room - 1 ? len : room - 1);
}

int spawn_tee(char *const argv[], struct buf *copy)
{
	posix_spawn_file_actions_t actions;
	char part[4096];
	int fds[2];
	pid_t pid;
	ssize_t n;
	int rc;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return 127;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
	rc = start(argv, &actions, &pid);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (rc == -1) {
		close(fds[0]);
		return 127;
	}
	while ((n = read(fds[0], part, sizeof(part))) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			break;
		(void)write_all(STDERR_FILENO, part, (size_t)n);
		keep(copy, part, (size_t)n);
	}
	close(fds[0]);
	return wait_for(pid);
}

/* Reads both pipes to their ends; false when time ran out. */
static bool drain(struct pollfd fds[2], struct buf *const bufs[2],
    int64_t deadline)
{
	char part[4096];
	int open_count = 2;

	while (open_count > 0) {
		int64_t left = (deadline - clock_now()) / NS_PER_MS;

		if (left <= 0)
			return false;
		if (poll(fds, 2, left > 60000 ? 60000 : (int)left) <= 0)
			continue;
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (fds[i].fd == -1 || !fds[i].revents)
				continue;
			n = read(fds[i].fd, part, sizeof(part));
			if (n > 0) {
				keep(bufs[i], part, (size_t)n);
			} else if (n == 0 || errno != EINTR) {
				close(fds[i].fd);
				fds[i].fd = -1;
				open_count--;
			}
		}
	}
	return true;
}

/* It has closed its output; it may still hang. */
static int wait_until(pid_t pid, int64_t deadline)
{
	for (;;) {
		siginfo_t info = { 0 };

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG |
		    WNOWAIT) == 0 && info.si_pid == pid)
			return wait_for(pid);
		if (clock_now() >= deadline)
			return SPAWN_TIMEOUT;
		poll(NULL, 0, 1);
	}
}

int spawn_capture(char *const argv[], double seconds, struct buf *out,
    struct buf *err)
{
	int64_t deadline = clock_now() + (int64_t)(seconds * NS_PER_S);
	struct buf *const bufs[2] = { out, err };
	posix_spawn_file_actions_t actions;
	struct pollfd fds[2];
	int one[2], two[2];
	pid_t pid;
	int rc;

	if (pipe2(one, O_CLOEXEC) == -1)
		return 127;
	if (pipe2(two, O_CLOEXEC) == -1) {
		close(one[0]);
		close(one[1]);
		return 127;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
	    O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, one[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, two[1], STDERR_FILENO);
	rc = start(argv, &actions, &pid);
	posix_spawn_file_actions_destroy(&actions);
	close(one[1]);
	close(two[1]);
	fds[0] = (struct pollfd){ .fd = one[0], .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = two[0], .events = POLLIN };
	if (rc == -1) {
		close(one[0]);
		close(two[0]);
		return 127;
	}
	rc = SPAWN_TIMEOUT;
	if (drain(fds, bufs, deadline))
		rc = wait_until(pid, deadline);
	for (int i = 0; i < 2; i++)
		if (fds[i].fd != -1)
			close(fds[i].fd);
	if (rc == SPAWN_TIMEOUT) {
		kill(pid, SIGKILL);
		wait_for(pid);
	}
	return rc;
}
