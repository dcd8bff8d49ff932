/*
 * require "postgres": the interface swarm.postgres/1, in the user's own
 * session.  A result is a table of rows, made at once; a failed statement is a
 * result too.
 */
#define SWARM_IMPORT_BY_HAND
#include "own.h"

#include <swarm/postgres.h>

#include <string.h>

struct call {
	const char *sql;
	struct pg_query_args query;
	struct pg_tx_args tx;
	struct pg_copy_args copy;
	struct pg_notify_args notify;
	struct pg_wait_args wait;
	const char *channel;
	int (*end)(struct swarm_user *, struct pg *);
	int (*subscribe)(struct swarm_user *, const char *, struct pg *);
	const struct pg_notification *notification;
	const struct pg_result *result;
	int rc;
};

/* Types whose text is a number or a truth in Lua too. */
enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23,
	OID_FLOAT4 = 700, OID_FLOAT8 = 701, OID_NUMERIC = 1700 };

/* ---- parameters ---- */

/* The value at the top; its string is copied into the task's arena. */
static struct pg_param read_param(lua_State *L)
{
	struct pg_param p = { .kind = PG_KIND_TEXT, .len = -1 };
	size_t len;

	switch (lua_type(L, -1)) {
	case LUA_TNUMBER:
		p.kind = lua_isinteger(L, -1) ? PG_KIND_INT : PG_KIND_FLOAT;
		if (p.kind == PG_KIND_INT)
			p.v.i = lua_tointeger(L, -1);
		else
			p.v.f = lua_tonumber(L, -1);
		break;
	case LUA_TBOOLEAN:
		p.kind = PG_KIND_BOOL;
		p.v.i = lua_toboolean(L, -1);
		break;
	case LUA_TSTRING:
		if (strlen(lua_tolstring(L, -1, &len)) != len)
			luaL_error(L, "a text for PostgreSQL cannot hold a "
			    "NUL");
		p.v.p = args_copy(L, -1);
		break;
	case LUA_TLIGHTUSERDATA:
		p.kind = PG_KIND_NULL;
		break;
	default:
		luaL_error(L, "a parameter is a number, a string, true, false "
		    "or json.null, and not a %s", luaL_typename(L, -1));
	}
	return p;
}

static void read_params(lua_State *L, void *args)
{
	struct call *c = args;
	struct pg_param *list;
	lua_Integer n;

	if (!lua_istable(L, -1))
		luaL_error(L, "params: a list of values");
	n = (lua_Integer)lua_rawlen(L, -1);
	if (n > PG_PARAMS_MAX)
		luaL_error(L, "params: at most %d", PG_PARAMS_MAX);
	list = swarm_alloc(run_current(L)->user,
	    ((size_t)n + 1) * sizeof(*list));
	for (lua_Integer i = 0; i < n; i++) {
		lua_rawgeti(L, -1, i + 1);
		list[i] = read_param(L);
		lua_pop(L, 1);
	}
	list[n] = (struct pg_param){ .kind = PG_KIND_END };
	c->query.params = list;
}

/* ---- results ---- */

static void push_value(lua_State *L, const struct pg_result *r, int64_t row,
    int col)
{
	const char *text = pg_api_->value(r, row, col);

	if (pg_api_->null(r, row, col)) {
		lua_pushnil(L);
		return;
	}
	switch (pg_api_->column_type(r, col)) {
	case OID_BOOL:
		lua_pushboolean(L, text[0] == 't');
		break;
	case OID_INT8:
	case OID_INT2:
	case OID_INT4:
		lua_pushinteger(L, pg_api_->integer(r, row, col));
		break;
	case OID_FLOAT4:
	case OID_FLOAT8:
	case OID_NUMERIC:
		lua_pushnumber(L, pg_api_->real(r, row, col));
		break;
	default:
		lua_pushlstring(L, text, (size_t)pg_api_->length(r, row,
		    col));
		break;
	}
}

/* { ok = ..., rows = n, [1] = { column = value }, ... } */
static int queried(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);
	const struct pg_result *r = c->result;

	(void)status;
	lua_createtable(L, 0, 6);
	lua_pushboolean(L, r->ok);
	lua_setfield(L, -2, "ok");
	lua_pushstring(L, r->ok ? NULL : r->error);
	lua_setfield(L, -2, "error");
	lua_pushstring(L, r->sqlstate);
	lua_setfield(L, -2, "sqlstate");
	lua_pushinteger(L, r->rows);
	lua_setfield(L, -2, "rows");
	lua_pushinteger(L, r->affected);
	lua_setfield(L, -2, "affected");
	for (int64_t row = 0; r->ok && r->pgresult && row < r->rows; row++) {
		lua_createtable(L, 0, r->columns);
		for (int col = 0; col < r->columns; col++) {
			push_value(L, r, row, col);
			lua_setfield(L, -2, pg_api_->column_name(r, col));
		}
		lua_rawseti(L, -2, row + 1);
	}
	return 1;
}

static void do_query(struct run *r)
{
	struct call *c = (void *)r->space;

	c->result = pg_api_->query(r->user, c->sql, &c->query);
}

#define QUERY(field) offsetof(struct call, query.field)

