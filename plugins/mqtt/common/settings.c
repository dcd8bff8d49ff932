/*
 * Checks arguments before anything is sent, so that a scenario's mistake gets
 * a text that names it, and copies those that a reconnect needs again into
 * one piece of memory.
 */
#include "settings.h"

#include <swarm/log.h>
#include <swarm/user.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const void *settings_payload(const char *text, const void *data, size_t *len)
{
	if (text) {
		*len = strlen(text);
		return text;
	}
	if (!data)
		*len = 0;
	return data;
}

const char *settings_no_connack(const struct settings *s)
{
	return s->url.tls ? "closed before the CONNACK" :
	    "closed before the CONNACK: a port for TLS?";
}

/* ---- checks ---- */

const char *settings_check_topic(const char *topic)
{
	const char *p = topic;

	if (!topic || !*topic)
		return "no topic";
	/* Once over it, for each publish: strpbrk() would build a table. */
	while (*p && *p != '+' && *p != '#')
		p++;
	if (*p)
		return "a topic with a wildcard, as only filters have";
	if (p - topic > MQTT_TOPIC_MAX)
		return "topic longer than 65535 bytes";
	return NULL;
}

const char *settings_check_filter(const char *filter)
{
	const char *hash;

	if (!filter || !*filter)
		return "no topic filter";
	if (strlen(filter) > MQTT_TOPIC_MAX)
		return "topic filter longer than 65535 bytes";
	hash = strchr(filter, '#');
	if (hash && (hash[1] || (hash > filter && hash[-1] != '/')))
		return "topic filter: # must be alone in the last level";
	for (const char *p = filter; (p = strchr(p, '+')); p++) {
		if ((p > filter && p[-1] != '/') || (p[1] && p[1] != '/'))
			return "topic filter: + must be alone in its level";
	}
	return NULL;
}

static const char *check_properties(const struct mqtt_property *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!p[i].name || !p[i].value)
			return "user property without a name or a value";
		if (strlen(p[i].name) > 65535 || strlen(p[i].value) > 65535)
			return "user property longer than 65535 bytes";
	}
	return NULL;
}

static const char *check_text(const char *s)
{
	return s && strlen(s) > 65535 ? "a text is longer than 65535 bytes" :
	    NULL;
}

const char *settings_check_publish(const struct mqtt_publish_args *a,
    int version)
{
	const char *why = settings_check_topic(a->topic);

	if (why)
		return why;
	if (a->qos < 0 || a->qos > 2)
		return "QoS must be 0, 1 or 2";
	if (a->len > MQTT_PACKET_MAX)
		return "payload larger than 16 MiB";
	if (version < 5)
		return NULL;
	if (a->correlation_len > 65535)
		return "correlation data longer than 65535 bytes";
	why = a->response_topic ? settings_check_topic(a->response_topic) :
	    NULL;
	if (!why)
		why = check_text(a->content_type);
	return why ? why : check_properties(a->properties, a->property_count);
}

const char *settings_check_subscribe(const struct mqtt_subscribe_args *a,
    int version)
{
	const char *why = settings_check_filter(a->filter);

	if (why)
		return why;
	if (a->qos < 0 || a->qos > 2)
		return "QoS must be 0, 1 or 2";
	if (version < 5)
		return NULL;
	if (a->subscription_id > 268435455)
		return "subscription identifier above 268435455";
	if ((unsigned)a->retain_handling > MQTT_RETAIN_NEVER)
		return "retain handling must be 0, 1 or 2";
	return check_properties(a->properties, a->property_count);
}

static const char *check_will(const struct mqtt_will *w)
{
	const char *why = settings_check_topic(w->topic);

	if (why)
		return why;
	if (w->qos < 0 || w->qos > 2)
		return "will QoS must be 0, 1 or 2";
	if (w->len > 65535 || w->correlation_len > 65535)
		return "will larger than 65535 bytes";
	why = w->response_topic ? settings_check_topic(w->response_topic) :
	    NULL;
	if (!why)
		why = check_text(w->content_type);
	return why ? why : check_properties(w->properties, w->property_count);
}

