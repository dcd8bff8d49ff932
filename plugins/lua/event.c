/*
 * swarm.on(): the events of a run, and swarm.shape(): how many users at each
 * moment.  What no script asks for is not exported to swarm, so that it costs
 * nothing; the tables are filled in setup(), before swarm looks at them.
 */
#include "own.h"

#include <swarm/hooks.h>
#include <swarm/shape.h>

#include <string.h>

enum event { TEST_START, SPAWNING_COMPLETE, TEST_STOPPING, TEST_STOP, TICK,
	SAMPLE, RAISED, QUITTING, INIT, WORKER_CONNECT, WORKER_LOST,
	RESET_STATS, EVENTS };

static const char *const names[] = { "test_start", "spawning_complete",
	"test_stopping", "test_stop", "tick", "sample", "raised", "quitting",
	"init", "worker_connect", "worker_lost", "reset_stats", NULL };

/* References of a list of functions for each; 0: none. */
static int lists[EVENTS];
static bool running;

static int shape_start_function;
static int shape_tick_function;
static char shape_name[65];

bool event_running(void)
{
	return running;
}

/* ---- calling them; the arguments are on the stack of `state` ---- */

static void fire(enum event e, int args)
{
	int base = lua_gettop(state) - args;
	bool within = running;
	lua_Integer n;

	if (!lua_checkstack(state, args + 8)) {
		lua_settop(state, base);
		return;
	}
	lua_rawgeti(state, LUA_REGISTRYINDEX, lists[e]);
	n = (lua_Integer)lua_rawlen(state, -1);
	running = true;
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(state, base + args + 1, i);
		for (int k = 1; k <= args; k++)
			lua_pushvalue(state, base + k);
		state_call(args, 0, names[e]);
	}
	running = within;
	lua_settop(state, base);
}

static void on_test_start(void)
{
	fire(TEST_START, 0);
}

static void on_spawning_complete(uint64_t users)
{
	lua_pushinteger(state, (lua_Integer)users);
	fire(SPAWNING_COMPLETE, 1);
}

static void on_test_stopping(void)
{
	fire(TEST_STOPPING, 0);
}

static void on_test_stop(void)
{
	fire(TEST_STOP, 0);
}

static void on_tick(double seconds)
{
	lua_pushnumber(state, seconds);
	fire(TICK, 1);
}

/* A failed allocation while arguments are pushed must not end the process:
 * what makes strings runs protected. */
static int push_sample(lua_State *L)
{
	const struct swarm_sample *s = lua_touserdata(L, 1);

	lua_createtable(L, 0, 6);
	lua_pushstring(L, s->type);
	lua_setfield(L, -2, "type");
	lua_pushstring(L, s->name);
	lua_setfield(L, -2, "name");
	lua_pushnumber(L, (double)s->service_ns / 1e9);
	lua_setfield(L, -2, "time");
	lua_pushinteger(L, (lua_Integer)s->bytes);
	lua_setfield(L, -2, "bytes");
	lua_pushstring(L, s->error);
	lua_setfield(L, -2, "error");
	lua_pushstring(L, s->tags);
	lua_setfield(L, -2, "tags");
	return 1;
}

static int push_string(lua_State *L)
{
	lua_pushstring(L, lua_touserdata(L, 1));
	return 1;
}

/* nil when memory has run out. */
static void push(lua_CFunction fn, const void *what)
{
	lua_pushcfunction(state, fn);
	lua_pushlightuserdata(state, (void *)(uintptr_t)what);
	if (lua_pcall(state, 1, 1, 0) != LUA_OK) {
		lua_pop(state, 1);
		lua_pushnil(state);
	}
}

/* A sample ends within a task, on its fiber: not enough stack for Lua, and
 * perhaps in the middle of a wait, so that no task of Lua's runs now. */
static void fire_sample(void *arg)
{
	push(push_sample, arg);
	fire(SAMPLE, 1);
}

static void on_sample(const struct swarm_sample *sample)
{
	swarm_deep(fire_sample, (void *)(uintptr_t)sample);
}

struct raised_call {
	const char *message;
	const char *where;
};

static void fire_raised(void *arg)
{
	const struct raised_call *c = arg;

	push(push_string, c->message);
	push(push_string, c->where);
	fire(RAISED, 2);
}

static void on_raised(const char *message, const char *where)
{
	struct raised_call c = { message, where };

	swarm_deep(fire_raised, &c);
}

static void on_quitting(void)
{
	fire(QUITTING, 0);
}

static void on_init(void)
{
	fire(INIT, 0);
}

static void on_worker_connect(const char *worker)
{
	push(push_string, worker);
	fire(WORKER_CONNECT, 1);
}

static void on_worker_lost(const char *worker, const char *why)
{
	push(push_string, worker);
	push(push_string, why);
	fire(WORKER_LOST, 2);
}

