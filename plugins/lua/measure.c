/*
 * Results in the script's hands: samples of its own, transactions, names and
 * tags, counters and metrics.  Numbers of counters and metrics are looked up
 * on first use, because scripts make them in setup(), before a worker keeps
 * statistics.
 */
#include "own.h"

#include <string.h>

#define SAMPLE "swarm.sample"
#define METRIC "swarm.metric"

static struct swarm_user *self(lua_State *L)
{
	return run_current(L)->user;
}

/* ---- samples ---- */

struct sample {
	struct swarm_timer timer;
	uint64_t serial;                /* of the task that began it */
	bool over;
};

static struct sample *sample_of(lua_State *L)
{
	struct sample *s = luaL_checkudata(L, 1, SAMPLE);
	const struct run *r = run_current(L);

	if (s->serial != r->serial)
		luaL_error(L, "this sample belongs to another task");
	if (s->over)
		luaL_error(L, "this sample has ended already");
	return s;
}

static int sample_begin(lua_State *L)
{
	const char *type = luaL_checkstring(L, 1);
	const char *name = luaL_checkstring(L, 2);
	struct run *r = run_current(L);
	struct sample *s = lua_newuserdatauv(L, sizeof(*s), 0);

	s->over = false;
	s->serial = r->serial;
	s->timer = swarm_begin(r->user, type, name);
	luaL_setmetatable(L, SAMPLE);
	return 1;
}

static int sample_done(lua_State *L)
{
	struct sample *s = sample_of(L);
	lua_Integer bytes = luaL_optinteger(L, 2, 0);

	luaL_argcheck(L, bytes >= 0, 2, "bytes cannot be negative");
	s->over = true;
	swarm_done(&s->timer, (size_t)bytes);
	return 0;
}

static int sample_fail(lua_State *L)
{
	struct sample *s = sample_of(L);
	const char *why = luaL_checkstring(L, 2);

	s->over = true;
	swarm_fail(&s->timer, "%s", why);
	return 0;
}

static int sample_drop(lua_State *L)
{
	struct sample *s = sample_of(L);

	s->over = true;
	swarm_drop(&s->timer);
	return 0;
}

static int sample_rename(lua_State *L)
{
	struct sample *s = sample_of(L);

	swarm_rename(&s->timer, luaL_optstring(L, 2, NULL),
	    luaL_optstring(L, 3, NULL));
	return 0;
}

/* ---- transactions ---- */

static int transaction_end(lua_State *L)
{
	lua_pushboolean(L, swarm_transaction_end(self(L)) == 0);
	return 1;
}

static int transaction_fail(lua_State *L)
{
	swarm_transaction_fail(self(L), "%s", luaL_checkstring(L, 1));
	return 0;
}

static int transaction_drop(lua_State *L)
{
	swarm_transaction_drop(self(L));
	return 0;
}

/* After fn has returned or failed; ctx is 0. */
static int transaction_over(lua_State *L, int status, lua_KContext ctx)
{
	struct swarm_user *u = self(L);

	(void)ctx;
	if (status != LUA_OK && status != LUA_YIELD) {
		swarm_transaction_fail(u, "an error in the script");
		swarm_transaction_end(u);
		return lua_error(L);
	}
	swarm_transaction_end(u);
	return lua_gettop(L);
}

/* transaction(name, fn): what fn returns.  Without fn it only begins one. */
static int transaction(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	lua_settop(L, 2);
	if (swarm_transaction_begin(self(L), name) == -1)
		return luaL_error(L, "too many transactions are open");
	if (lua_isnil(L, 2))
		return 0;
	lua_remove(L, 1);
	return transaction_over(L, lua_pcallk(L, 0, LUA_MULTRET, 0, 0,
	    transaction_over), 0);
}

/* ---- names and tags ---- */

static int measure_name(lua_State *L)
{
	swarm_name(self(L), luaL_optstring(L, 1, NULL));
	return 0;
}

static int measure_tag(lua_State *L)
{
	swarm_tag(self(L), luaL_checkstring(L, 1), luaL_optstring(L, 2,
	    NULL));
	return 0;
}

/* ---- counters and metrics ---- */

enum { COUNTER = -1 };

struct metric {
	int kind;                       /* COUNTER, or enum swarm_metric_kind */
	bool known;
	uint32_t number;
	char unit[32];
	char name[];
};

static int make_metric(lua_State *L, int kind)
{
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);
	const char *unit = luaL_optstring(L, 2, "");
	struct metric *m = lua_newuserdatauv(L, sizeof(*m) + len + 1, 0);

	m->kind = kind;
	m->known = false;
	m->number = 0;
	snprintf(m->unit, sizeof(m->unit), "%s", unit);
	memcpy(m->name, name, len + 1);
	luaL_setmetatable(L, METRIC);
	return 1;
}

static int counter(lua_State *L)
{
	return make_metric(L, COUNTER);
}

static int gauge(lua_State *L)
{
	return make_metric(L, SWARM_GAUGE);
}

static int rate(lua_State *L)
{
	return make_metric(L, SWARM_RATE);
}

static int distribution(lua_State *L)
{
	return make_metric(L, SWARM_DISTRIBUTION);
}

static struct metric *metric_of(lua_State *L, bool is_counter)
{
	struct metric *m = luaL_checkudata(L, 1, METRIC);

	if ((m->kind == COUNTER) != is_counter)
		luaL_error(L, is_counter ? "%s has no add(): use record()" :
		    "%s is a counter: use add()", m->name);
	if (m->known)
		return m;
	if (!run_now() && !event_running())
		luaL_error(L, "%s: nothing is measured before the test has "
		    "begun", m->name);
	m->number = is_counter ? swarm_counter(m->name) :
	    swarm_metric((enum swarm_metric_kind)m->kind, m->name,
	    m->unit[0] ? m->unit : NULL);
	m->known = true;
	return m;
}

static int metric_add(lua_State *L)
{
	const struct metric *m = metric_of(L, true);

	swarm_count(m->number, luaL_optinteger(L, 2, 1));
	return 0;
}

/* Of a rate, true and false are 1 and 0. */
static int metric_record(lua_State *L)
{
	const struct metric *m = metric_of(L, false);

	swarm_record(m->number, lua_isboolean(L, 2) ? lua_toboolean(L, 2) :
	    luaL_checknumber(L, 2));
	return 0;
}

static const luaL_Reg of_sample[] = { { "done", sample_done },
	{ "fail", sample_fail }, { "drop", sample_drop },
	{ "rename", sample_rename }, { NULL, NULL } };

static const luaL_Reg of_metric[] = { { "add", metric_add },
	{ "record", metric_record }, { NULL, NULL } };

static const luaL_Reg functions[] = { { "begin", sample_begin },
	{ "transaction", transaction }, { "transaction_end", transaction_end },
	{ "transaction_fail", transaction_fail },
	{ "transaction_drop", transaction_drop }, { "name", measure_name },
	{ "tag", measure_tag }, { "counter", counter }, { "gauge", gauge },
	{ "rate", rate }, { "distribution", distribution }, { NULL, NULL } };

int measure_open(lua_State *L)
{
	args_type(L, SAMPLE, of_sample);
	args_type(L, METRIC, of_metric);
	luaL_setfuncs(L, functions, 0);
	return 0;
}