static const char *check_connect(const struct mqtt_connect_args *a)
{
	const char *why = check_text(a->client_id);

	if (a->version != 4 && a->version != 5)
		return "version must be 4 (3.1.1) or 5";
	if (a->keepalive > 65535 || a->keepalive < MQTT_NO_KEEPALIVE)
		return "keepalive must be at most 65535 seconds";
	if (a->version == 4 && a->password && !a->username)
		return "MQTT 3.1.1 has no password without a user name";
	if (a->version == 4 && a->keep_session && a->client_id &&
	    !*a->client_id)
		return "MQTT 3.1.1 keeps no session without a client id";
	if (a->password_len > 65535 || a->auth_len > 65535)
		return "password longer than 65535 bytes";
	if (a->version < 5 && a->auth_method)
		return "enhanced authentication needs version 5";
	if (a->auth_method && !a->auth_step)
		return "auth_method without auth_step";
	if (!why)
		why = check_text(a->username);
	if (!why)
		why = check_properties(a->properties, a->property_count);
	if (!why && a->will)
		why = check_will(a->will);
	return why;
}

/* ---- the copy ---- */

/* Measures when `to` is NULL, copies else; one walk serves both. */
struct copier {
	char *to;
	size_t used;
};

static const void *keep(struct copier *c, const void *data, size_t len)
{
	char *at = c->to ? c->to + c->used : NULL;

	c->used += len;
	if (!at)
		return data;
	if (len)
		memcpy(at, data, len);
	return at;
}

static const char *keep_text(struct copier *c, const char *s)
{
	return s ? keep(c, s, strlen(s) + 1) : NULL;
}

static void align(struct copier *c)
{
	size_t to = _Alignof(max_align_t);

	c->used = (c->used + to - 1) & ~(to - 1);
}

static const struct mqtt_property *keep_properties(struct copier *c,
    const struct mqtt_property *from, size_t n)
{
	struct mqtt_property *p;

	if (n == 0)
		return NULL;
	align(c);
	p = (struct mqtt_property *)(uintptr_t)keep(c, from, n * sizeof *from);
	for (size_t i = 0; i < n; i++) {
		const char *name = keep_text(c, from[i].name);
		const char *value = keep_text(c, from[i].value);

		if (c->to)
			p[i] = (struct mqtt_property){ name, value };
	}
	return p;
}

static const struct mqtt_will *keep_will(struct copier *c,
    const struct mqtt_will *from)
{
	struct mqtt_will *at, w = *from;

	align(c);
	at = (struct mqtt_will *)(uintptr_t)keep(c, from,
	    sizeof w);
	w.topic = keep_text(c, w.topic);
	w.data = keep(c, w.data, w.len);
	w.content_type = keep_text(c, w.content_type);
	w.response_topic = keep_text(c, w.response_topic);
	if (w.correlation)
		w.correlation = keep(c, w.correlation, w.correlation_len);
	w.properties = keep_properties(c, w.properties, w.property_count);
	if (c->to)
		*at = w;
	return at;
}

static const struct mqtt_tls *keep_tls(struct copier *c,
    const struct mqtt_tls *from)
{
	struct mqtt_tls *at, t = *from;

	align(c);
	at = (struct mqtt_tls *)(uintptr_t)keep(c, from,
	    sizeof t);
	t.ca_file = keep_text(c, t.ca_file);
	t.cert_file = keep_text(c, t.cert_file);
	t.key_file = keep_text(c, t.key_file);
	t.server_name = keep_text(c, t.server_name);
	t.alpn = keep_text(c, t.alpn);
	t.min_version = keep_text(c, t.min_version);
	t.max_version = keep_text(c, t.max_version);
	t.ciphers = keep_text(c, t.ciphers);
	if (c->to)
		*at = t;
	return at;
}

