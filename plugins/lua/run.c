/*
 * The driver: Lua on the large stack, waits on the fiber.
 *
 *	fiber                           large stack
 *	run_call()
 *	  swarm_deep(begin)     -->     lua_resume(): the script runs,
 *	                        <--     calls http.get(), which yields
 *	  r->wait(): the request
 *	  swarm_deep(resume)    -->     the script goes on
 *	                        <--     and returns
 *
 * A user that is cancelled is not resumed: its coroutine is closed where it
 * waits.  Variables with <close> are closed, pcall() sees nothing of it, and
 * so no script can hold on to a test that is over.
 *
 * Coroutines are kept for the next task, like fibers: a user between two
 * tasks costs its table in Lua and nothing else here.
 */
#include "own.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEEP 4096                       /* unused coroutines */
#define TEXT 512

/* A coroutine, kept from collection by its reference. */
struct thread {
	lua_State *L;
	int reference;
	int next;                       /* unused, or -1 */
};

/* What a user has here. */
struct person {
	int object;                     /* reference of its table; 0: none */
};

static struct {
	struct run *now;                /* while Lua runs for a user */
	uint64_t serial;
	uint64_t token;
	struct thread *threads;
	int count;
	int room;
	int unused;                     /* first of them, or -1 */
	int slot;
} driver = { .unused = -1 };

struct run *run_now(void)
{
	return driver.now;
}

struct run *run_current(lua_State *L)
{
	if (!driver.now)
		luaL_error(L, "this works in a user's task only");
	return driver.now;
}

/* ---- functions that wait ---- */

void *run_begin(lua_State *L, size_t size)
{
	struct run *r = run_current(L);

	assert(size <= sizeof(r->space));
	if (r->no_wait > 0 || !lua_isyieldable(L))
		luaL_error(L, "this waits, which is not possible within a "
		    "wait function, a metamethod called by the library, or "
		    "a function given to string.gsub, table.sort or load");
	memset(r->space, 0, size);
	return r->space;
}

int run_wait(lua_State *L, void (*wait)(struct run *), lua_KFunction k)
{
	struct run *r = driver.now;

	r->wait = wait;
	r->token = ++driver.token;
	return lua_yieldk(L, 0, (lua_KContext)r->token, k);
}

void *run_resumed(lua_State *L, lua_KContext ctx)
{
	struct run *r = run_current(L);

	/* A coroutine that one user left waiting and another one resumed. */
	if (r->token != (uint64_t)ctx)
		luaL_error(L, "this coroutine waits for something else");
	r->token = 0;
	return r->space;
}

/* ---- coroutines ---- */

static int make_thread(lua_State *L)
{
	struct thread *t = lua_touserdata(L, 1);

	t->L = lua_newthread(L);
	t->reference = luaL_ref(L, LUA_REGISTRYINDEX);
	return 0;
}

/* -1 when memory has run out. */
static int take_thread(void)
{
	struct thread t = { .next = -1 };
	int i = driver.unused;

	if (i != -1) {
		driver.unused = driver.threads[i].next;
		return i;
	}
	lua_pushcfunction(state, make_thread);
	lua_pushlightuserdata(state, &t);
	if (lua_pcall(state, 1, 0, 0) != LUA_OK) {
		lua_pop(state, 1);
		return -1;
	}
	if (driver.count == driver.room) {
		int room = driver.room ? 2 * driver.room : 64;
		struct thread *more = realloc(driver.threads,
		    (size_t)room * sizeof(*more));

		if (!more) {
			luaL_unref(state, LUA_REGISTRYINDEX, t.reference);
			return -1;
		}
		driver.threads = more;
		driver.room = room;
	}
	state_limit(t.L);
	driver.threads[driver.count] = t;
	return driver.count++;
}

/* For use again; one that failed or was left waiting is emptied first. */
static void put_thread(int i, int status)
{
	struct thread *t = &driver.threads[i];

	if (status != LUA_OK) {
		lua_resetthread(t->L);
		state_limit(t->L);
	}
	lua_settop(t->L, 0);
	t->next = driver.unused;
	driver.unused = i;
}

/* ---- errors ---- */

struct trouble {
	char text[TEXT];
	char file[256];
	int line;
};

static int describe(lua_State *L)
{
	lua_State *co = lua_touserdata(L, 1);
	struct trouble *t = lua_touserdata(L, 2);
	lua_Debug ar;

	if (lua_checkstack(co, 2)) {
		lua_pushvalue(co, -1);
		lua_xmove(co, L, 1);
		snprintf(t->text, sizeof(t->text), "%s", luaL_tolstring(L, -1,
		    NULL));
	}
	for (int i = 0; lua_getstack(co, i, &ar); i++) {
		lua_getinfo(co, "Sl", &ar);
		if (ar.currentline <= 0)
			continue;
		snprintf(t->file, sizeof(t->file), "%s", ar.short_src);
		t->line = ar.currentline;
		break;
	}
	luaL_traceback(L, co, t->text, 0);
	swarm_debug("%s", lua_tostring(L, -1));
	return 0;
}

/* error() puts "FILE:LINE: " before its message; that is the better place
 * when there are several. */
