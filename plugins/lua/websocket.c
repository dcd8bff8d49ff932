/*
 * require "websocket": the interface swarm.websocket/1.  A socket belongs to
 * its user and ends with it.  What fails is a result: nil or false, and why.
 */
#define SWARM_IMPORT_BY_HAND
#include "own.h"

#include <swarm/websocket.h>

#include <string.h>

#define SOCKET      "websocket"
#define HEADERS_MAX 100

struct call {
	struct ws *w;
	union {
		struct ws_connect_args connect;
		struct ws_send_args send;
		struct ws_await_args await;
		struct ws_request_args request;
		struct ws_close_args close;
	} args;
	int64_t deadline;
	double seconds;
	int rc;
	const struct ws_message *message;
};

static struct call *begin(lua_State *L)
{
	struct ws *w = handle_of(L, SOCKET);
	struct call *c = run_begin(L, sizeof(*c));

	c->w = w;
	return c;
}

static int over(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);

	(void)status;
	lua_pushboolean(L, c->rc == 0);
	if (c->rc == 0)
		return 1;
	lua_pushstring(L, ws_api_->error(c->w));
	return 2;
}

/* The text; nil and why. */
static int got(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);

	(void)status;
	if (c->message) {
		lua_pushlstring(L, c->message->data, c->message->len);
		lua_pushboolean(L, c->message->binary);
	} else {
		lua_pushnil(L);
		lua_pushstring(L, ws_api_->error(c->w));
	}
	return 2;
}

/* ---- connect ---- */

#define CONNECT(field) offsetof(struct ws_connect_args, field)

static void read_headers(lua_State *L, void *args)
{
	struct ws_connect_args *a = args;
	struct ws_header *list = swarm_alloc(run_current(L)->user,
	    HEADERS_MAX * sizeof(*list));

	if (!lua_istable(L, -1))
		luaL_error(L, "headers: a table { name = value }");
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING ||
		    a->header_count == HEADERS_MAX)
			luaL_error(L, "headers: a table { name = value } of "
			    "at most %d", HEADERS_MAX);
		list[a->header_count].name = args_copy(L, -2);
		list[a->header_count++].value = args_copy(L, -1);
	}
	a->headers = list;
}

static void do_connect(struct run *r)
{
	struct call *c = (void *)r->space;

	c->w = ws_api_->connect(r->user, &c->args.connect);
}

static int connected(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);

	(void)status;
	handle_push(L, SOCKET, c->w);
	return 1;
}

