/*
 * swarm.user{}: a class of users, its tasks and sets of tasks, as tables with
 * the names of the C structs.  One C function runs all the tasks; which Lua
 * function it is travels as the task's data.
 */
#include "own.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX 1000                  /* of a set */
#define DEPTH_MAX 32

/* The functions of a task, a set or a class: references; 0: none. */
struct code {
	struct code *older;
	int run;
	int start;
	int stop;
};

/* What swarm copies, freed when the class is added. */
struct block {
	struct block *older;
	_Alignas(max_align_t) char data[];
};

static struct code *codes;
static struct block *blocks;
static size_t declared;

static const char *const flows[] = { "random", "sequential", "markov", NULL };

/* ---- what swarm calls ---- */

static void call(struct swarm_user *u, int function)
{
	if (function)
		run_call(u, function);
}

static void run_task(struct swarm_user *u)
{
	const struct code *c = swarm_task_data(u);

	call(u, c->run);
}

static void run_start(struct swarm_user *u)
{
	const struct code *c = swarm_task_data(u);

	call(u, c->start);
}

static void run_stop(struct swarm_user *u)
{
	const struct code *c = swarm_task_data(u);

	call(u, c->stop);
}

static double run_wait_function(struct swarm_user *u,
    const struct swarm_wait *w)
{
	return run_number(u, (int)w->a);
}

/* ---- memory ---- */

static void *keep(lua_State *L, size_t size)
{
	struct block *b = calloc(1, sizeof(*b) + size);

	if (!b)
		luaL_error(L, "not enough memory");
	b->older = blocks;
	blocks = b;
	return b->data;
}

static void drop_blocks(void)
{
	while (blocks) {
		struct block *b = blocks;

		blocks = b->older;
		free(b);
	}
}

static struct code *new_code(lua_State *L)
{
	struct code *c = calloc(1, sizeof(*c));

	if (!c)
		luaL_error(L, "not enough memory");
	c->older = codes;
	codes = c;
	return c;
}

static int reference_of(lua_State *L, const char *what)
{
	if (lua_isnil(L, -1))
		return 0;
	if (!lua_isfunction(L, -1))
		luaL_error(L, "%s must be a function, and is a %s", what,
		    luaL_typename(L, -1));
	lua_pushvalue(L, -1);
	return luaL_ref(L, LUA_REGISTRYINDEX);
}

/* ---- waits: what swarm.between() and its kin return ---- */

static int push_wait(lua_State *L, double (*next)(struct swarm_user *,
    const struct swarm_wait *), double a, double b)
{
	struct swarm_wait *w;

	if (!isfinite(a) || !isfinite(b) || a < 0 || b < 0)
		return luaL_error(L, "seconds are 0 or more");
	w = lua_newuserdatauv(L, sizeof(*w), 0);
	*w = (struct swarm_wait){ next, a, b };
	luaL_setmetatable(L, "swarm.wait");
	return 1;
}

static int wait_constant(lua_State *L)
{
	return push_wait(L, swarm_wait_constant, luaL_checknumber(L, 1), 0);
}

static int wait_between(lua_State *L)
{
	return push_wait(L, swarm_wait_between, luaL_checknumber(L, 1),
	    luaL_checknumber(L, 2));
}

static int wait_pacing(lua_State *L)
{
	return push_wait(L, swarm_wait_pacing, luaL_checknumber(L, 1), 0);
}

static int wait_throughput(lua_State *L)
{
	double rate = luaL_checknumber(L, 1);

	luaL_argcheck(L, rate > 0, 1, "above 0");
	return push_wait(L, swarm_wait_pacing, 1 / rate, 0);
}

static int wait_exponential(lua_State *L)
{
	return push_wait(L, swarm_wait_exponential, luaL_checknumber(L, 1),
	    0);
}

static int wait_lognormal(lua_State *L)
{
	return push_wait(L, swarm_wait_lognormal, luaL_checknumber(L, 1),
	    luaL_checknumber(L, 2));
}

/* The field `wait` of the table at the top: a wait, seconds, or a function. */
static void read_wait(lua_State *L, struct swarm_wait *w)
{
	const struct swarm_wait *made;

	lua_getfield(L, -1, "wait");
	made = luaL_testudata(L, -1, "swarm.wait");
	if (made) {
		*w = *made;
	} else if (lua_type(L, -1) == LUA_TNUMBER) {
		double seconds = lua_tonumber(L, -1);

		if (!isfinite(seconds) || seconds < 0)
			luaL_error(L, "wait: seconds are 0 or more");
		*w = (struct swarm_wait){ swarm_wait_constant, seconds, 0 };
	} else if (lua_isfunction(L, -1)) {
		*w = (struct swarm_wait){ run_wait_function,
			reference_of(L, "wait"), 0 };
	} else if (!lua_isnil(L, -1)) {
		luaL_error(L, "wait must be seconds, a function, or one of "
		    "swarm.between() and its kin, and is a %s",
		    luaL_typename(L, -1));
	}
	lua_pop(L, 1);
}

