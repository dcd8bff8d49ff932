/*
 * require "http": the interface swarm.http/1, whoever provides it.  A
 * response lives until its task returns; one that a script keeps for longer
 * says so when it is used.
 */
#define SWARM_IMPORT_BY_HAND
#include "own.h"

#include <swarm/http.h>

#include <limits.h>
#include <string.h>

#define RESPONSE "swarm.http.response"
#define LIST_MAX 1000                   /* headers, fields of a query */
#define BATCH_MAX 1000

struct response {
	struct http_response *r;
	uint64_t serial;                /* of the task it belongs to */
};

/* ---- arguments ---- */

/* { name = value } at the top, copied; false takes a header away. */
static const struct http_field *read_fields(lua_State *L)
{
	struct run *r = run_current(L);
	struct http_field *fields;
	size_t n = 0;

	if (!lua_istable(L, -1))
		luaL_error(L, "a table { name = value } was expected, and "
		    "not a %s", luaL_typename(L, -1));
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
		n++;
	if (n > LIST_MAX)
		luaL_error(L, "more than %d fields", LIST_MAX);
	fields = swarm_alloc(r->user, (n + 1) * sizeof(*fields));
	n = 0;
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "a table { name = value } was expected, "
			    "and not a list");
		fields[n].name = args_copy(L, -2);
		fields[n++].value = lua_type(L, -1) == LUA_TBOOLEAN &&
		    !lua_toboolean(L, -1) ? NULL : args_copy(L, -1);
	}
	fields[n] = (struct http_field){ NULL, NULL };
	return fields;
}

static void read_headers(lua_State *L, void *args)
{
	((struct http_args *)args)->headers = read_fields(L);
}

static void read_query(lua_State *L, void *args)
{
	((struct http_args *)args)->query = read_fields(L);
}

static void read_form(lua_State *L, void *args)
{
	((struct http_args *)args)->form = read_fields(L);
}

static void read_body(lua_State *L, void *args)
{
	struct http_args *a = args;

	if (!lua_isstring(L, -1))
		luaL_error(L, "http: \"body\" must be a string, and is a %s",
		    luaL_typename(L, -1));
	a->body = lua_tolstring(L, -1, &a->body_len);
}

/* A JSON text, or anything that becomes one. */
static void read_json(lua_State *L, void *args)
{
	struct http_args *a = args;

	if (lua_type(L, -1) != LUA_TSTRING) {
		json_push_text(L, -1);
		lua_replace(L, -2);
	}
	a->json = lua_tostring(L, -1);
}

#define AT(field) offsetof(struct http_args, field)

static const struct args_field fields[] = {
	{ "method", ARGS_STRING, AT(method), NULL, NULL },
	{ "path", ARGS_STRING, AT(path), NULL, NULL },
	{ "name", ARGS_STRING, AT(name), NULL, NULL },
	{ "headers", ARGS_OWN, 0, NULL, read_headers },
	{ "query", ARGS_OWN, 0, NULL, read_query },
	{ "body", ARGS_OWN, 0, NULL, read_body },
	{ "json", ARGS_OWN, 0, NULL, read_json },
	{ "form", ARGS_OWN, 0, NULL, read_form },
	{ "timeout", ARGS_NUMBER, AT(timeout), NULL, NULL },
	{ "expect", ARGS_STRING, AT(expect), NULL, NULL },
	{ "catch_response", ARGS_FLAG, AT(catch_response), NULL, NULL },
	{ "discard", ARGS_FLAG, AT(discard), NULL, NULL },
	{ "redirects", ARGS_NOT, AT(no_redirects), NULL, NULL },
	{ "user", ARGS_STRING, AT(user), NULL, NULL },
	{ "password", ARGS_STRING, AT(password), NULL, NULL },
	{ "bearer", ARGS_STRING, AT(bearer), NULL, NULL },
	{ "auth", ARGS_STRING, AT(auth), NULL, NULL },
	{ "measure", ARGS_FLAG, AT(measure), NULL, NULL },
	{ NULL, 0, 0, NULL, NULL },
};

/* ---- requests ---- */

struct exchange {
	struct http_args args;
	bool opens;                     /* only up to the headers */
	struct http_response *response;
};

