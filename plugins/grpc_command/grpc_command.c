/*
 * `swarm grpc ...`: a module of its own, so that the plugin stays a client; and
 * what a server offers, shown.
 */
#include "cmdline.h"
#include "load.h"

#include <swarm/command.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>

#include <stdio.h>
#include <string.h>

static int prepare(int argc, char **argv)
{
	return load_args_read(argc, argv);
}

static enum swarm_command_result setup(int argc, char **argv)
{
	const struct load_plan *p = &load_plan;
	char count[32];

	(void)argc;
	(void)argv;
	if (p->help) {
		fputs(load_args_help, stdout);
		return SWARM_COMMAND_DONE;
	}
	if (p->act != LOAD_CALL)
		return SWARM_COMMAND_ONCE;
	snprintf(count, sizeof count, "%ld", p->count);
	if (load_users_add() == -1 ||
	    cmdline_run(&(struct cmdline_run){ .users = count,
	    .spawn_rate = "1000000", .run_time = p->duration,
	    .host = p->target, .rate = p->rate }) == -1)
		return SWARM_COMMAND_ERROR;
	return SWARM_COMMAND_RUN;
}

/* Every service, with all that a .proto file would say of it. */
static int describe_all(struct rpc *c, const char *names)
{
	while (*names) {
		size_t n = strcspn(names, "\n");
		char name[1000];
		const char *text;

		snprintf(name, sizeof name, "%.*s", (int)n, names);
		names += n + (names[n] == '\n');
		text = rpc_describe(c, name);
		if (!text)
			return -1;
		printf("%s\n", text);
	}
	return 0;
}

/* The names of a service's methods. */
static void list_methods(const char *service, const char *text)
{
	const char *at = text;

	while ((at = strstr(at, "rpc "))) {
		size_t n;

		at += 4;
		n = strcspn(at, "( ");
		printf("%s/%.*s\n", service, (int)n, at);
		at += n;
	}
}

static int show(struct rpc *c)
{
	const struct load_plan *p = &load_plan;
	const char *text = p->what ? rpc_describe(c, p->what) :
	    rpc_services(c);

	if (!text)
		return -1;
	if (p->act == LOAD_DESCRIBE && !p->what)
		return describe_all(c, text);
	if (p->act == LOAD_LIST && p->what)
		list_methods(p->what, text);
	else
		fputs(text, stdout);
	return 0;
}

static int once(struct swarm_user *u)
{
	struct rpc *c = load_users_connect(u);

	if (*rpc_error(c) || show(c) == -1) {
		swarm_error("%s: %s", load_plan.target, rpc_error(c));
		return 1;
	}
	return 0;
}

static void unload(void)
{
	load_data_free(&load_plan);
}

static const struct swarm_command command = {
	SWARM_IFACE(struct swarm_command, 1),
	.name = "grpc",
	.summary = "gRPC load on a method; list and describe services",
	.help = load_args_help,
	.prepare = prepare,
	.setup = setup,
	.once = once,
};

SWARM_MODULE(
	.name = "grpc_command",
	.version = SWARM_VERSION,
	.summary = "the command swarm grpc: load, list, describe",
	.exports = SWARM_EXPORTS({ SWARM_COMMAND_ID, &command.head }),
	.unload = unload,
);
