/*
 * require "grpc": the interface swarm.grpc/1.  Messages are tables, by way of
 * JSON; what the server's reflection or the plugin's options say makes
 * protobuf of them.  A channel belongs to its user and ends with it, as its
 * streams do.  How a call ended is a result, not an error.
 */
#define SWARM_IMPORT_BY_HAND
#include "own.h"

#include <swarm/grpc.h>

#include <string.h>

#define CHANNEL "grpc channel"
#define STREAM  "grpc stream"
#define PAIRS_MAX 100

struct call {
	struct rpc *channel;
	struct rpc_call *stream;
	union {
		struct rpc_connect_args connect;
		struct rpc_call_args call;
		struct rpc_send_args send;
	} args;
	struct rpc_tls tls;
	int64_t deadline;
	int rc;
	const struct rpc_reply *reply;
	const struct rpc_message *message;
	const char *json;               /* of one of them; NULL: none */
};

/* ---- arguments ---- */

/* A table, or JSON as text, at `index`; the text stays on the stack. */
static const char *message_text(lua_State *L, int index)
{
	if (lua_isnoneornil(L, index))
		return "{}";
	if (lua_type(L, index) == LUA_TSTRING)
		return lua_tostring(L, index);
	return json_push_text(L, index);
}

/* { key = value } at the top. */
static const struct rpc_metadata *read_pairs(lua_State *L, size_t *count)
{
	struct rpc_metadata *list = swarm_alloc(run_current(L)->user,
	    PAIRS_MAX * sizeof(*list));

	if (!lua_istable(L, -1))
		luaL_error(L, "metadata: a table { key = value }");
	*count = 0;
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING || *count == PAIRS_MAX)
			luaL_error(L, "metadata: a table { key = value } of "
			    "at most %d", PAIRS_MAX);
		list[*count] = (struct rpc_metadata){
			.key = args_copy(L, -2), .value = args_copy(L, -1) };
		list[(*count)++].len = lua_rawlen(L, -1);
	}
	return list;
}

static void read_metadata(lua_State *L, void *args)
{
	struct rpc_call_args *a = args;

	a->metadata = read_pairs(L, &a->metadata_count);
}

static void read_expect(lua_State *L, void *args)
{
	struct rpc_call_args *a = args;

	for (int code = 0; code <= RPC_UNAUTHENTICATED; code++)
		if (lua_type(L, -1) == LUA_TSTRING && strcmp(
		    rpc_api_->code_name(code), lua_tostring(L, -1)) == 0)
			a->expect |= RPC_EXPECT(code);
	if (!a->expect)
		luaL_error(L, "expect: a code's name, as NOT_FOUND");
}

#define CALL(field) offsetof(struct rpc_call_args, field)

static const struct args_field call_fields[] = {
	{ "metadata", ARGS_OWN, 0, NULL, read_metadata },
	{ "timeout", ARGS_NUMBER, CALL(timeout), NULL, NULL },
	{ "compression", ARGS_STRING, CALL(compression), NULL, NULL },
	{ "wait_for_ready", ARGS_FLAG, CALL(wait_for_ready), NULL, NULL },
	{ "authority", ARGS_STRING, CALL(authority), NULL, NULL },
	{ "expect", ARGS_OWN, 0, NULL, read_expect },
	{ "name", ARGS_STRING, CALL(name), NULL, NULL },
	{ "key_field", ARGS_STRING, CALL(key_field), NULL, NULL },
	{ NULL, 0, 0, NULL, NULL },
};

/* ---- connect ---- */

#define CONNECT(field) offsetof(struct call, args.connect.field)
#define TLS(field)     offsetof(struct rpc_tls, field)

