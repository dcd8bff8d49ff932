/*
 * lua: scenarios in Lua 5.4, for people who want no compiler.
 *
 *	swarm -f shop.lua -H http://127.0.0.1:8080
 *
 * Lua 5.4 and not LuaJIT: code that LuaJIT has compiled runs no hooks, so a
 * script's endless loop could not be ended, and with its compiler off it is
 * faster by a third only; see docs/lua.md for the figures.
 */
#include "own.h"

struct own own;

static int load(void)
{
	if (own.limit < 0 || own.memory < 0) {
		swarm_error("limit and memory are 0 or more");
		return -1;
	}
	/* Given as a plugin, without a script. */
	if (!state)
		return 0;
	state_limit(state);
	return run_load();
}

static int setup(void)
{
	return script_setup();
}

/* Scripts' coroutines and tables go with the state. */
static void unload(void)
{
	state_close();
	run_release();
	define_release();
	event_release();
	script_release();
}

#define OWN(opt, type_, deflt_, help_) \
	{ .name = #opt, .type = (type_), .dest = &own.opt, \
		.deflt = (deflt_), .help = (help_) }

SWARM_MODULE(
	.name = "lua",
	.version = SWARM_VERSION,
	.summary = "scenarios in Lua",
	.options = SWARM_OPTIONS(
		OWN(limit, SWARM_DURATION, "1s", "for how long a script may "
		    "run without waiting; 0: for ever"),
		OWN(memory, SWARM_SIZE, "1g", "that a worker's scripts may "
		    "use; 0: all there is"),
		OWN(args, SWARM_STRING, "", "NAME=VALUE,...: what scripts "
		    "find in swarm.args")),
	.exports = event_exports,
	.load = load,
	.setup = setup,
	.unload = unload,
	.reads = ".lua",
	.read = script_read,
);