/* ---- fields of the table at the top ---- */

static void check_fields(lua_State *L, const char *what,
    const char *const *known)
{
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		const char *const *k = known;

		lua_pop(L, 1);
		if (lua_type(L, -1) == LUA_TNUMBER)
			continue;
		while (*k && (lua_type(L, -1) != LUA_TSTRING ||
		    strcmp(*k, lua_tostring(L, -1)) != 0))
			k++;
		if (!*k)
			luaL_error(L, "%s: there is no field \"%s\"", what,
			    luaL_tolstring(L, -1, NULL));
	}
}

/* A copy of the string at `index`. */
static const char *copy_text(lua_State *L, int index)
{
	size_t len;
	const char *s = lua_tolstring(L, index, &len);

	return memcpy(keep(L, len + 1), s, len + 1);
}

/* Copied; NULL when absent. */
static const char *text_field(lua_State *L, const char *field)
{
	const char *s = NULL;

	lua_getfield(L, -1, field);
	if (lua_type(L, -1) == LUA_TSTRING) {
		s = copy_text(L, -1);
	} else if (!lua_isnil(L, -1)) {
		luaL_error(L, "%s must be a string, and is a %s", field,
		    luaL_typename(L, -1));
	}
	lua_pop(L, 1);
	return s;
}

static double number_field(lua_State *L, const char *field)
{
	double n = 0;

	lua_getfield(L, -1, field);
	if (!lua_isnil(L, -1)) {
		if (!lua_isnumber(L, -1))
			luaL_error(L, "%s must be a number, and is a %s",
			    field, luaL_typename(L, -1));
		n = lua_tonumber(L, -1);
		if (!isfinite(n) || n < 0 || n > 1e9)
			luaL_error(L, "%s must be 0 to 1e9", field);
	}
	lua_pop(L, 1);
	return n;
}

static enum swarm_flow flow_field(lua_State *L)
{
	int flow = SWARM_RANDOM;

	lua_getfield(L, -1, "flow");
	if (!lua_isnil(L, -1))
		flow = luaL_checkoption(L, -1, NULL, flows);
	lua_pop(L, 1);
	return (enum swarm_flow)flow;
}

static void hook_fields(lua_State *L, struct code *c)
{
	lua_getfield(L, -1, "start");
	c->start = reference_of(L, "start");
	lua_getfield(L, -2, "stop");
	c->stop = reference_of(L, "stop");
	lua_pop(L, 2);
}

/* next = { browse = 3, pay = 1 }: in the order of the names, because the
 * order of a table's walk is not the same in every process. */
static int by_name(const void *a, const void *b)
{
	const struct swarm_transition *x = a, *y = b;

	return strcmp(x->task, y->task);
}

static const struct swarm_transition *next_field(lua_State *L)
{
	struct swarm_transition *list;
	size_t n = 0;

	if (lua_getfield(L, -1, "next") == LUA_TNIL) {
		lua_pop(L, 1);
		return NULL;
	}
	if (!lua_istable(L, -1))
		luaL_error(L, "next must be a table, as { pay = 1 }");
	list = keep(L, (TASKS_MAX + 1) * sizeof(*list));
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		if (lua_type(L, -2) != LUA_TSTRING || !lua_isinteger(L, -1) ||
		    lua_tointeger(L, -1) < 1 ||
		    lua_tointeger(L, -1) > 1000000 || n == TASKS_MAX)
			luaL_error(L, "next: each is a task's name and a "
			    "whole weight, as pay = 1");
		list[n].task = copy_text(L, -2);
		list[n++].weight = (unsigned)lua_tointeger(L, -1);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	qsort(list, n, sizeof(*list), by_name);
	return list;
}

/* ---- tasks ---- */

static const struct swarm_task *tasks_field(lua_State *L, const char *of,
    int depth);

static const struct swarm_task_set *read_set(lua_State *L, const char *name,
    struct code *c, int depth)
{
	struct swarm_task_set *set = keep(L, sizeof(*set));

	hook_fields(L, c);
	read_wait(L, &set->wait);
	set->start = c->start ? run_start : NULL;
	set->stop = c->stop ? run_stop : NULL;
	set->flow = flow_field(L);
	set->tasks = tasks_field(L, name, depth + 1);
	return set;
}

/* { "name", function, weight = 3 } or { "name", tasks = {...} }, at the top
 * of the stack. */
