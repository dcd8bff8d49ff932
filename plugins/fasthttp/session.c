/*
 * Users keep connections, not buffers: what an idle one costs is the kernel's
 * socket, a stream and a struct connection.  Servers and targets are interned
 * for the worker, so that finding a connection compares pointers.
 */
#include "session.h"

#include "url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int slot;
static struct origin *origins;
static size_t origin_count;
static struct base *bases;

static void forget(struct swarm_user *u, void *data)
{
	struct session *s = data;
	struct kept_session *kept;
	struct header *h;

	(void)u;
	session_close_idle(s);
	while ((kept = s->kept) != NULL) {
		s->kept = kept->next;
		swarm_tls_session_free(kept->session);
		free(kept);
	}
	while ((h = s->headers) != NULL) {
		s->headers = h->next;
		free(h->name);
		free(h->value);
		free(h);
	}
	jar_clear(&s->jar);
}

void session_load(void)
{
	slot = swarm_slot_new(sizeof(struct session), forget);
}

struct session *session_of(struct swarm_user *u)
{
	return swarm_slot(u, slot);
}

/* ---- servers ---- */

static char *copy(const char *text, size_t len)
{
	char *s = malloc(len + 1);

	if (!s)
		return NULL;
	memcpy(s, text, len);
	s[len] = '\0';
	return s;
}

struct origin *session_origin(const struct url *u, const char **why)
{
	char header[URL_HOST_MAX + 16];
	struct origin *o;

	for (o = origins; o; o = o->next) {
		if (o->https == u->https && o->port == u->port &&
		    strncasecmp(o->host, u->host, u->host_len) == 0 &&
		    o->host[u->host_len] == '\0')
			return o;
	}
	*why = "more different servers than 4096";
	if (origin_count >= ORIGINS_MAX)
		return NULL;
	*why = "its host is too long";
	if (url_host_header(u, header, sizeof header) == 0)
		return NULL;
	*why = "out of memory";
	o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->https = u->https;
	o->port = u->port;
	o->host = copy(u->host, u->host_len);
	o->header = copy(header, strlen(header));
	if (!o->host || !o->header) {
		free(o->host);
		free(o->header);
		free(o);
		return NULL;
	}
	o->next = origins;
	origins = o;
	origin_count++;
	return o;
}

struct base *session_base(const char *text, const char **why)
{
	struct origin *origin;
	struct base *b;
	struct url u;

	for (b = bases; b; b = b->next) {
		if (strcmp(b->text, text) == 0)
			return b;
	}
	if (url_parse(text, &u, why) == -1)
		return NULL;
	origin = session_origin(&u, why);
	if (!origin)
		return NULL;
	*why = "out of memory";
	b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->text = copy(text, strlen(text));
	if (!b->text) {
		free(b);
		return NULL;
	}
	b->origin = origin;
	b->prefix = b->text + (u.path - text);
	b->prefix_len = strcspn(b->prefix, "?#");
	if (b->prefix_len == 1)
		b->prefix_len = 0;
	if (u.user) {
		b->user = b->text + (u.user - text);
		b->user_len = u.user_len;
	}
	b->next = bases;
	bases = b;
	return b;
}

struct base *session_target(struct swarm_user *u, struct session *s,
    const char **why)
{
	const char *host;

	if (s->base && !s->host)
		return s->base;         /* http_set_base() */
	host = swarm_host(u);
	if (s->host == host)
		return s->base;
	*why = "no target: give --host http://... or the user class a .host";
	if (*host == '\0')
		return NULL;
	s->base = session_base(host, why);
	s->host = s->base ? host : NULL;
	return s->base;
}

void session_release(void)
{
	struct origin *o;
	struct base *b;

	while ((o = origins) != NULL) {
		origins = o->next;
		free(o->host);
		free(o->header);
		free(o);
	}
	origin_count = 0;
	while ((b = bases) != NULL) {
		bases = b->next;
		free(b->text);
		free(b);
	}
}

/* ---- connections ---- */

struct connection *session_take(struct session *s, struct origin *origin)
{
	struct connection **at = &s->idle, *c;

	while ((c = *at) != NULL) {
		if (c->origin != origin) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		if (!swarm_stream_stale(c->stream))
			return c;
		session_drop(c);
	}
	return NULL;
}

void session_keep(struct session *s, struct connection *c)
{
	c->next = s->idle;
	s->idle = c;
}

void session_drop(struct connection *c)
{
	if (!c)
		return;
	swarm_close(c->stream);
	free(c);
}

void session_close_idle(struct session *s)
{
	struct connection *c;

	while ((c = s->idle) != NULL) {
		s->idle = c->next;
		session_drop(c);
	}
}

struct swarm_tls_session **session_tls(struct session *s,
    struct origin *origin)
{
	struct kept_session *k;

	for (k = s->kept; k; k = k->next) {
		if (k->origin == origin)
			return &k->session;
	}
	k = calloc(1, sizeof *k);
	if (!k)
		return NULL;            /* then without resumption */
	k->origin = origin;
	k->next = s->kept;
	s->kept = k;
	return &k->session;
}

/* ---- default headers ---- */

void session_set_header(struct session *s, const char *name,
    const char *value)
{
	struct header **at = &s->headers, *h;

	while ((h = *at) != NULL) {
		if (strcasecmp(h->name, name) != 0) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		free(h->name);
		free(h->value);
		free(h);
	}
	if (!value)
		return;
	h = calloc(1, sizeof *h);
	if (!h)
		return;
	h->name = strdup(name);
	h->value = strdup(value);
	if (!h->name || !h->value) {
		free(h->name);
		free(h->value);
		free(h);
		return;
	}
	*at = h;
}
