/*
 * Coroutines that scripts make themselves.  A function that waits yields to
 * the driver; within a script's own coroutine that yield arrives in
 * coroutine.resume() or wrap(), which therefore pass it outwards, level by
 * level, and resume the inner one when the driver has done the waiting.  So a
 * request may be made in a generator as anywhere else.
 */
#include "own.h"

static int pass_on(lua_State *L, int status, lua_KContext ctx);

/* Which of the two it is, as the continuation's context. */
#define RESUME ((lua_KContext)0)
#define WRAP   ((lua_KContext)1)

static lua_State *inner_of(lua_State *L, lua_KContext kind)
{
	return lua_tothread(L, kind == WRAP ? lua_upvalueindex(1) : 1);
}

static int fail(lua_State *L, lua_State *co, lua_KContext kind)
{
	if (kind == RESUME) {
		/* One that resumes itself has the message there already. */
		lua_xmove(co, L, 1);
		lua_pushboolean(L, 0);
		lua_insert(L, -2);
		return 2;
	}
	if (lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD)
		lua_resetthread(co);
	/* Without the place of this call, which Lua's own puts before that of
	 * the error, at every level again. */
	lua_xmove(co, L, 1);
	return lua_error(L);
}

/* Runs `co` with n arguments from its stack. */
static int go_on(lua_State *L, lua_State *co, int n, lua_KContext kind)
{
	struct run *r = run_now();
	bool can_wait = lua_isyieldable(L);
	int results = 0;
	int status;

	if (r && !can_wait)
		r->no_wait++;
	status = lua_resume(co, L, n, &results);
	if (r && !can_wait)
		r->no_wait--;
	if (status == LUA_YIELD && r && r->wait)
		return lua_yieldk(L, 0, kind, pass_on);
	if (status != LUA_OK && status != LUA_YIELD)
		return fail(L, co, kind);
	if (!lua_checkstack(L, results + 1)) {
		lua_pop(co, results);
		return luaL_error(L, "too many results to resume");
	}
	if (kind == RESUME)
		lua_pushboolean(L, 1);
	lua_xmove(co, L, results);
	return results + (kind == RESUME);
}

static int pass_on(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	return go_on(L, inner_of(L, ctx), 0, ctx);
}

static int start(lua_State *L, lua_State *co, int n, lua_KContext kind)
{
	bool dead = lua_status(co) == LUA_OK && lua_gettop(co) == 0;

	if (dead || !lua_checkstack(co, n)) {
		if (kind == WRAP)
			return luaL_error(L, dead ? "cannot resume dead "
			    "coroutine" : "too many arguments to resume");
		lua_pushboolean(L, 0);
		lua_pushstring(L, dead ? "cannot resume dead coroutine" :
		    "too many arguments to resume");
		return 2;
	}
	lua_xmove(L, co, n);
	return go_on(L, co, n, kind);
}

static int resume(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTHREAD);
	return start(L, inner_of(L, RESUME), lua_gettop(L) - 1, RESUME);
}

static int call_wrapped(lua_State *L)
{
	return start(L, inner_of(L, WRAP), lua_gettop(L), WRAP);
}

static int wrap(lua_State *L)
{
	lua_State *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	lua_pushcclosure(L, call_wrapped, 1);
	return 1;
}

int coroutine_open(lua_State *L)
{
	lua_getglobal(L, LUA_COLIBNAME);
	lua_pushcfunction(L, resume);
	lua_setfield(L, -2, "resume");
	lua_pushcfunction(L, wrap);
	lua_setfield(L, -2, "wrap");
	lua_pop(L, 1);
	return 0;
}
