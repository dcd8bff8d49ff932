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

#define TEXT 512

/* A coroutine, kept from collection by its reference. */
struct thread {
	lua_State *L;                   /* NULL: not made yet */
	int reference;
	int next;                       /* unused, or -1 */
};

/* What a user has here. */
struct person {
	int object;                     /* reference of its table; 0: none */
	uint64_t number;                /* from 1 */
};

static struct {
	struct run *now;                /* while Lua runs for a user */
	uint64_t serial;
	uint64_t token;
	uint64_t people;
	struct thread *threads;
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
	lua_State *made = lua_newthread(L);

	/* When there is no memory for the reference, it will be collected. */
	t->reference = luaL_ref(L, LUA_REGISTRYINDEX);
	t->L = made;
	return 0;
}

/* -1 when memory has run out. */
static int fill(struct thread *t)
{
	lua_pushcfunction(state, make_thread);
	lua_pushlightuserdata(state, t);
	if (lua_pcall(state, 1, 0, 0) != LUA_OK) {
		lua_pop(state, 1);
		return -1;
	}
	state_limit(t->L);
	return 0;
}

static int more_threads(void)
{
	int room = driver.room ? 2 * driver.room : 64;
	struct thread *more = realloc(driver.threads,
	    (size_t)room * sizeof(*more));

	if (!more)
		return -1;
	driver.threads = more;
	for (int i = driver.room; i < room; i++) {
		more[i] = (struct thread){ .next = driver.unused };
		driver.unused = i;
	}
	driver.room = room;
	return 0;
}

/* -1 when memory has run out. */
static int take_thread(void)
{
	int i;

	if (driver.unused == -1 && more_threads() == -1)
		return -1;
	i = driver.unused;
	if (!driver.threads[i].L && fill(&driver.threads[i]) == -1)
		return -1;
	driver.unused = driver.threads[i].next;
	return i;
}

/* For use again; one that was left waiting is emptied first, and one that is
 * in disorder goes. */
static void put_thread(int i, int status)
{
	struct thread *t = &driver.threads[i];

	if (status != LUA_OK) {
		lua_resetthread(t->L);
		state_limit(t->L);
	}
	if (status == LUA_OK || status == LUA_YIELD) {
		lua_settop(t->L, 0);
	} else {
		luaL_unref(state, LUA_REGISTRYINDEX, t->reference);
		t->L = NULL;
	}
	t->next = driver.unused;
	driver.unused = i;
}

/* ---- errors ---- */

struct trouble {
	char text[TEXT];
	char file[256];
	int line;
};

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

static void raise(struct run *r, const char *text, const lua_Debug *ar)
{
	struct trouble t = { .file = "lua" };

	/* One for each task, as an exception ends one; what closing its
	 * variables adds is not another. */
	if (r->told)
		return;
	r->told = true;
	snprintf(t.text, sizeof(t.text), "%s", text);
	if (ar) {
		snprintf(t.file, sizeof(t.file), "%s", ar->short_src);
		t.line = ar->currentline;
	}
	text = split_place(&t);
	swarm_raise_at(r->user, t.file, t.line, "%s", text);
}

/* The message handler: where it happened is known here only. */
static int on_error(lua_State *L)
{
	struct run *r = driver.now;
	const char *text;
	lua_Debug ar;
	int level = 1;

	/* No address, which would make every error another one. */
	if (lua_type(L, 1) > LUA_TSTRING &&
	    luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL)
		text = lua_pushfstring(L, "a %s as the error's value",
		    luaL_typename(L, 1));
	else
		text = luaL_tolstring(L, 1, NULL);
	while (lua_getstack(L, level, &ar)) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline > 0)
			break;
		level++;
	}
	raise(r, text, lua_getstack(L, level, &ar) &&
	    lua_getinfo(L, "Sl", &ar) ? &ar : NULL);
	luaL_traceback(L, L, text, 1);
	swarm_debug("%s", lua_tostring(L, -1));
	return 1;
}

/* The script's function has ended. */
static int body_over(lua_State *L, int status, lua_KContext ctx)
{
	struct run *r = driver.now;

	(void)ctx;
	if (status == LUA_OK || status == LUA_YIELD)
		return 1;
	r->failed = true;
	raise(r, lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) :
	    "an error without a message", NULL);
	return 0;
}