static void push_response(lua_State *L, struct http_response *r)
{
	struct response *p = lua_newuserdatauv(L, sizeof(*p), 0);

	p->r = r;
	p->serial = run_current(L)->serial;
	luaL_setmetatable(L, RESPONSE);
}

static void do_exchange(struct run *r)
{
	struct exchange *x = (void *)r->space;

	x->response = (x->opens ? http_api_->open : http_api_->request)(
	    r->user, &x->args);
}

static int exchanged(lua_State *L, int status, lua_KContext ctx)
{
	const struct exchange *x = run_resumed(L, ctx);

	(void)status;
	push_response(L, x->response);
	return 1;
}

/* The path and, if there is one, the table behind it; or, with no method
 * given, only a table. */
static int request(lua_State *L, const char *method, bool opens)
{
	struct exchange *x = run_begin(L, sizeof(*x));
	int table = method ? 2 : 1;

	x->opens = opens;
	x->args.size = (uint32_t)sizeof(x->args);
	x->args.method = method;
	if (method)
		x->args.path = luaL_checkstring(L, 1);
	lua_settop(L, table);
	args_read(L, table, "http", fields, &x->args);
	if (!x->args.path)
		return luaL_error(L, "http: the path is missing");
	return run_wait(L, do_exchange, exchanged);
}

#define METHOD(name, text) \
	static int http_##name(lua_State *L) \
	{ \
		return request(L, text, false); \
	}

METHOD(get_, "GET")
METHOD(head_, "HEAD")
METHOD(post_, "POST")
METHOD(put_, "PUT")
METHOD(patch_, "PATCH")
METHOD(delete_, "DELETE")
METHOD(options_, "OPTIONS")
METHOD(request_, NULL)

static int http_open_(lua_State *L)
{
	return request(L, NULL, true);
}

/* ---- several at once ---- */

struct several {
	const struct http_args **args;
	struct http_response **responses;
	size_t count;
};

static void do_batch(struct run *r)
{
	const struct several *s = (void *)r->space;

	http_api_->batch(r->user, s->args, s->responses, s->count);
}

