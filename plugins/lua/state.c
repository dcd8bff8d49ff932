/*
 * The Lua state: what is open in it, how much memory it may use, and how long
 * it may run without giving way.
 *
 * Scripts are a scenario's own code and as trusted as a .so; what is left out
 * is what would break the worker they run in: io and os.execute() block the
 * loop, bytecode and debug can crash the interpreter, and __gc would run
 * their code at moments when it cannot wait.
 */
#include "own.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOOK_EVERY 10000                /* instructions */

lua_State *state;

static size_t used;
static int64_t cpu;                     /* as in struct run, outside of one */

/* lua_Alloc; under a limit Lua collects its garbage and tries again, then
 * raises "not enough memory". */
static void *allocate(void *arg, void *old, size_t old_size, size_t size)
{
	void *p;

	(void)arg;
	if (!old)
		old_size = 0;
	if (size == 0) {
		free(old);
		used -= old_size;
		return NULL;
	}
	if (own.memory > 0 && size > old_size &&
	    used - old_size + size > (size_t)own.memory)
		return NULL;
	p = realloc(old, size);
	if (p)
		used += size - old_size;
	return p;
}

void state_begin(void)
{
	cpu = 0;
}

/* The thread's own time: a machine that is busy with something else must not
 * end a script.  It is asked for here only, so that what ends before the hook
 * comes to it pays nothing. */
static void on_count(lua_State *L, lua_Debug *ar)
{
	struct run *r = run_now();
	int64_t *began = r ? &r->cpu : &cpu;
	struct timespec ts;
	int64_t now;

	(void)ar;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	now = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	if (*began == 0)
		*began = now;
	if ((double)(now - *began) < own.limit * 1e9)
		return;
	/* From here on at every instruction, so that no pcall() around the
	 * culprit can hold on to the loop. */
	lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
	luaL_error(L, "ran for %f s without waiting; a loop needs a "
	    "swarm.sleep() or a request, long work a smaller portion (-o "
	    "lua.limit)", own.limit);
}

void state_limit(lua_State *L)
{
	if (own.limit > 0)
		lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_EVERY);
}

/* With the place where it happened, for what runs outside of tasks. */
static int add_traceback(lua_State *L)
{
	const char *text = luaL_tolstring(L, 1, NULL);

	luaL_traceback(L, L, text, 1);
	swarm_debug("%s", lua_tostring(L, -1));
	lua_pop(L, 1);
	return 1;
}

int state_call(int args, int results, const char *what)
{
	int base = lua_gettop(state) - args;
	int rc;

	lua_pushcfunction(state, add_traceback);
	lua_insert(state, base);
	state_begin();
	rc = lua_pcall(state, args, results, base);
	lua_remove(state, base);
	if (rc == LUA_OK)
		return 0;
	swarm_error("%s%s%s", what, *what ? ": " : "",
	    lua_tostring(state, -1));
	lua_pop(state, 1);
	state_limit(state);
	return -1;
}

/* ---- what scripts get instead of the libraries' own ---- */

/* load() without bytecode, which the interpreter does not check. */
static int sandbox_load(lua_State *L)
{
	lua_settop(L, 4);
	lua_pushliteral(L, "t");
	lua_replace(L, 3);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	/* An absent environment is not the environment nil. */
	if (lua_isnil(L, 5))
		lua_settop(L, 4);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

static int sandbox_setmetatable(lua_State *L)
{
	if (lua_istable(L, 2) && lua_getfield(L, 2, "__gc") != LUA_TNIL)
		return luaL_error(L, "__gc is not supported here; use a "
		    "variable with <close>");
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 1);
	return 1;
}

static int sandbox_print(lua_State *L)
{
	luaL_Buffer b;
	int n = lua_gettop(L);

	luaL_buffinit(L, &b);
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&b, '\t');
		luaL_tolstring(L, i, NULL);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	swarm_info("%s", lua_tostring(L, -1));
	return 0;
}

/* A protocol, one of our own libraries, or a file beside the script. */
static int sandbox_require(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	lua_settop(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	if (lua_getfield(L, 2, name) != LUA_TNIL)
		return 1;
	lua_pop(L, 1);
	if (!protocols_push(L, name)) {
		if (!script_load_module(L, name))
			return luaL_error(L, "there is no module \"%s\": "
			    "neither a protocol of swarm's nor a file %s.lua "
			    "beside the script", name, name);
		lua_pushvalue(L, 1);
		lua_call(L, 1, 1);
		if (lua_isnil(L, -1)) {
			lua_pop(L, 1);
			lua_pushboolean(L, 1);
		}
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, 2, name);
	return 1;
}

/* Replaces _G[name] by a function that has the original as its upvalue. */
static void wrap(lua_State *L, const char *name, lua_CFunction fn)
{
	lua_getglobal(L, name);
	lua_pushcclosure(L, fn, 1);
	lua_setglobal(L, name);
}

static void remove_fields(lua_State *L, const char *table,
    const char *const *names)
{
	lua_getglobal(L, table);
	for (; *names; names++) {
		lua_pushnil(L);
		lua_setfield(L, -2, *names);
	}
	lua_pop(L, 1);
}

static void open_libraries(lua_State *L)
{
	static const luaL_Reg safe[] = {
		{ LUA_GNAME, luaopen_base },
		{ LUA_TABLIBNAME, luaopen_table },
		{ LUA_STRLIBNAME, luaopen_string },
		{ LUA_MATHLIBNAME, luaopen_math },
		{ LUA_UTF8LIBNAME, luaopen_utf8 },
		{ LUA_COLIBNAME, luaopen_coroutine },
		{ LUA_OSLIBNAME, luaopen_os },
		{ NULL, NULL } };
	static const char *const of_base[] = { "dofile", "loadfile",
		"collectgarbage", NULL };
	static const char *const of_string[] = { "dump", NULL };
	static const char *const of_os[] = { "execute", "exit", "remove",
		"rename", "tmpname", "setlocale", NULL };

	for (const luaL_Reg *l = safe; l->name; l++) {
		luaL_requiref(L, l->name, l->func, 1);
		lua_pop(L, 1);
	}
	remove_fields(L, LUA_GNAME, of_base);
	remove_fields(L, LUA_STRLIBNAME, of_string);
	remove_fields(L, LUA_OSLIBNAME, of_os);
	wrap(L, "load", sandbox_load);
	wrap(L, "setmetatable", sandbox_setmetatable);
	lua_register(L, "print", sandbox_print);
}

static int build(lua_State *L)
{
	open_libraries(L);
	coroutine_open(L);
	lua_newtable(L);                /* what require() has loaded */
	api_open(L);
	measure_open(L);
	feed_open(L);
	define_open(L);
	event_open(L);
	lua_pushvalue(L, -1);
	lua_setglobal(L, "swarm");
	lua_setfield(L, -2, "swarm");
	json_open(L);
	lua_pushvalue(L, -1);
	lua_setglobal(L, "json");
	lua_setfield(L, -2, "json");
	lua_pushcclosure(L, sandbox_require, 1);
	lua_setglobal(L, "require");
	return 0;
}

int state_open(void)
{
	state = lua_newstate(allocate, NULL);
	if (!state) {
		swarm_error("no memory for Lua");
		return -1;
	}
	lua_pushcfunction(state, build);
	if (state_call(0, 0, "") == -1)
		return -1;
	state_limit(state);
	return 0;
}

void state_close(void)
{
	if (state)
		lua_close(state);
	state = NULL;
}