static const char *split_place(struct trouble *t)
{
	char *end = strstr(t->text, ": ");
	char *colon = end;
	char *rest;
	long line;

	while (colon && colon > t->text && *--colon != ':')
		;
	if (!colon || *colon != ':' || colon == t->text ||
	    (size_t)(colon - t->text) >= sizeof(t->file))
		return t->text;
	line = strtol(colon + 1, &rest, 10);
	if (rest != end || line <= 0 || line > INT32_MAX)
		return t->text;
	memcpy(t->file, t->text, (size_t)(colon - t->text));
	t->file[colon - t->text] = '\0';
	t->line = (int)line;
	return end + 2;
}

static void tell(struct run *r)
{
	struct trouble t = { .line = 0 };

	lua_pushcfunction(state, describe);
	lua_pushlightuserdata(state, r->co);
	lua_pushlightuserdata(state, &t);
	if (lua_pcall(state, 2, 0, 0) != LUA_OK)
		lua_pop(state, 1);
	if (!t.text[0])
		snprintf(t.text, sizeof(t.text), "%s", r->status ==
		    LUA_ERRMEM ? "not enough memory" : "an error without a "
		    "message");
	if (!t.file[0])
		snprintf(t.file, sizeof(t.file), "lua");
	swarm_raise_at(r->user, t.file, t.line, "%s", split_place(&t));
}

/* ---- on the large stack ---- */

static int make_object(lua_State *L)
{
	struct person *p = lua_touserdata(L, 1);

	lua_newtable(L);
	p->object = luaL_ref(L, LUA_REGISTRYINDEX);
	return 0;
}

static int object_of(struct swarm_user *u)
{
	struct person *p = swarm_slot(u, driver.slot);

	if (p->object)
		return p->object;
	lua_pushcfunction(state, make_object);
	lua_pushlightuserdata(state, p);
	if (lua_pcall(state, 1, 0, 0) != LUA_OK)
		lua_pop(state, 1);
	return p->object;
}

static void resume(void *arg)
{
	struct run *r = arg;

	driver.now = r;
	r->wait = NULL;
	r->no_wait = 0;
	r->since = swarm_now();
	r->status = lua_resume(r->co, NULL, r->args, &r->results);
	r->args = 0;
	if (r->status == LUA_YIELD && !r->wait) {
		lua_pop(r->co, r->results);
		lua_pushliteral(r->co, "coroutine.yield() outside of a "
		    "coroutine that the script has made");
		r->status = LUA_ERRRUN;
	}
	if (r->status != LUA_OK && r->status != LUA_YIELD)
		tell(r);
	driver.now = NULL;
}

static void begin(void *arg)
{
	struct run *r = arg;
	int object = object_of(r->user);

	r->thread = take_thread();
	if (r->thread == -1 || !object) {
		swarm_raise_at(r->user, "lua", 0, "not enough memory");
		r->status = LUA_ERRMEM;
		return;
	}
	r->co = driver.threads[r->thread].L;
	r->serial = ++driver.serial;
	lua_rawgeti(r->co, LUA_REGISTRYINDEX, r->function);
	lua_rawgeti(r->co, LUA_REGISTRYINDEX, object);
	r->args = 1;
	resume(r);
}

/* Its <close> variables run, within the limit. */
static void end(void *arg)
{
	struct run *r = arg;

	if (r->thread == -1)
		return;
	driver.now = r;
	r->since = swarm_now();
	r->no_wait = 1;
	put_thread(r->thread, r->status);
	driver.now = NULL;
}

/* ---- on the fiber ---- */

/* Only one that is to stop can have been cancelled; it then cannot even sleep
 * for no time. */
static bool is_cancelled(const struct run *r)
{
	return swarm_stopping(r->user) && swarm_sleep(0) == -1;
}

static void run_init(struct run *r, struct swarm_user *u, int function)
{
	/* Not the space, which each wait clears for itself. */
	memset(r, 0, offsetof(struct run, space));
	r->user = u;
	r->function = function;
	r->thread = -1;
}

void run_call(struct swarm_user *u, int function)
{
	struct run r;

	run_init(&r, u, function);
	swarm_deep(begin, &r);
	while (r.status == LUA_YIELD) {
		r.wait(&r);
		if (is_cancelled(&r))
			break;
		swarm_deep(resume, &r);
	}
	swarm_deep(end, &r);
}

static void begin_number(void *arg)
{
	struct run *r = arg;

	begin(r);
	if (r->status == LUA_YIELD) {
		swarm_raise_at(r->user, "lua", 0, "a wait function must not "
		    "wait itself");
	} else if (r->status == LUA_OK && !lua_isnumber(r->co, -1)) {
		swarm_raise_at(r->user, "lua", 0, "a wait function must "
		    "return seconds, and has returned a %s",
		    luaL_typename(r->co, -1));
		r->status = LUA_ERRRUN;
	}
}

double run_number(struct swarm_user *u, int function)
{
	double value = 0;
	struct run r;

	run_init(&r, u, function);
	swarm_deep(begin_number, &r);
	if (r.status == LUA_OK)
		value = lua_tonumber(r.co, -1);
	swarm_deep(end, &r);
	return value;
}

/* ---- */

static void forget(struct swarm_user *u, void *slot)
{
	struct person *p = slot;

	(void)u;
	if (p->object)
		luaL_unref(state, LUA_REGISTRYINDEX, p->object);
}

int run_load(void)
{
	driver.slot = swarm_slot_new(sizeof(struct person), forget);
	return 0;
}

void run_release(void)
{
	free(driver.threads);
	driver.threads = NULL;
	driver.count = driver.room = 0;
	driver.unused = -1;
}