static int batch_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct several *s = run_resumed(L, ctx);

	(void)status;
	lua_createtable(L, (int)s->count, 0);
	for (size_t i = 0; i < s->count; i++) {
		push_response(L, s->responses[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* batch{ "/a", { path = "/b", ... } }: their responses, in that order. */
static int http_batch_(lua_State *L)
{
	struct several *s = run_begin(L, sizeof(*s));
	struct swarm_user *u = run_current(L)->user;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	s->count = lua_rawlen(L, 1);
	if (s->count == 0 || s->count > BATCH_MAX)
		return luaL_error(L, "http.batch: 1 to %d requests",
		    BATCH_MAX);
	s->args = swarm_alloc(u, s->count * sizeof(*s->args));
	s->responses = swarm_alloc(u, s->count * sizeof(*s->responses));
	for (size_t i = 0; i < s->count; i++) {
		struct http_args *a = swarm_alloc(u, sizeof(*a));

		*a = (struct http_args){ .size = (uint32_t)sizeof(*a) };
		luaL_checkstack(L, 8, "too many requests");
		lua_rawgeti(L, 1, (lua_Integer)i + 1);
		if (lua_type(L, -1) == LUA_TSTRING)
			a->path = lua_tostring(L, -1);
		else
			args_read(L, lua_gettop(L), "http", fields, a);
		if (!a->path)
			return luaL_error(L, "http.batch: request %d has no "
			    "path", (int)i + 1);
		s->args[i] = a;
		s->responses[i] = NULL;
	}
	return run_wait(L, do_batch, batch_done);
}

/* ---- responses ---- */

static struct http_response *response_of(lua_State *L)
{
	const struct response *p = luaL_checkudata(L, 1, RESPONSE);

	if (p->serial != run_current(L)->serial)
		luaL_error(L, "this response belongs to another task: keep "
		    "what you need of it, not the response");
	return p->r;
}

static void push_seconds(lua_State *L, int64_t ns)
{
	if (ns >= 0)
		lua_pushnumber(L, (double)ns / 1e9);
	else
		lua_pushnil(L);
}

static int push_times(lua_State *L, const struct http_times *t)
{
	const struct {
		const char *name;
		int64_t ns;
	} parts[] = { { "resolve", t->resolve }, { "connect", t->connect },
		{ "tls", t->tls }, { "wait", t->wait },
		{ "receive", t->receive }, { "total", t->total } };

	lua_createtable(L, 0, 6);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		push_seconds(L, parts[i].ns);
		lua_setfield(L, -2, parts[i].name);
	}
	return 1;
}

/* What is a field and no method; false: none of that name. */
static bool push_field(lua_State *L, const struct http_response *r,
    const char *name)
{
	if (strcmp(name, "status") == 0)
		lua_pushinteger(L, r->status);
	else if (strcmp(name, "ok") == 0)
		lua_pushboolean(L, r->error == NULL);
	else if (strcmp(name, "error") == 0)
		lua_pushstring(L, r->error);
	else if (strcmp(name, "body") == 0)
		lua_pushlstring(L, r->body, r->kept_len);
	else if (strcmp(name, "len") == 0)
		lua_pushinteger(L, (lua_Integer)r->len);
	else if (strcmp(name, "url") == 0)
		lua_pushstring(L, r->url);
	else if (strcmp(name, "redirects") == 0)
		lua_pushinteger(L, r->redirects);
	else if (strcmp(name, "version") == 0)
		lua_pushstring(L, r->version);
	else if (strcmp(name, "reused") == 0)
		lua_pushboolean(L, r->reused);
	else if (strcmp(name, "time") == 0)
		push_seconds(L, r->times.total);
	else if (strcmp(name, "times") == 0)
		push_times(L, &r->times);
	else
		return false;
	return true;
}

/* The methods are the upvalue. */
static int response_index(lua_State *L)
{
	const struct http_response *r = response_of(L);

	lua_settop(L, 2);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	if (lua_type(L, 2) != LUA_TSTRING ||
	    !push_field(L, r, lua_tostring(L, 2)))
		return luaL_error(L, "a response has no \"%s\"",
		    luaL_tolstring(L, 2, NULL));
	return 1;
}

static int response_header(lua_State *L)
{
	struct http_response *r = response_of(L);
	lua_Integer nth = luaL_optinteger(L, 3, 1);

	luaL_argcheck(L, nth >= 1 && nth <= UINT_MAX, 3, "from 1");
	lua_pushstring(L, http_api_->header(r, luaL_checkstring(L, 2),
	    (unsigned)nth - 1));
	return 1;
}

/* The whole body as a value; nil and a message when it is no JSON. */
static int response_json(lua_State *L)
{
	const struct http_response *r = response_of(L);

	return json_push_value(L, r->body, *r->body ? r->len : 0);
}

static int response_value(lua_State *L)
{
	struct http_response *r = response_of(L);

	lua_pushstring(L, http_api_->json(r, luaL_checkstring(L, 2)));
	return 1;
}

static int response_match(lua_State *L)
{
	struct http_response *r = response_of(L);
	lua_Integer group = luaL_optinteger(L, 3, 0);

	luaL_argcheck(L, group >= 0 && group <= 9, 3, "0 to 9");
	lua_pushstring(L, http_api_->match(r, luaL_checkstring(L, 2),
	    (unsigned)group));
	return 1;
}

static int response_between(lua_State *L)
{
	struct http_response *r = response_of(L);

	lua_pushstring(L, http_api_->between(r, luaL_checkstring(L, 2),
	    luaL_checkstring(L, 3)));
	return 1;
}

static int response_pass(lua_State *L)
{
	http_api_->mark_ok(response_of(L));
	return 0;
}

static int response_fail(lua_State *L)
{
	struct http_response *r = response_of(L);

	http_api_->mark_failed(r, "%s", luaL_checkstring(L, 2));
	return 0;
}

/* ---- open responses ---- */

struct reading {
	struct http_response *response;
	const char *data;
	int64_t len;
	struct http_event event;
	int rc;
};

static struct reading *begin_reading(lua_State *L)
{
	struct http_response *r = response_of(L);
	struct reading *p = run_begin(L, sizeof(*p));

	p->response = r;
	return p;
}

static void do_read(struct run *r)
{
	struct reading *p = (void *)r->space;

	p->len = http_api_->read(p->response, &p->data);
}

/* A piece; nil at the end, and nil with a message when it failed. */
static int read_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct reading *p = run_resumed(L, ctx);

	(void)status;
	if (p->len > 0) {
		lua_pushlstring(L, p->data, (size_t)p->len);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, p->len < 0 ? p->response->error : NULL);
	return 2;
}

static int response_read(lua_State *L)
{
	begin_reading(L);
	return run_wait(L, do_read, read_done);
}

static void do_event(struct run *r)
{
	struct reading *p = (void *)r->space;

	p->rc = http_api_->event(p->response, &p->event);
}

static int event_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct reading *p = run_resumed(L, ctx);

	(void)status;
	if (p->rc != 1) {
		lua_pushnil(L);
		lua_pushstring(L, p->rc < 0 ? p->response->error : NULL);
		return 2;
	}
	lua_createtable(L, 0, 3);
	lua_pushstring(L, p->event.event);
	lua_setfield(L, -2, "event");
	lua_pushlstring(L, p->event.data, p->event.len);
	lua_setfield(L, -2, "data");
	lua_pushstring(L, p->event.id);
	lua_setfield(L, -2, "id");
	return 1;
}

