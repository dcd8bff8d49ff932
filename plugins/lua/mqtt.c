/*
 * require "mqtt": the interface swarm.mqtt/1.  A client belongs to its user
 * and ends with it.  What fails is a result: false and why.
 */
#define SWARM_IMPORT_BY_HAND
#include "own.h"

#include <swarm/mqtt.h>

#define CLIENT "mqtt client"

struct call {
	struct mqtt *m;
	union {
		struct mqtt_connect_args connect;
		struct mqtt_publish_args publish;
		struct mqtt_subscribe_args subscribe;
		struct mqtt_unsubscribe_args unsubscribe;
		struct mqtt_disconnect_args disconnect;
	} args;
	struct mqtt_will will;
	struct mqtt_tls tls;
	int64_t deadline;
	double seconds;
	int rc;
	const struct mqtt_message *message;
};

static struct call *begin(lua_State *L)
{
	struct mqtt *m = handle_of(L, CLIENT);
	struct call *c = run_begin(L, sizeof(*c));

	c->m = m;
	return c;
}

/* true, or false and why. */
static int push_result(lua_State *L, const struct call *c)
{
	lua_pushboolean(L, c->rc >= 0);
	if (c->rc >= 0)
		return 1;
	lua_pushstring(L, mqtt_api_->reason_text(c->m));
	return 2;
}

static int over(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	return push_result(L, run_resumed(L, ctx));
}

/* ---- connect ---- */

#define CONNECT(field) offsetof(struct call, args.connect.field)
#define WILL(field)    offsetof(struct mqtt_will, field)
#define TLS(field)     offsetof(struct mqtt_tls, field)

