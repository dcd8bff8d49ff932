/*
 * `swarm mqtt ...`: a module of its own beside the providers of
 * "swarm.mqtt/1", so that --plugin chooses between them as for any scenario.
 */
#include "bench.h"

#include <swarm/command.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>

#include <stdio.h>

static enum swarm_command_result setup(int argc, char **argv)
{
	const struct bench_plan *p = &bench_plan;
	char text[64];
	int rc = bench_args_read(argc, argv);

	if (rc == -1)
		return SWARM_COMMAND_ERROR;
	if (rc == 1) {
		fputs(bench_help, stdout);
		return SWARM_COMMAND_DONE;
	}
	snprintf(text, sizeof text, "%ld", p->count);
	if (bench_users_add() == -1 ||
	    swarm_run_option("users", text) == -1)
		return SWARM_COMMAND_ERROR;
	snprintf(text, sizeof text, "%g", p->rate);
	if (swarm_run_option("spawn-rate", text) == -1 ||
	    swarm_run_option("host", p->url[0]) == -1 ||
	    swarm_run_option("headless", "true") == -1)
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
