/*
 * The table `swarm`: what a task may ask of the user it runs as.  Each
 * function is the one of <swarm/user.h> and its neighbours of the same name,
 * for the user of the running task.
 */
#include "own.h"

#include <math.h>
#include <string.h>

/* ---- waits ---- */

struct nap {
	double seconds;
};

static void do_sleep(struct run *r)
{
	const struct nap *n = (void *)r->space;

	swarm_sleep(n->seconds);
}

static int nothing(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	run_resumed(L, ctx);
	return 0;
}

static int api_sleep(lua_State *L)
{
	double seconds = luaL_checknumber(L, 1);
	struct nap *n = run_begin(L, sizeof(*n));

	n->seconds = seconds;
	return run_wait(L, do_sleep, nothing);
}

struct meeting {
	const char *name;               /* on the stack of the coroutine */
	unsigned count;
	double timeout;
	bool here;
	bool met;
};

static void do_meet(struct run *r)
{
	struct meeting *m = (void *)r->space;

	m->met = (m->here ? swarm_rendezvous_here : swarm_rendezvous)(r->user,
	    m->name, m->count, m->timeout) == 0;
}

static int meet_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct meeting *m = run_resumed(L, ctx);

	(void)status;
	lua_pushboolean(L, m->met);
	return 1;
}

/* rendezvous(name, count, timeout): true, or false after the timeout. */
static int meet(lua_State *L, bool here)
{
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);
	lua_Integer count = luaL_checkinteger(L, 2);
	double timeout = luaL_optnumber(L, 3, 0);
	struct meeting *m = run_begin(L, sizeof(*m));

	luaL_argcheck(L, len > 0 && len < 80, 1, "1 to 79 bytes");
	luaL_argcheck(L, count > 0 && count <= 1000000000, 2, "at least 1");
	m->name = name;
	m->count = (unsigned)count;
	m->timeout = timeout;
	m->here = here;
	return run_wait(L, do_meet, meet_done);
}

static int api_rendezvous(lua_State *L)
{
	return meet(L, false);
}

static int api_rendezvous_here(lua_State *L)
{
	return meet(L, true);
}

/* ---- the user ---- */

static struct swarm_user *self(lua_State *L)
{
	return run_current(L)->user;
}

static int api_id(lua_State *L)
{
	lua_pushinteger(L, swarm_user_id(self(L)));
	return 1;
}

static int api_number(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)swarm_user_number(self(L)));
	return 1;
}

static int api_class(lua_State *L)
{
	lua_pushstring(L, swarm_user_class_name(self(L)));
	return 1;
}

static int api_task(lua_State *L)
{
	lua_pushstring(L, swarm_task_name(self(L)));
	return 1;
}

static int api_host(lua_State *L)
{
	const struct run *r = run_now();

	lua_pushstring(L, swarm_host(r ? r->user : NULL));
	return 1;
}

static int api_stopping(lua_State *L)
{
	lua_pushboolean(L, swarm_stopping(self(L)));
	return 1;
}

static int api_stop_user(lua_State *L)
{
	swarm_stop_user(self(L));
	return 0;
}

static int api_stop_test(lua_State *L)
{
	swarm_stop_test(self(L), luaL_optstring(L, 1, "the script said so"));
	return 0;
}

static int api_leave(lua_State *L)
{
	swarm_leave(self(L), lua_toboolean(L, 1));
	return 0;
}

static int api_skip_wait(lua_State *L)
{
	swarm_skip_wait(self(L));
	return 0;
}

static int api_schedule(lua_State *L)
{
	swarm_schedule(self(L), luaL_checkstring(L, 1), lua_toboolean(L, 2));
	return 0;
}

static int api_now(lua_State *L)
{
	lua_pushnumber(L, (double)swarm_now() / 1e9);
	return 1;
}

static int api_is_worker(lua_State *L)
{
	lua_pushboolean(L, swarm_is_worker());
	return 1;
}

/* ---- random numbers ---- */

/* As math.random(), of the user's own stream, which --seed and the user's
 * number decide: a run can be repeated.  Outside of tasks it is Lua's. */
static int api_random(lua_State *L)
{
	struct run *r = run_now();
	lua_Integer low = 1, high;

	if (!r) {
		lua_pushvalue(L, lua_upvalueindex(1));
		lua_insert(L, 1);
		lua_call(L, lua_gettop(L) - 1, 1);
		return 1;
	}
	if (lua_gettop(L) == 0) {
		lua_pushnumber(L, swarm_uniform(r->user));
		return 1;
	}
	high = luaL_checkinteger(L, 1);
	if (lua_gettop(L) > 1) {
		low = high;
		high = luaL_checkinteger(L, 2);
	}
	luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
	/* All of them make a range of 2^64, which is 0. */
	if ((uint64_t)high - (uint64_t)low == UINT64_MAX)
		lua_pushinteger(L, (lua_Integer)swarm_random(r->user));
	else
		lua_pushinteger(L, (lua_Integer)((uint64_t)low +
		    swarm_below(r->user, (uint64_t)high - (uint64_t)low +
		    1)));
	return 1;
}

