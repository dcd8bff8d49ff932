/*
 * Connections and their like: userdata that point at what a protocol's plugin
 * keeps for a user and frees with it.  A script may keep them for as long as
 * it likes, also where other users reach them, so each use asks whose it is.
 */
#include "own.h"

struct handle {
	void *p;                        /* NULL: freed */
	uint64_t owner;
};

void handle_push(lua_State *L, const char *type, void *p)
{
	struct handle *h = lua_newuserdatauv(L, sizeof(*h), 0);

	h->p = p;
	h->owner = run_current(L)->owner;
	luaL_setmetatable(L, type);
}

static struct handle *checked(lua_State *L, const char *type)
{
	struct handle *h = luaL_checkudata(L, 1, type);

	if (h->owner != run_current(L)->owner)
		luaL_error(L, "this %s belongs to another user", type);
	if (!h->p)
		luaL_error(L, "this %s was freed", type);
	return h;
}

void *handle_of(lua_State *L, const char *type)
{
	return checked(L, type)->p;
}

void *handle_take(lua_State *L, const char *type)
{
	struct handle *h = checked(L, type);
	void *p = h->p;

	h->p = NULL;
	return p;
}

int64_t handle_deadline(lua_State *L, int index)
{
	return lua_isnoneornil(L, index) ? SWARM_FOREVER :
	    swarm_in(luaL_checknumber(L, index));
}
