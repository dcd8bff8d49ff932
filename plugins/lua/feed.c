/*
 * Rows of CSV and NDJSON files: swarm.feed() opens one, in setup(); its next()
 * is a wait, because a worker may have to ask the master for more rows.  A
 * row is a small object that looks its values up when they are asked for; the
 * numbers of columns are kept in a table with the feed.
 */
#include "own.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FEED "swarm.feed"
#define ROW  "swarm.row"

struct feed {
	struct swarm_feed *feed;        /* user value 1: column numbers */
};

struct row {
	struct swarm_row row;           /* user value 1: its feed */
};

struct options {
	struct swarm_feed_args args;
	int order;
	int end;
	const char *separator;
};

/*
 * Beside the script, or else in the current folder; the full path where there
 * is neither, because swarm would look, and say that it looked, beside the
 * plugin.  What a plugin feeds ("redis:list") is no path.
 */
static const char *beside(lua_State *L, const char *path)
{
	char full[PATH_MAX];

	if (path[0] == '/' || path[strcspn(path, ":/")] == ':' ||
	    snprintf(full, sizeof(full), "%s/%s", script_folder(), path) >=
	    (int)sizeof(full))
		return path;
	if (access(full, F_OK) == -1 && access(path, F_OK) == 0 &&
	    realpath(path, full) == NULL)
		return path;
	return lua_pushstring(L, full);
}

static int feed_new(lua_State *L)
{
	static const char *const orders[] = { "sequential", "shuffled",
		"random", "unique", NULL };
	static const char *const ends[] = { "default", "wrap", "stop", "wait",
		NULL };
	static const struct args_field fields[] = {
		{ "order", ARGS_CHOICE, offsetof(struct options, order),
		  orders, NULL },
		{ "finish", ARGS_CHOICE, offsetof(struct options, end), ends,
		  NULL },
		{ "separator", ARGS_STRING, offsetof(struct options,
		  separator), NULL, NULL },
		{ "columns", ARGS_STRING, offsetof(struct options,
		  args.columns), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct options o = { .args.size = sizeof(o.args) };
	const char *path = luaL_checkstring(L, 1);
	struct feed *f;

	if (run_now() || event_running())
		return luaL_error(L, "swarm.feed() belongs outside of tasks");
	args_read(L, 2, "swarm.feed", fields, &o);
	o.args.path = beside(L, path);
	o.args.order = (enum swarm_feed_order)o.order;
	o.args.end = (enum swarm_feed_end)o.end;
	if (o.separator && strlen(o.separator) != 1)
		return luaL_error(L, "swarm.feed: the separator is one byte");
	o.args.separator = o.separator ? o.separator[0] : '\0';
	f = lua_newuserdatauv(L, sizeof(*f), 1);
	f->feed = swarm_feed_open(&o.args);
	if (!f->feed)
		return luaL_error(L, "cannot use %s", path);
	luaL_setmetatable(L, FEED);
	lua_newtable(L);
	lua_setiuservalue(L, -2, 1);
	return 1;
}

static int feed_rows(lua_State *L)
{
	const struct feed *f = luaL_checkudata(L, 1, FEED);

	lua_pushinteger(L, (lua_Integer)swarm_feed_rows(f->feed));
	return 1;
}

/* ---- the next row ---- */

struct next {
	struct swarm_feed *feed;
	struct swarm_row row;
	bool got;
};

static void do_next(struct run *r)
{
	struct next *n = (void *)r->space;

	n->got = swarm_feed_next(n->feed, r->user, &n->row) == 0;
}

static int next_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct next *n = run_resumed(L, ctx);
	struct row *row;

	(void)status;
	if (!n->got)
		return 0;
	row = lua_newuserdatauv(L, sizeof(*row), 1);
	row->row = n->row;
	luaL_setmetatable(L, ROW);
	lua_pushvalue(L, 1);
	lua_setiuservalue(L, -2, 1);
	return 1;
}

static int feed_next(lua_State *L)
{
	const struct feed *f = luaL_checkudata(L, 1, FEED);
	struct next *n = run_begin(L, sizeof(*n));

	n->feed = f->feed;
	return run_wait(L, do_next, next_done);
}

/* ---- its values ---- */

/* The number of the column named by the value at index 2. */
static int column_of(lua_State *L)
{
	const struct feed *f;
	int column;

	lua_getiuservalue(L, 1, 1);
	f = lua_touserdata(L, -1);
	lua_getiuservalue(L, -1, 1);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, -2) == LUA_TNUMBER)
		return (int)lua_tointeger(L, -1);
	column = swarm_feed_column(f->feed, lua_tostring(L, 2));
	if (column == -1)
		luaL_error(L, "there is no column \"%s\"", lua_tostring(L,
		    2));
	lua_pop(L, 1);
	lua_pushvalue(L, 2);
	lua_pushinteger(L, column);
	lua_rawset(L, -3);
	return column;
}

/* row.name: a string, or nil. */
static int row_index(lua_State *L)
{
	const struct row *row = luaL_checkudata(L, 1, ROW);
	const struct run *r = run_current(L);
	struct swarm_span span;

	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	span = swarm_field(r->user, &row->row, column_of(L));
	if (!span.data)
		return 0;
	lua_pushlstring(L, span.data, span.len);
	return 1;
}

/* #row: its number in the file, from 1. */
static int row_number(lua_State *L)
{
	const struct row *row = luaL_checkudata(L, 1, ROW);

	lua_pushinteger(L, (lua_Integer)row->row.number + 1);
	return 1;
}

int feed_open(lua_State *L)
{
	static const luaL_Reg methods[] = { { "next", feed_next },
		{ "rows", feed_rows }, { NULL, NULL } };
	static const luaL_Reg of_row[] = { { "__index", row_index },
		{ "__len", row_number }, { NULL, NULL } };

	args_type(L, FEED, methods);
	luaL_newmetatable(L, ROW);
	luaL_setfuncs(L, of_row, 0);
	lua_pushliteral(L, ROW);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	lua_pushcfunction(L, feed_new);
	lua_setfield(L, -2, "feed");
	return 0;
}