static int api_normal(lua_State *L)
{
	lua_pushnumber(L, swarm_normal(self(L), luaL_checknumber(L, 1),
	    luaL_checknumber(L, 2)));
	return 1;
}

static int api_exponential_number(lua_State *L)
{
	lua_pushnumber(L, swarm_exponential(self(L), luaL_checknumber(L, 1)));
	return 1;
}

static int api_zipf(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 1);
	double s = luaL_optnumber(L, 2, 1);

	luaL_argcheck(L, n > 0, 1, "at least 1");
	luaL_argcheck(L, isfinite(s) && s > 0, 2, "above 0");
	lua_pushinteger(L, 1 + (lua_Integer)swarm_zipf(self(L), (uint64_t)n,
	    s));
	return 1;
}

/* ---- messages ---- */

static int api_error(lua_State *L)
{
	swarm_error("%s", luaL_checkstring(L, 1));
	return 0;
}

static int api_warn(lua_State *L)
{
	swarm_warn("%s", luaL_checkstring(L, 1));
	return 0;
}

static int api_info(lua_State *L)
{
	swarm_info("%s", luaL_checkstring(L, 1));
	return 0;
}

static int api_debug(lua_State *L)
{
	swarm_debug("%s", luaL_checkstring(L, 1));
	return 0;
}

/* An error of the scenario that does not end the task. */
static int api_raise(lua_State *L)
{
	const char *text = luaL_checkstring(L, 1);
	lua_Debug ar = { .currentline = 0 };

	snprintf(ar.short_src, sizeof(ar.short_src), "lua");
	if (lua_getstack(L, 1, &ar))
		lua_getinfo(L, "Sl", &ar);
	swarm_raise_at(self(L), ar.short_src, ar.currentline, "%s", text);
	return 0;
}

/* ---- -o lua.args=a=1,b=2 ---- */

/* On first use, as options have their values after the state is made. */
static int api_index(lua_State *L)
{
	const char *at = own.args ? own.args : "";

	if (lua_type(L, 2) != LUA_TSTRING ||
	    strcmp(lua_tostring(L, 2), "args") != 0)
		return 0;
	lua_newtable(L);
	while (*at) {
		size_t len = strcspn(at, ",");
		const char *equals = memchr(at, '=', len);

		if (equals) {
			lua_pushlstring(L, at, (size_t)(equals - at));
			lua_pushlstring(L, equals + 1, len -
			    (size_t)(equals - at) - 1);
		} else {
			lua_pushlstring(L, at, len);
			lua_pushboolean(L, 1);
		}
		lua_rawset(L, -3);
		at += len + (at[len] == ',');
	}
	lua_pushliteral(L, "args");
	lua_pushvalue(L, -2);
	lua_rawset(L, 1);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "sleep", api_sleep }, { "rendezvous", api_rendezvous },
	{ "rendezvous_here", api_rendezvous_here }, { "id", api_id },
	{ "number", api_number }, { "class", api_class },
	{ "task", api_task }, { "host", api_host },
	{ "stopping", api_stopping }, { "stop_user", api_stop_user },
	{ "stop_test", api_stop_test }, { "leave", api_leave },
	{ "skip_wait", api_skip_wait }, { "schedule", api_schedule },
	{ "now", api_now }, { "is_worker", api_is_worker },
	{ "random_normal", api_normal },
	{ "random_exponential", api_exponential_number },
	{ "random_zipf", api_zipf }, { "error", api_error },
	{ "warn", api_warn }, { "info", api_info }, { "debug", api_debug },
	{ "raise", api_raise }, { NULL, NULL } };

static void replace_random(lua_State *L)
{
	lua_getglobal(L, LUA_MATHLIBNAME);
	lua_getfield(L, -1, "random");
	lua_pushcclosure(L, api_random, 1);
	lua_setfield(L, -2, "random");
	lua_pop(L, 1);
}

int api_open(lua_State *L)
{
	luaL_newlib(L, functions);
	lua_newtable(L);
	lua_pushcfunction(L, api_index);
	lua_setfield(L, -2, "__index");
	lua_pushliteral(L, "swarm");
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	replace_random(L);
	return 1;
}
