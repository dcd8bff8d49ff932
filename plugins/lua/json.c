/*
 * json.encode() and json.decode(), on jansson.  null is json.null; a table
 * with a first element is an array, one without is an object, and json.array()
 * marks one that may be empty.
 */
#include "own.h"

#include <jansson.h>
#include <math.h>

#define DEPTH_MAX 100
#define ARRAY "swarm.array"

/* ---- Lua to JSON ---- */

static json_t *to_json(lua_State *L, int depth, const char **wrong);

static bool is_array(lua_State *L)
{
	bool marked = false;

	if (lua_getmetatable(L, -1)) {
		luaL_getmetatable(L, ARRAY);
		marked = lua_rawequal(L, -1, -2);
		lua_pop(L, 2);
	}
	return marked || lua_rawlen(L, -1) > 0;
}

static json_t *array_to_json(lua_State *L, int depth, const char **wrong)
{
	size_t n = lua_rawlen(L, -1);
	json_t *array = json_array();

	for (size_t i = 1; i <= n && !*wrong; i++) {
		lua_rawgeti(L, -1, (lua_Integer)i);
		json_array_append_new(array, to_json(L, depth + 1, wrong));
		lua_pop(L, 1);
	}
	return array;
}

static json_t *object_to_json(lua_State *L, int depth, const char **wrong)
{
	json_t *object = json_object();

	lua_pushnil(L);
	while (!*wrong && lua_next(L, -2)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			*wrong = "a key that is no string";
		else if (json_object_set_new(object, lua_tostring(L, -2),
		    to_json(L, depth + 1, wrong)) == -1 && !*wrong)
			*wrong = "a key that is no UTF-8";
		lua_pop(L, 1);
	}
	return object;
}

static json_t *table_to_json(lua_State *L, int depth, const char **wrong)
{
	int top = lua_gettop(L);
	json_t *value;

	if (depth > DEPTH_MAX || !lua_checkstack(L, 8)) {
		*wrong = "tables that nest too deep";
		return NULL;
	}
	value = is_array(L) ? array_to_json(L, depth, wrong) :
	    object_to_json(L, depth, wrong);
	lua_settop(L, top);
	return value;
}

static json_t *number_to_json(lua_State *L, const char **wrong)
{
	double n = lua_tonumber(L, -1);

	if (lua_isinteger(L, -1))
		return json_integer(lua_tointeger(L, -1));
	if (!isfinite(n)) {
		*wrong = "a number that is not finite";
		return NULL;
	}
	return json_real(n);
}

/* The value at the top; NULL, with *wrong said, when it cannot be. */
static json_t *to_json(lua_State *L, int depth, const char **wrong)
{
	json_t *value = NULL;
	const char *s;
	size_t len;

	switch (lua_type(L, -1)) {
	case LUA_TSTRING:
		s = lua_tolstring(L, -1, &len);
		value = json_stringn(s, len);
		if (!value)
			*wrong = "a string that is no UTF-8";
		return value;
	case LUA_TNUMBER:
		return number_to_json(L, wrong);
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(L, -1));
	case LUA_TTABLE:
		return table_to_json(L, depth, wrong);
	case LUA_TLIGHTUSERDATA:
		if (!lua_touserdata(L, -1))
			return json_null();
		break;
	default:
		break;
	}
	*wrong = "a function or another value that JSON has not";
	return NULL;
}

static int push_bytes(const char *data, size_t len, void *buffer)
{
	luaL_addlstring(buffer, data, len);
	return 0;
}

/* Protected, because jansson's memory is to be freed when Lua's runs out. */
static int dump(lua_State *L)
{
	const json_t *value = lua_touserdata(L, 1);
	luaL_Buffer b;

	luaL_buffinit(L, &b);
	json_dump_callback(value, push_bytes, &b, JSON_COMPACT |
	    JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	luaL_pushresult(&b);
	return 1;
}

const char *json_push_text(lua_State *L, int index)
{
	const char *wrong = NULL;
	json_t *value;
	int rc;

	lua_pushvalue(L, index);
	value = to_json(L, 0, &wrong);
	lua_pop(L, 1);
	if (wrong) {
		json_decref(value);
		luaL_error(L, "JSON cannot hold %s", wrong);
	}
	lua_pushcfunction(L, dump);
	lua_pushlightuserdata(L, value);
	rc = lua_pcall(L, 1, 1, 0);
	json_decref(value);
	if (rc != LUA_OK)
		lua_error(L);
	return lua_tostring(L, -1);
}

/* ---- JSON to Lua ---- */

static void push_json(lua_State *L, const json_t *value);

static void push_object(lua_State *L, const json_t *value)
{
	const char *key;
	json_t *member;

	lua_createtable(L, 0, (int)json_object_size(value));
	/* The macro's own cast takes the const away. */
	json_object_foreach((json_t *)(uintptr_t)value, key, member) {
		lua_pushstring(L, key);
		push_json(L, member);
		lua_rawset(L, -3);
	}
}

static void push_array(lua_State *L, const json_t *value)
{
	size_t n = json_array_size(value);

	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		push_json(L, json_array_get(value, i));
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	luaL_setmetatable(L, ARRAY);
}

static void push_json(lua_State *L, const json_t *value)
{
	luaL_checkstack(L, 8, "JSON that nests too deep");
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		push_object(L, value);
		break;
	case JSON_ARRAY:
		push_array(L, value);
		break;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(value),
		    json_string_length(value));
		break;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(value));
		break;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(value));
		break;
	case JSON_NULL:
		lua_pushlightuserdata(L, NULL);
		break;
	}
}

static int push_protected(lua_State *L)
{
	push_json(L, lua_touserdata(L, 1));
	return 1;
}

int json_push_value(lua_State *L, const char *text, size_t len)
{
	json_error_t error;
	json_t *value = json_loadb(text, len, JSON_DECODE_ANY |
	    JSON_ALLOW_NUL, &error);
	int rc;

	if (!value) {
		lua_pushnil(L);
		lua_pushfstring(L, "line %d, column %d: %s", error.line,
		    error.column, error.text);
		return 2;
	}
	lua_pushcfunction(L, push_protected);
	lua_pushlightuserdata(L, value);
	rc = lua_pcall(L, 1, 1, 0);
	json_decref(value);
	return rc == LUA_OK ? 1 : lua_error(L);
}

/* ---- */

static int json_encode(lua_State *L)
{
	luaL_checkany(L, 1);
	json_push_text(L, 1);
	return 1;
}

static int json_decode(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);

	return json_push_value(L, text, len);
}

static int json_mark_array(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	luaL_setmetatable(L, ARRAY);
	return 1;
}

int json_open(lua_State *L)
{
	static const luaL_Reg functions[] = { { "encode", json_encode },
		{ "decode", json_decode }, { "array", json_mark_array },
		{ NULL, NULL } };

	luaL_newmetatable(L, ARRAY);
	lua_pushliteral(L, "array");
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "null");
	return 1;
}