static void read_tls(lua_State *L, void *args)
{
	static const struct args_field fields[] = {
		{ "ca_file", ARGS_STRING, TLS(ca_file), NULL, NULL },
		{ "cert_file", ARGS_STRING, TLS(cert_file), NULL, NULL },
		{ "key_file", ARGS_STRING, TLS(key_file), NULL, NULL },
		{ "server_name", ARGS_STRING, TLS(server_name), NULL, NULL },
		{ "insecure", ARGS_FLAG, TLS(insecure), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = args;

	c->tls.size = sizeof(c->tls);
	args_read(L, lua_gettop(L), "tls", fields, &c->tls);
	c->args.connect.tls = &c->tls;
}

static void read_channel_metadata(lua_State *L, void *args)
{
	struct rpc_connect_args *a = &((struct call *)args)->args.connect;

	a->metadata = read_pairs(L, &a->metadata_count);
}

static void do_connect(struct run *r)
{
	struct call *c = (void *)r->space;

	c->channel = rpc_api_->connect(r->user, &c->args.connect);
}

static int connected(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);

	(void)status;
	handle_push(L, CHANNEL, c->channel);
	return 1;
}

static int grpc_connect_(lua_State *L)
{
	static const struct args_field fields[] = {
		{ "target", ARGS_STRING, CONNECT(target), NULL, NULL },
		{ "share", ARGS_INT, CONNECT(share), NULL, NULL },
		{ "tls", ARGS_OWN, 0, NULL, read_tls },
		{ "authority", ARGS_STRING, CONNECT(authority), NULL, NULL },
		{ "timeout", ARGS_NUMBER, CONNECT(timeout), NULL, NULL },
		{ "keepalive", ARGS_NUMBER, CONNECT(keepalive), NULL, NULL },
		{ "compression", ARGS_STRING, CONNECT(compression), NULL,
		  NULL },
		{ "metadata", ARGS_OWN, 0, NULL, read_channel_metadata },
		{ "lazy", ARGS_FLAG, CONNECT(lazy), NULL, NULL },
		{ "name", ARGS_STRING, CONNECT(name), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = run_begin(L, sizeof(*c));

	lua_settop(L, 1);
	c->args.connect.size = sizeof(c->args.connect);
	args_read(L, 1, "grpc.connect", fields, c);
	return run_wait(L, do_connect, connected);
}

/* ---- replies ---- */

static void push_json(lua_State *L, const char *text)
{
	if (!text)
		lua_pushnil(L);
	else if (json_push_value(L, text, strlen(text)) == 2)
		lua_pop(L, 1);          /* why it is none */
}

/* { ok = ..., code = "OK", message = ..., value = ..., time = ... } */
static int replied(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);
	const struct rpc_reply *r = c->reply;

	(void)status;
	lua_createtable(L, 0, 5);
	lua_pushboolean(L, r->code == RPC_OK);
	lua_setfield(L, -2, "ok");
	lua_pushstring(L, rpc_api_->code_name((int)r->code));
	lua_setfield(L, -2, "code");
	lua_pushstring(L, r->message);
	lua_setfield(L, -2, "message");
	push_json(L, c->json);
	lua_setfield(L, -2, "value");
	lua_pushnumber(L, (double)r->duration / 1e9);
	lua_setfield(L, -2, "time");
	return 1;
}

/* ---- calls ---- */

static struct call *begin_call(lua_State *L)
{
	struct rpc *channel = handle_of(L, CHANNEL);
	struct call *c = run_begin(L, sizeof(*c));

	c->channel = channel;
	c->args.call.size = sizeof(c->args.call);
	c->args.call.method = luaL_checkstring(L, 2);
	return c;
}

static void do_call(struct run *r)
{
	struct call *c = (void *)r->space;

	c->reply = rpc_api_->unary(c->channel, &c->args.call);
	c->json = rpc_api_->reply_json(c->reply);
}

/* call(method, message, args) */
static int channel_call(lua_State *L)
{
	struct call *c = begin_call(L);

	lua_settop(L, 4);
	c->args.call.json = message_text(L, 3);
	args_read(L, 4, "call", call_fields, &c->args.call);
	return run_wait(L, do_call, replied);
}

static void do_open(struct run *r)
{
	struct call *c = (void *)r->space;

	c->stream = rpc_api_->open(c->channel, &c->args.call);
}

/* nil and why when there is none. */
static int opened(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);

	(void)status;
	if (c->stream) {
		handle_push(L, STREAM, c->stream);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, rpc_api_->error(c->channel));
	return 2;
}

/* open(method, args): a stream; of key_field its messages are matched by. */
static int channel_open(lua_State *L)
{
	struct call *c = begin_call(L);

	lua_settop(L, 3);
	args_read(L, 3, "open", call_fields, &c->args.call);
	if (c->args.call.key_field)
		c->args.call.match = RPC_MATCH_KEY;
	return run_wait(L, do_open, opened);
}

/* ---- streams ---- */

static struct call *begin_stream(lua_State *L)
{
	struct rpc_call *stream = handle_of(L, STREAM);
	struct call *c = run_begin(L, sizeof(*c));

	c->stream = stream;
	return c;
}

static int over(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);

	(void)status;
	lua_pushboolean(L, c->rc == 0);
	return 1;
}

static void do_send(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = rpc_api_->send(c->stream, &c->args.send);
}

static int stream_send(lua_State *L)
{
	struct call *c = begin_stream(L);

	lua_settop(L, 2);
	c->args.send.size = sizeof(c->args.send);
	c->args.send.json = message_text(L, 2);
	return run_wait(L, do_send, over);
}

static void do_end(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = rpc_api_->end(c->stream);
}

static int stream_end(lua_State *L)
{
	begin_stream(L);
	return run_wait(L, do_end, over);
}

static void do_receive(struct run *r)
{
	struct call *c = (void *)r->space;

	c->message = rpc_api_->receive(c->stream, c->deadline);
	if (c->message)
		c->json = rpc_api_->message_json(c->message);
}

/* The message; nil at the end or after the timeout. */
static int received(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);

	(void)status;
	push_json(L, c->message ? c->json : NULL);
	return 1;
}

static int stream_receive(lua_State *L)
{
	int64_t deadline = handle_deadline(L, 2);

	begin_stream(L)->deadline = deadline;
	return run_wait(L, do_receive, received);
}

static void do_finish(struct run *r)
{
	struct call *c = (void *)r->space;

	c->reply = rpc_api_->finish(c->stream);
}

static int stream_finish(lua_State *L)
{
	begin_stream(L);
	handle_take(L, STREAM);
	return run_wait(L, do_finish, replied);
}

/* ---- */

static int open_library(lua_State *L)
{
	static const luaL_Reg functions[] = { { "connect", grpc_connect_ },
		{ NULL, NULL } };
	static const luaL_Reg of_channel[] = { { "call", channel_call },
		{ "open", channel_open }, { NULL, NULL } };
	static const luaL_Reg of_stream[] = { { "send", stream_send },
		{ "done", stream_end }, { "receive", stream_receive },
		{ "finish", stream_finish }, { NULL, NULL } };

	args_type(L, CHANNEL, of_channel);
	args_type(L, STREAM, of_stream);
	luaL_newlib(L, functions);
	return 1;
}

struct protocol grpc_protocol = { "grpc", &rpc_api_import, open_library,
	false };
