/*
 * \shell and \setshell: programs started by a script, as pgbench starts them,
 * through the shell.  A program is waited for in a thread, so the other clients
 * go on meanwhile, which pgbench's cannot.
 *
 * Standard output may be a report (--json), so a program's goes to standard
 * error.
 */
#include "pgb_client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <swarm/fiber.h>

#define COMMAND_MAX 256         /* bytes of it with its values, as pgbench */
#define OUTPUT_MAX 64           /* bytes looked at */

struct job {
	char command[COMMAND_MAX];
	char output[OUTPUT_MAX];        /* of \setshell */
	bool wants_output;
	int status;                     /* as of waitpid() */
};

/* The words with their values, a blank between: 0, or -1 with what is
 * wrong. */
static int fill_in(struct pgb_client *c, const struct pgs_command *command,
    struct job *job, const char **wrong)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < command->part_count; i++) {
		const struct pgs_part *part = &command->parts[i];
		const char *word = command->text + part->start;
		size_t len = part->len;

		if (part->slot != -1)
			word = pgs_vars_text(&c->vars, part->slot, &len);
		if (word == NULL) {
			*wrong = "an undefined variable in \\shell or "
			    "\\setshell";
			return -1;
		}
		if (n + len + 2 > sizeof(job->command)) {
			*wrong = "the command of \\shell or \\setshell is too "
			    "long";
			return -1;
		}
		if (n > 0)
			job->command[n++] = ' ';
		memcpy(job->command + n, word, len);
		n += len;
	}
	job->command[n] = '\0';
	return 0;
}

/* What swarm ignores the program does not. */
static int spawn(struct job *job, int output, pid_t *pid)
{
	char *argv[] = { "sh", "-c", job->command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t set;
	int rc;

	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&actions);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attr, &set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGINT);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF |
	    POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
	rc = posix_spawn(pid, "/bin/sh", &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return rc;
}

/* To its end, so that the program is not held up; the beginning is kept. */
static void read_output(int fd, char *output)
{
	char rest[4096];
	size_t kept = 0;
	ssize_t n;

	while ((n = read(fd, rest, sizeof(rest))) > 0 ||
	    (n == -1 && errno == EINTR)) {
		size_t take = n > 0 ? (size_t)n : 0;

		if (take > OUTPUT_MAX - 1 - kept)
			take = OUTPUT_MAX - 1 - kept;
		memcpy(output + kept, rest, take);
		kept += take;
	}
	output[kept] = '\0';
}

static int run_in_thread(void *arg)
{
	struct job *job = arg;
	int fds[2] = { -1, STDERR_FILENO };
	pid_t pid;
	int rc;

	if (job->wants_output && pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	rc = spawn(job, fds[1], &pid);
	if (job->wants_output)
		close(fds[1]);
	if (rc == 0 && job->wants_output)
		read_output(fds[0], job->output);
	if (job->wants_output)
		close(fds[0]);
	if (rc != 0)
		return -1;
	while ((rc = waitpid(pid, &job->status, 0)) == -1 && errno == EINTR)
		;
	return rc == -1 ? -1 : 0;
}

static enum pgb_end store(struct swarm_user *u, struct pgb_client *c,
    const struct pgs_command *command, const char *output)
{
	struct pgs_value value;
	char *end;
	long long n;

	errno = 0;
	n = strtoll(output, &end, 10);
	if (errno != 0 || end == output || end[strspn(end, " \t\r\n")] != '\0')
		return pgb_client_broken(u, c,
		    "the program of \\setshell must write a whole number");
	value = pgs_value_int(n);
	pgs_vars_set(&c->vars, command->slot, &value);
	return PGB_OK;
}

enum pgb_end pgb_shell_run(struct swarm_user *u, struct pgb_client *c,
    const struct pgs_command *command)
{
	struct job job = { .wants_output = command->kind == PGS_SETSHELL };
	const char *wrong;

	if (fill_in(c, command, &job, &wrong) == -1)
		return pgb_client_broken(u, c, wrong);
	errno = 0;
	if (swarm_offload(run_in_thread, &job) == -1) {
		if (errno == ECANCELED)
			return PGB_STOPPED;
		return pgb_client_broken(u, c, "cannot start a program");
	}
	c->clock = swarm_now();
	if (job.status != 0)
		return pgb_client_broken(u, c,
		    "the program of \\shell or \\setshell failed");
	return job.wants_output ? store(u, c, command, job.output) : PGB_OK;
}