/*
 * What a coroutine runs: the function and its argument, protected.  Errors
 * end in here and not in lua_resume(), which would leave the coroutine with
 * its hooks off when it was a hook that raised one.
 */
static int body(lua_State *L)
{
	lua_pushcfunction(L, on_error);
	lua_insert(L, 1);
	return body_over(L, lua_pcallk(L, 1, 1, 1, 0, body_over), 0);
}

/* ---- on the large stack ---- */

static int make_object(lua_State *L)
{
	struct person *p = lua_touserdata(L, 1);

	lua_newtable(L);
	p->object = luaL_ref(L, LUA_REGISTRYINDEX);
	return 0;
}

/* Its object is 0 when memory has run out. */
static const struct person *person_of(struct swarm_user *u)
{
	struct person *p = swarm_slot(u, driver.slot);

	if (p->object)
		return p;
	p->number = ++driver.people;
	lua_pushcfunction(state, make_object);
	lua_pushlightuserdata(state, p);
	if (lua_pcall(state, 1, 0, 0) != LUA_OK)
		lua_pop(state, 1);
	return p;
}

/* Back among the unused; <close> variables that are left run, within the
 * limit. */
static void finish(struct run *r)
{
	if (r->thread == -1)
		return;
	r->no_wait = 1;
	put_thread(r->thread, r->status);
	r->thread = -1;
}

static void run(struct run *r)
{
	driver.now = r;
	r->wait = NULL;
	r->no_wait = 0;
	r->cpu = 0;
	r->status = lua_resume(r->co, NULL, r->args, &r->results);
	r->args = 0;
	if (r->status == LUA_YIELD && !r->wait) {
		raise(r, "coroutine.yield() outside of a coroutine that the "
		    "script has made", NULL);
		r->status = LUA_ERRRUN;
	} else if (r->status != LUA_OK && r->status != LUA_YIELD) {
		raise(r, "other code of the script has ended this task's "
		    "coroutine", NULL);
	}
}

/* False when memory has run out, which has been told. */
static bool prepare(struct run *r)
{
	const struct person *p = person_of(r->user);

	r->thread = take_thread();
	if (r->thread == -1 || !p->object) {
		raise(r, "not enough memory", NULL);
		r->status = LUA_ERRMEM;
		finish(r);
		return false;
	}
	r->co = driver.threads[r->thread].L;
	r->serial = ++driver.serial;
	r->owner = p->number;
	lua_pushcfunction(r->co, body);
	lua_rawgeti(r->co, LUA_REGISTRYINDEX, r->function);
	lua_rawgeti(r->co, LUA_REGISTRYINDEX, p->object);
	r->args = 2;
	return true;
}

static void resume(void *arg)
{
	struct run *r = arg;

	run(r);
	if (r->status != LUA_YIELD)
		finish(r);
	driver.now = NULL;
}

static void begin(void *arg)
{
	struct run *r = arg;

	if (prepare(r))
		resume(r);
}

static void abandon(void *arg)
{
	struct run *r = arg;

	driver.now = r;
	r->cpu = 0;
	finish(r);
	driver.now = NULL;
}

/* A call that returns a number and must not wait. */
static void begin_number(void *arg)
{
	struct run *r = arg;

	if (!prepare(r))
		return;
	run(r);
	if (r->status == LUA_YIELD)
		raise(r, "a wait function must not wait itself", NULL);
	else if (r->status == LUA_OK && !r->failed &&
	    !lua_isnumber(r->co, -1))
		raise(r, "a wait function must return seconds", NULL);
	else if (r->status == LUA_OK && !r->failed)
		r->number = lua_tonumber(r->co, -1);
	finish(r);
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
		if (is_cancelled(&r)) {
			swarm_deep(abandon, &r);
			return;
		}
		swarm_deep(resume, &r);
	}
}

double run_number(struct swarm_user *u, int function)
{
	struct run r;

	run_init(&r, u, function);
	swarm_deep(begin_number, &r);
	return r.number;
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
	driver.room = 0;
	driver.unused = -1;
}
