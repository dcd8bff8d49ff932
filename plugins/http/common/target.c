/*
 * Lists, since a test has a handful of servers; a request finds its own by the
 * pointer it had last time.
 */
#include "target.h"

#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct origin *origins;
static size_t origin_count;
static struct base *bases;

static struct origin *origin_find(const struct url *u)
{
	struct origin *o;

	for (o = origins; o; o = o->next) {
		if (o->https == u->https && o->port == u->port &&
		    strncasecmp(o->host, u->host, u->host_len) == 0 &&
		    o->host[u->host_len] == '\0')
			return o;
	}
	return NULL;
}

static void origin_free(struct origin *o)
{
	if (!o)
		return;
	free(o->host);
	free(o->url);
	free(o);
}

static struct origin *origin_new(const struct url *u, const char *header)
{
	struct origin *o = calloc(1, sizeof *o);
	const char *scheme = u->https ? "https://" : "http://";

	if (!o)
		return NULL;
	o->https = u->https;
	o->port = u->port;
	o->url_len = strlen(scheme) + strlen(header);
	o->host = strndup(u->host, u->host_len);
	o->url = malloc(o->url_len + 1);
	if (!o->host || !o->url) {
		origin_free(o);
		return NULL;
	}
	snprintf(o->url, o->url_len + 1, "%s%s", scheme, header);
	o->header = o->url + strlen(scheme);
	return o;
}

struct origin *target_origin(const struct url *u, const char **why)
{
	char header[URL_HOST_MAX + 16];
	struct origin *o = origin_find(u);

	if (o)
		return o;
	*why = "more different servers than 4096";
	if (origin_count >= TARGET_ORIGINS_MAX)
		return NULL;
	*why = "its host is too long";
	if (url_host_header(u, header, sizeof header) == 0)
		return NULL;
	*why = "out of memory";
	o = origin_new(u, header);
	if (!o)
		return NULL;
	o->next = origins;
	origins = o;
	origin_count++;
	return o;
}

struct base *target_base(const char *text, const char **why)
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
	origin = target_origin(&u, why);
	if (!origin)
		return NULL;
	*why = "out of memory";
	b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->text = strdup(text);
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

void target_release(void)
{
	struct origin *o;
	struct base *b;

	while ((o = origins) != NULL) {
		origins = o->next;
		origin_free(o);
	}
	origin_count = 0;
	while ((b = bases) != NULL) {
		bases = b->next;
		free(b->text);
		free(b);
	}
}
