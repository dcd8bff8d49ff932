/*
 * `swarm mqtt ...`: a module of its own beside the providers of
 * "swarm.mqtt/1", so that --plugin chooses between them as for any scenario.
 */
#include "bench.h"

#include "cmdline.h"

#include <swarm/command.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>

#include <stdio.h>

static enum swarm_command_result setup(int argc, char **argv)
{
	const struct bench_plan *p = &bench_plan;
	char count[32], rate[32];
	int rc = bench_args_read(argc, argv);

	if (rc == -1)
		return SWARM_COMMAND_ERROR;
	if (rc == 1) {
		fputs(bench_help, stdout);
		return SWARM_COMMAND_DONE;
	}
	snprintf(count, sizeof count, "%ld", p->count);
	snprintf(rate, sizeof rate, "%g", p->rate);
	if (bench_users_add() == -1 ||
	    cmdline_run(&(struct cmdline_run){ .users = count,
	    .spawn_rate = rate, .host = p->url[0] }) == -1)
		return SWARM_COMMAND_ERROR;
	return SWARM_COMMAND_RUN;
}

static const struct swarm_command command = {
	SWARM_IFACE(struct swarm_command, 0),
	.name = "mqtt",
	.summary = "MQTT load: conn, pub, sub, pubsub",
	.help = bench_help,
	.setup = setup,
};

SWARM_MODULE(
	.name = "mqtt_command",
	.version = SWARM_VERSION,
	.summary = "the command swarm mqtt: conn, pub, sub, pubsub",
	.exports = SWARM_EXPORTS({ SWARM_COMMAND_ID, &command.head }),
);
