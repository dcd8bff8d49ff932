/*
 * As steady, but in the first worker that can create the file `flag` one
 * task writes to address 0.  The file makes it happen once.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <swarm/swarm.h>

static const char *flag;
static bool blocking;                   /* in a call that may block */

static int fatal_call(void *arg)
{
	*(volatile int *)arg = 1;
	return 0;
}

static void fatal_task(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "BEAT", "beat");
	int fd = open(flag, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	swarm_done(&t, 1);
	if (fd != -1) {
		close(fd);
		if (blocking)
			swarm_offload(fatal_call, NULL);
		*(volatile int *)NULL = 1;
	}
}

SWARM_MODULE(
	.name = "crash",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(flag, "", "file that says it has happened"),
		SWARM_OPTION(blocking, "false", "on a thread")),
	.users = SWARM_USERS({ .name = "victim", .wait = SWARM_CONSTANT(0.02),
		.tasks = SWARM_TASKS(SWARM_TASK(fatal_task)) }),
);
