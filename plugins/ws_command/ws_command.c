/* `swarm ws`: a module of its own, so that the word is short. */
#include "cmdline.h"
#include "load.h"

#include <swarm/command.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>

#include <stdio.h>
#include <stdlib.h>

static enum swarm_command_result setup(int argc, char **argv)
{
	const struct load_plan *p = &load_plan;
	char count[32], rate[32];
	int rc = load_args_read(argc, argv);

	if (rc == -1)
		return SWARM_COMMAND_ERROR;
	if (rc == 1) {
		fputs(load_args_help, stdout);
		return SWARM_COMMAND_DONE;
	}
	snprintf(count, sizeof count, "%ld", p->count);
	snprintf(rate, sizeof rate, "%g", p->connect_rate);
	if (load_users_add() == -1 ||
	    cmdline_run(&(struct cmdline_run){ .users = count,
	    .spawn_rate = rate, .host = p->url, .run_time = p->duration }) ==
	    -1)
		return SWARM_COMMAND_ERROR;
	return SWARM_COMMAND_RUN;
}

static void unload(void)
{
	free(load_plan.payload);
	load_plan.payload = NULL;
}

static const struct swarm_command command = {
	SWARM_IFACE(struct swarm_command, 0),
	.name = "ws",
	.summary = "WebSocket load: echo, idle, broadcast",
	.help = load_args_help,
	.setup = setup,
};

SWARM_MODULE(
	.name = "ws_command",
	.version = SWARM_VERSION,
	.summary = "the command swarm ws: echo, idle, broadcast",
	.exports = SWARM_EXPORTS({ SWARM_COMMAND_ID, &command.head }),
	.unload = unload,
	.worker_start = load_users_start,
);