static void keep_args(struct copier *c, struct mqtt_connect_args *a)
{
	a->url = NULL;
	a->client_id = keep_text(c, a->client_id);
	a->username = keep_text(c, a->username);
	if (a->password)
		a->password = keep(c, a->password, a->password_len);
	a->source = keep_text(c, a->source);
	a->name = keep_text(c, a->name);
	a->auth_method = keep_text(c, a->auth_method);
	if (a->auth)
		a->auth = keep(c, a->auth, a->auth_len);
	if (a->will)
		a->will = keep_will(c, a->will);
	if (a->tls)
		a->tls = keep_tls(c, a->tls);
	a->properties = keep_properties(c, a->properties, a->property_count);
}

/* ---- defaults ---- */

/* Clients of two runs, or of two workers, must not share a session. */
static uint32_t run_number(void)
{
	static uint32_t number;

	while (number == 0) {
		if (getrandom(&number, sizeof number, 0) != sizeof number)
			number = (uint32_t)swarm_now() | 1;
	}
	return number;
}

static void fill_in(struct mqtt_connect_args *a,
    const struct settings_defaults *d)
{
	if (a->version == 0)
		a->version = d->version;
	if (a->keepalive == 0)
		a->keepalive = d->keepalive ? d->keepalive :
		    MQTT_NO_KEEPALIVE;
	if (a->inflight == 0)
		a->inflight = d->inflight ? d->inflight : 1;
	if (a->inflight > 65535)
		a->inflight = 65535;
	if (a->timeout <= 0)
		a->timeout = d->timeout;
	if (!a->username && *d->username)
		a->username = d->username;
	if (!a->password && *d->password && a->username)
		a->password = d->password;
	if (a->password && a->password_len == 0)
		a->password_len = strlen(a->password);
	if (a->max_packet_size == 0 || a->max_packet_size > MQTT_PACKET_MAX)
		a->max_packet_size = MQTT_PACKET_MAX;
	if (a->receive_maximum == 0)
		a->receive_maximum = 65535;
	if (a->reconnect_min > 0 && a->reconnect_max < a->reconnect_min)
		a->reconnect_max = 64 * a->reconnect_min;
	if (!a->tls)
		a->tls = &d->tls;
	if (!a->name)
		a->name = "connect";
}

static struct settings *copy_of(const struct mqtt_connect_args *a,
    const struct url *url)
{
	struct copier c = { NULL, sizeof(struct settings) };
	struct mqtt_connect_args args = *a;
	struct settings *s;

	keep_args(&c, &args);
	s = malloc(c.used);
	if (!s)
		return NULL;
	c.to = (char *)s;
	c.used = sizeof *s;
	s->args = *a;
	s->url = *url;
	s->version = a->version;
	keep_args(&c, &s->args);
	return s;
}

struct settings *settings_new(struct swarm_user *u,
    const struct mqtt_connect_args *from, const struct settings_defaults *d,
    const char **why)
{
	struct mqtt_connect_args a;
	struct mqtt_will will;
	struct mqtt_tls tls;
	struct settings *s;
	struct url url;
	char id[32];

	sized_copy(&a, sizeof a, from, from->size);
	if (a.will) {
		sized_copy(&will, sizeof will, a.will, a.will->size);
		will.data = settings_payload(will.text, will.data, &will.len);
		will.text = NULL;
		a.will = &will;
	}
	if (a.tls) {
		sized_copy(&tls, sizeof tls, a.tls, a.tls->size);
		a.tls = &tls;
	}
	fill_in(&a, d);
	if (!a.client_id) {
		snprintf(id, sizeof id, "swarm-%08x-%u", run_number(),
		    swarm_user_id(u));
		a.client_id = id;
	}
	errno = EINVAL;
	*why = check_connect(&a);
	if (*why)
		return NULL;
	if (!a.url)
		a.url = swarm_host(u);
	*why = "no target: give --host mqtt://HOST";
	if (!*a.url || url_parse(&url, a.url, why) == -1)
		return NULL;
	s = copy_of(&a, &url);
	*why = "out of memory";
	return s;
}