static void read_task(lua_State *L, const char *of, struct swarm_task *t,
    int depth)
{
	static const char *const known[] = { "weight", "tags", "next",
		"tasks", "flow", "wait", "start", "stop", NULL };
	struct code *c = new_code(L);
	double weight;

	if (!lua_istable(L, -1) || lua_geti(L, -1, 1) != LUA_TSTRING)
		luaL_error(L, "%s: each task is { \"name\", function }", of);
	t->name = copy_text(L, -1);
	lua_pop(L, 1);
	check_fields(L, t->name, known);
	lua_geti(L, -1, 2);
	c->run = reference_of(L, t->name);
	lua_pop(L, 1);
	weight = number_field(L, "weight");
	if (weight != floor(weight))
		luaL_error(L, "%s: weight must be a whole number", t->name);
	t->weight = (unsigned)weight;
	t->tags = text_field(L, "tags");
	t->next = next_field(L);
	t->data = c;
	if (lua_getfield(L, -1, "tasks") != LUA_TNIL && c->run)
		luaL_error(L, "%s: either a function or tasks, not both",
		    t->name);
	if (lua_isnil(L, -1) && !c->run)
		luaL_error(L, "%s: the task needs a function or tasks",
		    t->name);
	lua_pop(L, 1);
	if (c->run)
		t->run = run_task;
	else
		t->set = read_set(L, t->name, c, depth);
}

/* The field `tasks` of the table at the top. */
static const struct swarm_task *tasks_field(lua_State *L, const char *of,
    int depth)
{
	struct swarm_task *tasks;
	lua_Integer n;

	luaL_checkstack(L, 16, "too many sets of tasks");
	if (lua_getfield(L, -1, "tasks") != LUA_TTABLE)
		luaL_error(L, "%s: tasks must be a list of { \"name\", "
		    "function }", of);
	n = luaL_len(L, -1);
	if (n < 1 || n > TASKS_MAX || depth > DEPTH_MAX)
		luaL_error(L, "%s: 1 to %d tasks, and sets %d deep, are "
		    "possible", of, TASKS_MAX, DEPTH_MAX);
	tasks = keep(L, ((size_t)n + 1) * sizeof(*tasks));
	for (lua_Integer i = 0; i < n; i++) {
		lua_geti(L, -1, i + 1);
		read_task(L, of, &tasks[i], depth);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return tasks;
}

/* ---- classes ---- */

static int add_class(lua_State *L)
{
	static const char *const known[] = { "name", "weight", "fixed_count",
		"host", "wait", "start", "stop", "tasks", "flow", NULL };
	struct swarm_user_class class = { 0 };
	struct code *c = new_code(L);

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	check_fields(L, "swarm.user", known);
	class.name = text_field(L, "name");
	if (!class.name || !*class.name)
		return luaL_error(L, "swarm.user: name is missing");
	class.weight = number_field(L, "weight");
	class.fixed_count = (unsigned)number_field(L, "fixed_count");
	class.host = text_field(L, "host");
	read_wait(L, &class.wait);
	hook_fields(L, c);
	class.start = c->start ? run_start : NULL;
	class.stop = c->stop ? run_stop : NULL;
	class.flow = flow_field(L);
	class.data = c;
	class.tasks = tasks_field(L, class.name, 0);
	if (swarm_class_add(&class) == -1)
		return luaL_error(L, "cannot declare %s", class.name);
	declared++;
	return 0;
}

/* In setup() only, the same in every process. */
static int define_user(lua_State *L)
{
	if (run_now() || event_running())
		return luaL_error(L, "swarm.user() belongs outside of tasks");
	lua_settop(L, 1);
	lua_pushcfunction(L, add_class);
	lua_insert(L, 1);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
		drop_blocks();
		if (lua_type(L, -1) == LUA_TSTRING) {
			luaL_where(L, 1);
			lua_insert(L, -2);
			lua_concat(L, 2);
		}
		return lua_error(L);
	}
	drop_blocks();
	return 0;
}

size_t define_count(void)
{
	return declared;
}

void define_release(void)
{
	while (codes) {
		struct code *c = codes;

		codes = c->older;
		free(c);
	}
	declared = 0;
}

int define_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "user", define_user },
		{ "constant", wait_constant }, { "between", wait_between },
		{ "pacing", wait_pacing }, { "throughput", wait_throughput },
		{ "exponential", wait_exponential },
		{ "lognormal", wait_lognormal }, { NULL, NULL } };
	static const luaL_Reg none[] = { { NULL, NULL } };

	args_type(L, "swarm.wait", none);
	luaL_setfuncs(L, functions, 0);
	return 0;
}