static int ws_connect_(lua_State *L)
{
	static const struct args_field fields[] = {
		{ "url", ARGS_STRING, CONNECT(url), NULL, NULL },
		{ "path", ARGS_STRING, CONNECT(path), NULL, NULL },
		{ "protocols", ARGS_STRING, CONNECT(protocols), NULL, NULL },
		{ "headers", ARGS_OWN, 0, NULL, read_headers },
		{ "cookies", ARGS_STRING, CONNECT(cookies), NULL, NULL },
		{ "origin", ARGS_STRING, CONNECT(origin), NULL, NULL },
		{ "timeout", ARGS_NUMBER, CONNECT(timeout), NULL, NULL },
		{ "ping_interval", ARGS_NUMBER, CONNECT(ping_interval), NULL,
		  NULL },
		{ "reconnect_min", ARGS_NUMBER, CONNECT(reconnect_min), NULL,
		  NULL },
		{ "reconnect_max", ARGS_NUMBER, CONNECT(reconnect_max), NULL,
		  NULL },
		{ "name", ARGS_STRING, CONNECT(name), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = run_begin(L, sizeof(*c));

	lua_settop(L, 1);
	c->args.connect.size = sizeof(c->args.connect);
	args_read(L, 1, "websocket.connect", fields, &c->args.connect);
	return run_wait(L, do_connect, connected);
}

/* ---- send ---- */

static void do_send(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = ws_api_->send(c->w, &c->args.send);
}

/* What goes as text ends at a NUL. */
static const char *checked_text(lua_State *L, const char *s, size_t len)
{
	if (strlen(s) != len)
		luaL_error(L, "a text with a NUL in it: send it with "
		    "binary = true");
	return s;
}

static int socket_send(lua_State *L)
{
	static const struct args_field fields[] = {
		{ "binary", ARGS_FLAG, offsetof(struct ws_send_args, binary),
		  NULL, NULL },
		{ "timeout", ARGS_NUMBER, offsetof(struct ws_send_args,
		  timeout), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = begin(L);
	struct ws_send_args *a = &c->args.send;
	const char *data;
	size_t len;

	lua_settop(L, 3);
	a->size = sizeof(*a);
	data = luaL_checklstring(L, 2, &len);
	args_read(L, 3, "send", fields, a);
	if (a->binary) {
		a->data = data;
		a->len = len;
	} else {
		a->text = checked_text(L, data, len);
	}
	return run_wait(L, do_send, over);
}

/* ---- receive, await, request ---- */

static void do_receive(struct run *r)
{
	struct call *c = (void *)r->space;

	c->message = ws_api_->receive(c->w, c->deadline);
}

static int socket_receive(lua_State *L)
{
	int64_t deadline = handle_deadline(L, 2);

	begin(L)->deadline = deadline;
	return run_wait(L, do_receive, got);
}

#define MATCH(type) \
	{ "match", ARGS_STRING, offsetof(type, match.text), NULL, NULL }, \
	{ "contains", ARGS_STRING, offsetof(type, match.contains), NULL, \
	  NULL }, \
	{ "regex", ARGS_STRING, offsetof(type, match.regex), NULL, NULL }, \
	{ "json", ARGS_STRING, offsetof(type, match.json), NULL, NULL }, \
	{ "equals", ARGS_STRING, offsetof(type, match.equals), NULL, NULL }, \
	{ "timeout", ARGS_NUMBER, offsetof(type, timeout), NULL, NULL }, \
	{ "name", ARGS_STRING, offsetof(type, name), NULL, NULL }

static void do_await(struct run *r)
{
	struct call *c = (void *)r->space;

	c->message = ws_api_->await(c->w, &c->args.await);
}

static int socket_await(lua_State *L)
{
	static const struct args_field fields[] = {
		MATCH(struct ws_await_args), { NULL, 0, 0, NULL, NULL } };
	struct call *c = begin(L);

	lua_settop(L, 2);
	c->args.await.size = sizeof(c->args.await);
	args_read(L, 2, "await", fields, &c->args.await);
	return run_wait(L, do_await, got);
}

static void do_request(struct run *r)
{
	struct call *c = (void *)r->space;

	c->message = ws_api_->request(c->w, &c->args.request);
}

static int socket_request(lua_State *L)
{
	static const struct args_field fields[] = {
		MATCH(struct ws_request_args), { NULL, 0, 0, NULL, NULL } };
	struct call *c = begin(L);
	const char *data;
	size_t len;

	lua_settop(L, 3);
	c->args.request.size = sizeof(c->args.request);
	data = luaL_checklstring(L, 2, &len);
	c->args.request.text = checked_text(L, data, len);
	args_read(L, 3, "request", fields, &c->args.request);
	return run_wait(L, do_request, got);
}

/* ---- the rest ---- */

static void do_ping(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = ws_api_->ping(c->w, c->seconds);
}

static int socket_ping(lua_State *L)
{
	double seconds = luaL_optnumber(L, 2, 0);

	begin(L)->seconds = seconds;
	return run_wait(L, do_ping, over);
}

static void do_close(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = ws_api_->close(c->w, &c->args.close);
}

static int socket_close(lua_State *L)
{
	static const struct args_field fields[] = {
		{ "code", ARGS_INT, offsetof(struct ws_close_args, code),
		  NULL, NULL },
		{ "reason", ARGS_STRING, offsetof(struct ws_close_args,
		  reason), NULL, NULL },
		{ "timeout", ARGS_NUMBER, offsetof(struct ws_close_args,
		  timeout), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = begin(L);

	lua_settop(L, 2);
	c->args.close.size = sizeof(c->args.close);
	args_read(L, 2, "close", fields, &c->args.close);
	return run_wait(L, do_close, over);
}

static void do_reconnect(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = ws_api_->reconnect(c->w);
}

static int socket_reconnect(lua_State *L)
{
	begin(L);
	return run_wait(L, do_reconnect, over);
}

static int socket_connected(lua_State *L)
{
	lua_pushboolean(L, ws_api_->connected(handle_of(L, SOCKET)));
	return 1;
}

static int open_library(lua_State *L)
{
	static const luaL_Reg functions[] = { { "connect", ws_connect_ },
		{ NULL, NULL } };
	static const luaL_Reg methods[] = { { "send", socket_send },
		{ "receive", socket_receive }, { "await", socket_await },
		{ "request", socket_request }, { "ping", socket_ping },
		{ "close", socket_close }, { "reconnect", socket_reconnect },
		{ "connected", socket_connected }, { NULL, NULL } };

	args_type(L, SOCKET, methods);
	luaL_newlib(L, functions);
	return 1;
}

struct protocol websocket_protocol = { "websocket", &ws_api_import,
	open_library, false };