/* query(sql, { params = { ... }, name = ..., mode = ... }) */
static int pg_query_(lua_State *L)
{
	static const char *const modes[] = { "auto", "simple", "extended",
		"prepared", NULL };
	static const struct args_field fields[] = {
		{ "params", ARGS_OWN, 0, NULL, read_params },
		{ "name", ARGS_STRING, QUERY(name), NULL, NULL },
		{ "mode", ARGS_CHOICE, QUERY(mode), modes, NULL },
		{ "discard", ARGS_FLAG, QUERY(discard), NULL, NULL },
		{ "timeout", ARGS_NUMBER, QUERY(timeout), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = run_begin(L, sizeof(*c));

	lua_settop(L, 2);
	c->sql = luaL_checkstring(L, 1);
	c->query.size = sizeof(c->query);
	args_read(L, 2, "postgres.query", fields, c);
	return run_wait(L, do_query, queried);
}

/* ---- COPY ---- */

static void do_copy(struct run *r)
{
	struct call *c = (void *)r->space;

	c->result = (c->copy.data ? pg_api_->copy_in : pg_api_->copy_out)(
	    r->user, c->sql, &c->copy);
}

#define COPY(field) offsetof(struct pg_copy_args, field)

/* copy(sql, data, args): from STDIN; without data to STDOUT, of which rows
 * and bytes are only counted. */
static int pg_copy_(lua_State *L)
{
	static const struct args_field fields[] = {
		{ "name", ARGS_STRING, COPY(name), NULL, NULL },
		{ "timeout", ARGS_NUMBER, COPY(timeout), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = run_begin(L, sizeof(*c));

	lua_settop(L, 3);
	c->sql = luaL_checkstring(L, 1);
	c->copy.size = sizeof(c->copy);
	if (!lua_isnil(L, 2))
		c->copy.data = luaL_checklstring(L, 2, &c->copy.len);
	args_read(L, 3, "postgres.copy", fields, &c->copy);
	return run_wait(L, do_copy, queried);
}

/* ---- transactions ---- */

static int over(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);

	(void)status;
	lua_pushboolean(L, c->rc == 0);
	return 1;
}

static void do_begin(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = pg_api_->begin(r->user, &c->tx);
}

#define TX(field) offsetof(struct pg_tx_args, field)

static int pg_begin_(lua_State *L)
{
	static const char *const levels[] = { "default", "read committed",
		"repeatable read", "serializable", NULL };
	static const struct args_field fields[] = {
		{ "name", ARGS_STRING, TX(name), NULL, NULL },
		{ "isolation", ARGS_CHOICE, TX(isolation), levels, NULL },
		{ "read_only", ARGS_FLAG, TX(read_only), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = run_begin(L, sizeof(*c));

	lua_settop(L, 1);
	c->tx.size = sizeof(c->tx);
	args_read(L, 1, "postgres.begin", fields, &c->tx);
	return run_wait(L, do_begin, over);
}

static void do_end(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = c->end(r->user, NULL);
}

static int pg_commit_(lua_State *L)
{
	struct call *c = run_begin(L, sizeof(*c));

	c->end = pg_api_->commit;
	return run_wait(L, do_end, over);
}

static int pg_rollback_(lua_State *L)
{
	struct call *c = run_begin(L, sizeof(*c));

	c->end = pg_api_->rollback;
	return run_wait(L, do_end, over);
}

/* ---- notifications ---- */

static void do_subscribe(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = c->subscribe(r->user, c->channel, NULL);
}

static int subscribe(lua_State *L,
    int (*how)(struct swarm_user *, const char *, struct pg *))
{
	struct call *c = run_begin(L, sizeof(*c));

	c->channel = luaL_checkstring(L, 1);
	c->subscribe = how;
	return run_wait(L, do_subscribe, over);
}

static int pg_listen_(lua_State *L)
{
	return subscribe(L, pg_api_->listen);
}

static int pg_unlisten_(lua_State *L)
{
	return subscribe(L, pg_api_->unlisten);
}

static void do_notify(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = pg_api_->notify(r->user, &c->notify);
}

/* notify(channel, payload) */
static int pg_notify_(lua_State *L)
{
	struct call *c = run_begin(L, sizeof(*c));

	c->notify.size = sizeof(c->notify);
	c->notify.channel = luaL_checkstring(L, 1);
	c->notify.payload = luaL_optstring(L, 2, NULL);
	return run_wait(L, do_notify, over);
}

static void do_wait(struct run *r)
{
	struct call *c = (void *)r->space;

	c->notification = pg_api_->wait(r->user, &c->wait);
}

/* A table; nil after the timeout or when the connection is lost. */
static int waited(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);
	const struct pg_notification *n = c->notification;

	(void)status;
	if (!n)
		return 0;
	lua_createtable(L, 0, 3);
	lua_pushstring(L, n->channel);
	lua_setfield(L, -2, "channel");
	lua_pushstring(L, n->payload);
	lua_setfield(L, -2, "payload");
	if (n->latency_ns >= 0) {
		lua_pushnumber(L, (double)n->latency_ns / 1e9);
		lua_setfield(L, -2, "latency");
	}
	return 1;
}

/* wait(seconds) */
static int pg_wait_(lua_State *L)
{
	struct call *c = run_begin(L, sizeof(*c));

	c->wait.size = sizeof(c->wait);
	c->wait.timeout = luaL_optnumber(L, 1, 0);
	return run_wait(L, do_wait, waited);
}

static int open_library(lua_State *L)
{
	static const luaL_Reg functions[] = { { "query", pg_query_ },
		{ "begin", pg_begin_ }, { "commit", pg_commit_ },
		{ "rollback", pg_rollback_ }, { "copy", pg_copy_ },
		{ "listen", pg_listen_ }, { "unlisten", pg_unlisten_ },
		{ "notify", pg_notify_ }, { "wait", pg_wait_ },
		{ NULL, NULL } };

	luaL_newlib(L, functions);
	return 1;
}

struct protocol postgres_protocol = { "postgres", &pg_api_import,
	open_library, false };
