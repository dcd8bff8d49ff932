/*
 * One slot for what is common and what is the provider's own, so that a
 * request looks it up once.
 */
#include "person.h"

#include "answer.h"
#include "body.h"
#include "settings.h"
#include "target.h"

#include <swarm/log.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static int slot;
static void (*forget_own)(void *session);

static void free_header(struct header *h)
{
	free(h->name);
	free(h->value);
	free(h);
}

static void forget(struct swarm_user *u, void *data)
{
	struct person *p = data;
	struct header *h;

	(void)u;
	forget_own(data);
	while ((h = p->headers) != NULL) {
		p->headers = h->next;
		free_header(h);
	}
	jar_clear(&p->jar);
}

void person_load(size_t size, void (*own)(void *session))
{
	forget_own = own;
	slot = swarm_slot_new(size, forget);
}

void *person_of(struct swarm_user *u)
{
	return swarm_slot(u, slot);
}

/* ---- target ---- */

struct base *person_target(struct swarm_user *u, struct person *p,
    const char **why)
{
	const char *host;

	if (p->base && !p->host)
		return p->base;         /* http_set_base() */
	host = swarm_host(u);
	if (p->host == host)
		return p->base;
	*why = "no target: give --host http://... or the user class a .host";
	if (*host == '\0')
		return NULL;
	p->base = target_base(host, why);
	p->host = p->base ? host : NULL;
	return p->base;
}

void person_set_base(struct swarm_user *u, const char *url)
{
	struct person *p = person_of(u);
	struct base *base;
	const char *why;

	base = target_base(url, &why);
	if (!base) {
		swarm_error("http_set_base(): \"%.200s\" is not a target: %s",
		    url, why);
		return;
	}
	p->base = base;
	p->host = NULL;
}

/* ---- headers ---- */

/* One letter decides nearly always. */
static bool same_name(const char *a, const char *b)
{
	return ((a[0] ^ b[0]) & 0x1f) == 0 && strcasecmp(a, b) == 0;
}

bool person_own(const struct http_field *own, const char *name)
{
	for (; own && own->name; own++) {
		if (same_name(own->name, name))
			return true;
	}
	return false;
}

bool person_gives(const struct person *p, const struct http_field *own,
    const char *name)
{
	const struct header *h;

	if (person_own(own, name))
		return true;
	for (h = p->headers; h; h = h->next) {
		if (same_name(h->name, name))
			return true;
	}
	return false;
}

static struct header *new_header(const char *name, const char *value)
{
	struct header *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->name = strdup(name);
	h->value = strdup(value);
	if (h->name && h->value)
		return h;
	free_header(h);
	return NULL;
}

static void put_header(struct person *p, const char *name, const char *value)
{
	struct header **at = &p->headers, *h;

	while ((h = *at) != NULL) {
		if (!same_name(h->name, name)) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		free_header(h);
	}
	*at = value ? new_header(name, value) : NULL;
}

void person_set_header(struct swarm_user *u, const char *name,
    const char *value)
{
	if (!body_is_token(name) || (value && !body_is_value(value))) {
		swarm_error("http_set_header(): \"%.60s\" is no header's name, "
		    "or its value has a line break in it", name);
		return;
	}
	put_header(person_of(u), name, value);
}

/* ---- cookies ---- */

static struct cookie_place place_of(const struct origin *o, const char *path)
{
	return (struct cookie_place){ .host = o->host, .path = path,
		.https = o->https, .now = time(NULL) };
}

void person_take_cookies(struct person *p, const struct origin *o,
    const char *path, struct answer *a)
{
	struct cookie_place from = place_of(o, path);
	const char *at = a->head, *end = at + a->head_len, *value;
	size_t len;

	while ((value = answer_next(&at, end, "Set-Cookie", &len)) != NULL)
		jar_set(&p->jar, &from, value, len);
}

size_t person_cookies(struct person *p, const struct origin *o,
    const char *path, char *out, size_t size)
{
	struct cookie_place to;
	size_t len = 0;

	if (p->jar.first && settings.cookies) {
		to = place_of(o, path);
		len = jar_header(&p->jar, &to, out, size - 1);
	}
	out[len] = '\0';
	return len;
}

const char *person_cookie(struct swarm_user *u, const char *name)
{
	struct person *p = person_of(u);
	const char *why, *value;
	struct base *base = person_target(u, p, &why);
	struct cookie_place to;

	if (!base)
		return NULL;
	to = place_of(base->origin, "/");
	value = jar_value(&p->jar, &to, name);
	return value ? swarm_strdup(u, value) : NULL;
}

void person_set_cookie(struct swarm_user *u, const char *name,
    const char *value)
{
	struct person *p = person_of(u);
	const char *why;
	struct base *base = person_target(u, p, &why);

	if (!name)
		jar_clear(&p->jar);
	else if (base && body_is_token(name) &&
	    (!value || !strpbrk(value, "\r\n;")))
		jar_put(&p->jar, base->origin->host, name, value);
	else
		swarm_error("http_set_cookie(): there is no target, or a "
		    "character that no cookie has");
}
