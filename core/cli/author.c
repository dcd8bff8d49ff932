/*
 * Crash reports for those who write modules: the rooms that run their code
 * (module) and the one that reads a stack (cluster) do not know each other.
 */
#include "cli/author.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "cluster/child.h"
#include "fiber/loop.h"
#include "module/tools.h"
#include "user/user.h"

#define REPORT_MAX (64u << 10)

bool author_where(struct crash_where *at)
{
	struct user_where user;

	/* A crash on another thread is no user's that runs now. */
	if (!loop_here() || !users_where(&user))
		return false;
	at->module = user.module;
	at->user_class = user.user_class;
	at->task = user.task;
	at->user = user.id;
	return true;
}

static void install(void)
{
	crash_init(author_where);
}

static void explain(const char *text, struct buf *out)
{
	struct crash_report *r = crash_parse(text);

	if (r != NULL)
		crash_print(r, out);
}

/* The other end of the pipe: says where it crashed, if it did. */
static void tell(int fd)
{
	struct buf report = BUF_INIT(REPORT_MAX), lines = BUF_INIT(REPORT_MAX);
	char *room;
	ssize_t n;

	while ((room = buf_reserve(&report, 4096)) != NULL &&
	    (n = read(fd, room, 4096)) != 0) {
		if (n > 0)
			report.len += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	if (report.len > 0)
		explain(buf_str(&report), &lines);
	fputs(buf_str(&lines), stderr);
}

void author_watch(void)
{
	char text[16];
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return;
	/* Before anything could have started a thread. */
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		tell(fds[0]);
		_exit(0);
	}
	close(fds[0]);
	snprintf(text, sizeof text, "%d", fds[1]);
	if (pid == -1 || setenv(CHILD_CRASH_ENV, text, 1) == -1)
		close(fds[1]);
	else
		install();
}

void author_init(void)
{
	tools_on_crash(install, explain);
}