static void on_reset_stats(void)
{
	fire(RESET_STATS, 0);
}

/* ---- the shape ---- */

static int call_start(const char *arguments)
{
	if (!shape_start_function)
		return 0;
	lua_rawgeti(state, LUA_REGISTRYINDEX, shape_start_function);
	push(push_string, arguments);
	return state_call(1, 0, shape_name);
}

static bool call_tick(double seconds, struct swarm_load *load)
{
	bool more;

	lua_rawgeti(state, LUA_REGISTRYINDEX, shape_tick_function);
	lua_pushnumber(state, seconds);
	if (state_call(1, 2, shape_name) == -1)
		return false;
	more = lua_isnumber(state, -2);
	load->users = lua_tonumber(state, -2);
	load->spawn_rate = lua_tonumber(state, -1);
	lua_pop(state, 2);
	return more;
}

/* ---- what swarm sees ---- */

static struct swarm_hooks hooks = { SWARM_IFACE(struct swarm_hooks, 0) };

static struct swarm_shape shape = {
	SWARM_IFACE(struct swarm_shape, 0),
	.name = shape_name,
	.help = "as the script says",
	.start = call_start,
	.tick = call_tick,
};

/* Filled from the front: hooks, shape, and the end. */
struct swarm_export event_exports[3];

static void export_table(const char *id, const struct swarm_iface *iface)
{
	size_t i = 0;

	while (event_exports[i].id && strcmp(event_exports[i].id, id) != 0)
		i++;
	event_exports[i] = (struct swarm_export){ id, iface };
}

static void want(enum event e)
{
	switch (e) {
	case TEST_START:
		hooks.test_start = on_test_start;
		break;
	case SPAWNING_COMPLETE:
		hooks.spawning_complete = on_spawning_complete;
		break;
	case TEST_STOPPING:
		hooks.test_stopping = on_test_stopping;
		break;
	case TEST_STOP:
		hooks.test_stop = on_test_stop;
		break;
	case TICK:
		hooks.tick = on_tick;
		break;
	case SAMPLE:
		hooks.sample = on_sample;
		break;
	case RAISED:
		hooks.raised = on_raised;
		break;
	case QUITTING:
		hooks.quitting = on_quitting;
		break;
	case INIT:
		hooks.init = on_init;
		break;
	case WORKER_CONNECT:
		hooks.worker_connect = on_worker_connect;
		break;
	case WORKER_LOST:
		hooks.worker_lost = on_worker_lost;
		break;
	case RESET_STATS:
		hooks.reset_stats = on_reset_stats;
		break;
	case EVENTS:
		break;
	}
	export_table(SWARM_HOOKS_ID, &hooks.head);
}

static int event_on(lua_State *L)
{
	int e = luaL_checkoption(L, 1, NULL, names);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	if (run_now() || running)
		return luaL_error(L, "swarm.on() belongs outside of tasks");
	if (!lists[e]) {
		lua_newtable(L);
		lists[e] = luaL_ref(L, LUA_REGISTRYINDEX);
	}
	lua_rawgeti(L, LUA_REGISTRYINDEX, lists[e]);
	lua_pushvalue(L, 2);
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	want((enum event)e);
	return 0;
}

/* swarm.shape{ name = "two", tick = function(seconds) return users, rate } */
static int event_shape(lua_State *L)
{
	const char *name;

	luaL_checktype(L, 1, LUA_TTABLE);
	if (run_now() || running || shape_tick_function)
		return luaL_error(L, "one swarm.shape() is possible, outside "
		    "of tasks");
	lua_getfield(L, 1, "name");
	name = luaL_optstring(L, -1, "lua");
	if (strlen(name) >= sizeof(shape_name))
		return luaL_error(L, "swarm.shape: the name is too long");
	memcpy(shape_name, name, strlen(name) + 1);
	if (lua_getfield(L, 1, "tick") != LUA_TFUNCTION)
		return luaL_error(L, "swarm.shape: tick must be a function");
	shape_tick_function = luaL_ref(L, LUA_REGISTRYINDEX);
	if (lua_getfield(L, 1, "start") == LUA_TFUNCTION)
		shape_start_function = luaL_ref(L, LUA_REGISTRYINDEX);
	export_table(SWARM_SHAPE_ID, &shape.head);
	return 0;
}

static int event_exit_code(lua_State *L)
{
	lua_Integer code = luaL_checkinteger(L, 1);

	luaL_argcheck(L, code >= 0 && code <= 255, 1, "0 to 255");
	swarm_exit_code((int)code);
	return 0;
}

void event_release(void)
{
	memset(lists, 0, sizeof(lists));
	shape_start_function = shape_tick_function = 0;
}

int event_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "on", event_on },
		{ "shape", event_shape }, { "exit_code", event_exit_code },
		{ NULL, NULL } };

	luaL_setfuncs(L, functions, 0);
	return 0;
}
