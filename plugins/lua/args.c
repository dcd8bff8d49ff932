/*
 * Named arguments: a Lua table read into a struct by a list of fields.  The
 * table is walked, not asked for each field that there might be, because most
 * calls give two or three of twenty.
 */
#include "own.h"

#include <limits.h>
#include <string.h>

static const struct args_field *find(const struct args_field *fields,
    const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static void wrong(lua_State *L, const char *what, const char *name,
    const char *wanted)
{
	luaL_error(L, "%s: \"%s\" must be %s, and is a %s", what, name, wanted,
	    luaL_typename(L, -1));
}

/* The string at the top, which C will read up to a NUL. */
static const char *text(lua_State *L, const char *what, const char *name)
{
	size_t len;
	const char *s;

	if (!lua_isstring(L, -1))
		wrong(L, what, name, "a string");
	s = lua_tolstring(L, -1, &len);
	if (strlen(s) != len)
		luaL_error(L, "%s: \"%s\" has a NUL in it", what, name);
	return s;
}

static int64_t whole(lua_State *L, const char *what, const char *name,
    int64_t least, int64_t most)
{
	int is_whole;
	lua_Integer n = lua_tointegerx(L, -1, &is_whole);

	if (!is_whole)
		wrong(L, what, name, "a whole number");
	if (n < least || n > most)
		luaL_error(L, "%s: \"%s\" is out of its range", what, name);
	return n;
}

static int choose(lua_State *L, const char *what, const struct args_field *f)
{
	const char *word = lua_type(L, -1) == LUA_TSTRING ?
	    lua_tostring(L, -1) : NULL;
	luaL_Buffer b;

	for (int i = 0; word && f->words[i]; i++)
		if (strcmp(f->words[i], word) == 0)
			return i;
	luaL_buffinit(L, &b);
	for (int i = 0; f->words[i]; i++) {
		if (i > 0)
			luaL_addstring(&b, ", ");
		luaL_addstring(&b, f->words[i]);
	}
	luaL_pushresult(&b);
	return luaL_error(L, "%s: \"%s\" is one of %s", what, f->name,
	    lua_tostring(L, -1));
}

/* The value is at the top; a number that a string is wanted of is converted
 * where it lies. */
static void store(lua_State *L, const char *what, const struct args_field *f,
    void *args)
{
	char *at = (char *)args + f->offset;

	switch (f->kind) {
	case ARGS_STRING:
		*(const char **)(void *)at = text(L, what, f->name);
		break;
	case ARGS_NUMBER:
		if (!lua_isnumber(L, -1))
			wrong(L, what, f->name, "a number");
		*(double *)(void *)at = lua_tonumber(L, -1);
		break;
	case ARGS_FLAG:
	case ARGS_NOT:
		if (!lua_isboolean(L, -1))
			wrong(L, what, f->name, "true or false");
		*(bool *)(void *)at = lua_toboolean(L, -1) ==
		    (f->kind == ARGS_FLAG);
		break;
	case ARGS_INT:
		*(int *)(void *)at = (int)whole(L, what, f->name, INT_MIN,
		    INT_MAX);
		break;
	case ARGS_INT64:
		*(int64_t *)(void *)at = whole(L, what, f->name, INT64_MIN,
		    INT64_MAX);
		break;
	case ARGS_CHOICE:
		*(int *)(void *)at = choose(L, what, f);
		break;
	case ARGS_OWN:
		f->own(L, args);
		break;
	}
}

void args_read(lua_State *L, int table, const char *what,
    const struct args_field *fields, void *args)
{
	int key;

	if (lua_isnoneornil(L, table))
		return;
	if (!lua_istable(L, table))
		luaL_error(L, "%s: a table of arguments was expected, as "
		    "{ name = value }, and not a %s", what,
		    luaL_typename(L, table));
	lua_pushnil(L);
	while (lua_next(L, table)) {
		const struct args_field *f = lua_type(L, -2) == LUA_TSTRING ?
		    find(fields, lua_tostring(L, -2)) : NULL;

		if (!f)
			luaL_error(L, "%s: there is no argument \"%s\"", what,
			    luaL_tolstring(L, -2, NULL));
		key = lua_gettop(L) - 1;
		luaL_checkstack(L, 8, "too many arguments");
		store(L, what, f, args);
		/* On top again, for the walk to go on. */
		lua_pushvalue(L, key);
	}
}

char *args_copy(lua_State *L, int index)
{
	struct run *r = run_current(L);
	size_t len;
	const char *s = lua_tolstring(L, index, &len);
	char *copy;

	if (!s)
		luaL_error(L, "a string was expected, and not a %s",
		    luaL_typename(L, index));
	copy = swarm_alloc(r->user, len + 1);
	return memcpy(copy, s, len + 1);
}

void args_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
	luaL_newmetatable(L, name);
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_setfield(L, -2, "__index");
	lua_pushstring(L, name);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}
