/*
 * require "llm": chats with language models, of the interface swarm.http/1.
 * How an answer came is a result, not an error.
 */
#define SWARM_IMPORT_BY_HAND
#include "own.h"

#include <swarm/llm.h>

#define MESSAGES_MAX 1000

struct call {
	struct llm_args args;
	const struct llm_answer *answer;
};

/* The member `name` of the table at the top, copied. */
static const char *member(lua_State *L, const char *name)
{
	const char *text;

	if (lua_getfield(L, -1, name) != LUA_TSTRING)
		luaL_error(L, "messages: each is { role = \"user\", content = "
		    "\"...\" }");
	text = args_copy(L, -1);
	lua_pop(L, 1);
	return text;
}

static void read_messages(lua_State *L, void *args)
{
	struct llm_message *list;
	size_t n;

	if (!lua_istable(L, -1))
		luaL_error(L, "messages: a list of { role = \"user\", content "
		    "= \"...\" }");
	n = lua_rawlen(L, -1);
	if (n == 0 || n > MESSAGES_MAX)
		luaL_error(L, "messages: 1 to %d", MESSAGES_MAX);
	list = swarm_alloc(run_current(L)->user, (n + 1) * sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TTABLE)
			luaL_error(L, "messages: %d is a %s, and no table",
			    (int)i + 1, luaL_typename(L, -1));
		list[i].role = member(L, "role");
		list[i].content = member(L, "content");
		lua_pop(L, 1);
	}
	list[n] = (struct llm_message){ NULL, NULL };
	((struct llm_args *)args)->messages = list;
}

/* More members of the request: a table, or JSON as text. */
static void read_extra(lua_State *L, void *args)
{
	((struct llm_args *)args)->extra = lua_type(L, -1) == LUA_TSTRING ?
	    lua_tostring(L, -1) : json_push_text(L, -1);
}

static void do_chat(struct run *r)
{
	struct call *c = (void *)r->space;

	c->answer = http_api_->chat(r->user, &c->args);
}

/* Seconds; absent when there was none. */
static void put_seconds(lua_State *L, const char *name, int64_t ns)
{
	if (ns < 0)
		return;
	lua_pushnumber(L, (double)ns / 1e9);
	lua_setfield(L, -2, name);
}

static int answered(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);
	const struct llm_answer *a = c->answer;

	(void)status;
	lua_createtable(L, 0, 12);
	lua_pushboolean(L, a->error == NULL);
	lua_setfield(L, -2, "ok");
	lua_pushstring(L, a->error);
	lua_setfield(L, -2, "error");
	lua_pushinteger(L, a->response->status);
	lua_setfield(L, -2, "status");
	lua_pushlstring(L, a->text, a->len);
	lua_setfield(L, -2, "text");
	lua_pushinteger(L, a->tokens);
	lua_setfield(L, -2, "tokens");
	lua_pushinteger(L, a->prompt_tokens);
	lua_setfield(L, -2, "prompt_tokens");
	lua_pushstring(L, a->finish_reason);
	lua_setfield(L, -2, "finish_reason");
	lua_pushnumber(L, a->tokens_per_second);
	lua_setfield(L, -2, "tokens_per_second");
	put_seconds(L, "first_byte", a->first_byte);
	put_seconds(L, "first_token", a->first_token);
	put_seconds(L, "last_token", a->last_token);
	return 1;
}

#define AT(field) offsetof(struct llm_args, field)

/* chat{ prompt = "..." } or chat{ messages = { ... } } */
static int llm_chat_(lua_State *L)
{
	static const struct args_field fields[] = {
		{ "model", ARGS_STRING, AT(model), NULL, NULL },
		{ "prompt", ARGS_STRING, AT(prompt), NULL, NULL },
		{ "messages", ARGS_OWN, 0, NULL, read_messages },
		{ "max_tokens", ARGS_INT, AT(max_tokens), NULL, NULL },
		{ "extra", ARGS_OWN, 0, NULL, read_extra },
		{ "whole", ARGS_FLAG, AT(whole), NULL, NULL },
		{ "path", ARGS_STRING, AT(path), NULL, NULL },
		{ "name", ARGS_STRING, AT(name), NULL, NULL },
		{ "key", ARGS_STRING, AT(key), NULL, NULL },
		{ "timeout", ARGS_NUMBER, AT(timeout), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = run_begin(L, sizeof(*c));

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	c->args.size = sizeof(c->args);
	args_read(L, 1, "llm.chat", fields, &c->args);
	if (!c->args.prompt && !c->args.messages)
		return luaL_error(L, "llm.chat: a prompt or messages are "
		    "missing");
	return run_wait(L, do_chat, answered);
}

static int open_library(lua_State *L)
{
	static const luaL_Reg functions[] = { { "chat", llm_chat_ },
		{ NULL, NULL } };

	luaL_newlib(L, functions);
	return 1;
}

struct protocol llm_protocol = { "llm", &http_api_import, open_library,
	false };