static int response_event(lua_State *L)
{
	begin_reading(L);
	return run_wait(L, do_event, event_done);
}

static void do_finish(struct run *r)
{
	struct reading *p = (void *)r->space;

	p->rc = http_api_->finish(p->response);
}

static int finish_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct reading *p = run_resumed(L, ctx);

	(void)status;
	lua_pushboolean(L, p->rc == 0);
	return 1;
}

static int response_finish(lua_State *L)
{
	begin_reading(L);
	return run_wait(L, do_finish, finish_done);
}

/* ---- the user's session ---- */

static int http_header_(lua_State *L)
{
	http_api_->set_header(run_current(L)->user, luaL_checkstring(L, 1),
	    luaL_optstring(L, 2, NULL));
	return 0;
}

static int http_base_(lua_State *L)
{
	http_api_->set_base(run_current(L)->user, luaL_checkstring(L, 1));
	return 0;
}

/* cookie(name): its value.  cookie(name, value), cookie(name, false). */
static int http_cookie_(lua_State *L)
{
	struct swarm_user *u = run_current(L)->user;
	const char *name = luaL_checkstring(L, 1);

	if (lua_isnoneornil(L, 2)) {
		lua_pushstring(L, http_api_->cookie(u, name));
		return 1;
	}
	http_api_->set_cookie(u, name, lua_isboolean(L, 2) &&
	    !lua_toboolean(L, 2) ? NULL : luaL_checkstring(L, 2));
	return 0;
}

static int http_forget_cookies_(lua_State *L)
{
	http_api_->set_cookie(run_current(L)->user, NULL, NULL);
	return 0;
}

static void do_close(struct run *r)
{
	http_api_->close(r->user);
}

static int close_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	run_resumed(L, ctx);
	return 0;
}

static int http_close_(lua_State *L)
{
	run_begin(L, 0);
	return run_wait(L, do_close, close_done);
}

/* ---- */

static int open_library(lua_State *L)
{
	static const luaL_Reg functions[] = { { "get", http_get_ },
		{ "head", http_head_ }, { "post", http_post_ },
		{ "put", http_put_ }, { "patch", http_patch_ },
		{ "delete", http_delete_ }, { "options", http_options_ },
		{ "request", http_request_ }, { "open", http_open_ },
		{ "batch", http_batch_ }, { "header", http_header_ },
		{ "base", http_base_ }, { "cookie", http_cookie_ },
		{ "forget_cookies", http_forget_cookies_ },
		{ "close", http_close_ }, { NULL, NULL } };
	static const luaL_Reg methods[] = { { "header", response_header },
		{ "json", response_json }, { "value", response_value },
		{ "match", response_match }, { "between", response_between },
		{ "pass", response_pass }, { "fail", response_fail },
		{ "read", response_read }, { "next_event", response_event },
		{ "finish", response_finish }, { NULL, NULL } };

	luaL_newmetatable(L, RESPONSE);
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_pushcclosure(L, response_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pushliteral(L, RESPONSE);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	return 1;
}

struct protocol http_protocol = { "http", &http_api_import, open_library,
	false };