static void read_will(lua_State *L, void *args)
{
	static const struct args_field fields[] = {
		{ "topic", ARGS_STRING, WILL(topic), NULL, NULL },
		{ "text", ARGS_STRING, WILL(text), NULL, NULL },
		{ "qos", ARGS_INT, WILL(qos), NULL, NULL },
		{ "retain", ARGS_FLAG, WILL(retain), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = args;

	c->will.size = sizeof(c->will);
	args_read(L, lua_gettop(L), "will", fields, &c->will);
	c->args.connect.will = &c->will;
}

static void read_tls(lua_State *L, void *args)
{
	static const struct args_field fields[] = {
		{ "ca_file", ARGS_STRING, TLS(ca_file), NULL, NULL },
		{ "cert_file", ARGS_STRING, TLS(cert_file), NULL, NULL },
		{ "key_file", ARGS_STRING, TLS(key_file), NULL, NULL },
		{ "insecure", ARGS_FLAG, TLS(insecure), NULL, NULL },
		{ "server_name", ARGS_STRING, TLS(server_name), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = args;

	c->tls.size = sizeof(c->tls);
	args_read(L, lua_gettop(L), "tls", fields, &c->tls);
	c->args.connect.tls = &c->tls;
}

static void do_connect(struct run *r)
{
	struct call *c = (void *)r->space;

	c->m = mqtt_api_->connect(r->user, &c->args.connect);
}

static int connected(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);

	(void)status;
	handle_push(L, CLIENT, c->m);
	return 1;
}

static int mqtt_connect_(lua_State *L)
{
	static const struct args_field fields[] = {
		{ "url", ARGS_STRING, CONNECT(url), NULL, NULL },
		{ "client_id", ARGS_STRING, CONNECT(client_id), NULL, NULL },
		{ "username", ARGS_STRING, CONNECT(username), NULL, NULL },
		{ "password", ARGS_STRING, CONNECT(password), NULL, NULL },
		{ "version", ARGS_INT, CONNECT(version), NULL, NULL },
		{ "keepalive", ARGS_INT, CONNECT(keepalive), NULL, NULL },
		{ "keep_session", ARGS_FLAG, CONNECT(keep_session), NULL,
		  NULL },
		{ "timeout", ARGS_NUMBER, CONNECT(timeout), NULL, NULL },
		{ "reconnect_min", ARGS_NUMBER, CONNECT(reconnect_min), NULL,
		  NULL },
		{ "reconnect_max", ARGS_NUMBER, CONNECT(reconnect_max), NULL,
		  NULL },
		{ "name", ARGS_STRING, CONNECT(name), NULL, NULL },
		{ "will", ARGS_OWN, 0, NULL, read_will },
		{ "tls", ARGS_OWN, 0, NULL, read_tls },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = run_begin(L, sizeof(*c));

	lua_settop(L, 1);
	c->args.connect.size = sizeof(c->args.connect);
	args_read(L, 1, "mqtt.connect", fields, c);
	return run_wait(L, do_connect, connected);
}

/* ---- publish, subscribe ---- */

#define PUBLISH(field)   offsetof(struct mqtt_publish_args, field)
#define SUBSCRIBE(field) offsetof(struct mqtt_subscribe_args, field)

static void do_publish(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = mqtt_api_->publish(c->m, &c->args.publish);
}

/* publish(topic, data, args) */
static int client_publish(lua_State *L)
{
	static const struct args_field fields[] = {
		{ "qos", ARGS_INT, PUBLISH(qos), NULL, NULL },
		{ "retain", ARGS_FLAG, PUBLISH(retain), NULL, NULL },
		{ "async", ARGS_FLAG, PUBLISH(async), NULL, NULL },
		{ "timeout", ARGS_NUMBER, PUBLISH(timeout), NULL, NULL },
		{ "name", ARGS_STRING, PUBLISH(name), NULL, NULL },
		{ "content_type", ARGS_STRING, PUBLISH(content_type), NULL,
		  NULL },
		{ "response_topic", ARGS_STRING, PUBLISH(response_topic),
		  NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = begin(L);
	struct mqtt_publish_args *a = &c->args.publish;

	lua_settop(L, 4);
	a->size = sizeof(*a);
	a->topic = luaL_checkstring(L, 2);
	a->data = luaL_optlstring(L, 3, "", &a->len);
	args_read(L, 4, "publish", fields, a);
	return run_wait(L, do_publish, over);
}

static void do_subscribe(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = mqtt_api_->subscribe(c->m, &c->args.subscribe);
}

static int client_subscribe(lua_State *L)
{
	static const struct args_field fields[] = {
		{ "qos", ARGS_INT, SUBSCRIBE(qos), NULL, NULL },
		{ "timeout", ARGS_NUMBER, SUBSCRIBE(timeout), NULL, NULL },
		{ "name", ARGS_STRING, SUBSCRIBE(name), NULL, NULL },
		{ "no_local", ARGS_FLAG, SUBSCRIBE(no_local), NULL, NULL },
		{ NULL, 0, 0, NULL, NULL } };
	struct call *c = begin(L);
	struct mqtt_subscribe_args *a = &c->args.subscribe;

	lua_settop(L, 3);
	a->size = sizeof(*a);
	a->filter = luaL_checkstring(L, 2);
	args_read(L, 3, "subscribe", fields, a);
	return run_wait(L, do_subscribe, over);
}

static void do_unsubscribe(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = mqtt_api_->unsubscribe(c->m, &c->args.unsubscribe);
}

static int client_unsubscribe(lua_State *L)
{
	struct call *c = begin(L);

	c->args.unsubscribe.size = sizeof(c->args.unsubscribe);
	c->args.unsubscribe.filter = luaL_checkstring(L, 2);
	return run_wait(L, do_unsubscribe, over);
}

/* ---- receive ---- */

static void do_receive(struct run *r)
{
	struct call *c = (void *)r->space;

	c->message = mqtt_api_->receive(c->m, c->deadline);
}

/* A table, or nil after the timeout or when the connection is lost. */
static int received(lua_State *L, int status, lua_KContext ctx)
{
	const struct call *c = run_resumed(L, ctx);
	const struct mqtt_message *m = c->message;

	(void)status;
	if (!m)
		return 0;
	lua_createtable(L, 0, 5);
	lua_pushstring(L, m->topic);
	lua_setfield(L, -2, "topic");
	lua_pushlstring(L, m->data, m->len);
	lua_setfield(L, -2, "data");
	lua_pushinteger(L, m->qos);
	lua_setfield(L, -2, "qos");
	lua_pushboolean(L, m->retain);
	lua_setfield(L, -2, "retain");
	lua_pushnumber(L, (double)m->received / 1e9);
	lua_setfield(L, -2, "received");
	return 1;
}

static int client_receive(lua_State *L)
{
	int64_t deadline = handle_deadline(L, 2);

	begin(L)->deadline = deadline;
	return run_wait(L, do_receive, received);
}

/* ---- the rest ---- */

static void do_flush(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = mqtt_api_->flush(c->m, c->deadline);
}

static int client_flush(lua_State *L)
{
	int64_t deadline = handle_deadline(L, 2);

	begin(L)->deadline = deadline;
	return run_wait(L, do_flush, over);
}

static void do_ping(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = mqtt_api_->ping(c->m, c->seconds);
}

static int client_ping(lua_State *L)
{
	double seconds = luaL_optnumber(L, 2, 0);

	begin(L)->seconds = seconds;
	return run_wait(L, do_ping, over);
}

static void do_disconnect(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = mqtt_api_->disconnect(c->m, &c->args.disconnect);
}

static int client_disconnect(lua_State *L)
{
	struct call *c = begin(L);

	c->args.disconnect.size = sizeof(c->args.disconnect);
	return run_wait(L, do_disconnect, over);
}

static void do_reconnect(struct run *r)
{
	struct call *c = (void *)r->space;

	c->rc = mqtt_api_->reconnect(c->m);
}

static int client_reconnect(lua_State *L)
{
	begin(L);
	return run_wait(L, do_reconnect, over);
}

static void do_free(struct run *r)
{
	const struct call *c = (void *)r->space;

	mqtt_api_->free(c->m);
}

static int freed(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	run_resumed(L, ctx);
	return 0;
}

static int client_free(lua_State *L)
{
	begin(L);
	handle_take(L, CLIENT);
	return run_wait(L, do_free, freed);
}

static int client_connected(lua_State *L)
{
	lua_pushboolean(L, mqtt_api_->connected(handle_of(L, CLIENT)));
	return 1;
}

static int open_library(lua_State *L)
{
	static const luaL_Reg functions[] = { { "connect", mqtt_connect_ },
		{ NULL, NULL } };
	static const luaL_Reg methods[] = { { "publish", client_publish },
		{ "subscribe", client_subscribe },
		{ "unsubscribe", client_unsubscribe },
		{ "receive", client_receive }, { "flush", client_flush },
		{ "ping", client_ping }, { "disconnect", client_disconnect },
		{ "reconnect", client_reconnect }, { "free", client_free },
		{ "connected", client_connected }, { NULL, NULL } };

	args_type(L, CLIENT, methods);
	luaL_newlib(L, functions);
	return 1;
}

struct protocol mqtt_protocol = { "mqtt", &mqtt_api_import, open_library,
	false };
