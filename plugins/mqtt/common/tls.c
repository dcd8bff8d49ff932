/*
 * TLS contexts: clients with the same files share one, because a context of
 * each client's own costs tens of kilobytes.  The list only grows by what a
 * scenario names, usually one entry, or one for each user's certificate.
 */
#include "tls.h"

#include <stdlib.h>
#include <string.h>

#define NAMES 7

struct context {
	struct context *next;
	struct swarm_tls *tls;          /* NULL: could not be made */
	bool insecure;
	char *names[NAMES];
};

static struct context *contexts;

static const char *text(const char *s)
{
	return s ? s : "";
}

static bool same(const struct context *c, const char *const names[NAMES],
    bool insecure)
{
	if (c->insecure != insecure)
		return false;
	for (int i = 0; i < NAMES; i++) {
		if (strcmp(c->names[i], names[i]) != 0)
			return false;
	}
	return true;
}

static struct context *add(const struct mqtt_tls *t,
    const char *const names[NAMES])
{
	struct swarm_tls_args a = {
		.size = sizeof a,
		.ca_file = t->ca_file,
		.cert_file = t->cert_file,
		.key_file = t->key_file,
		.insecure = t->insecure,
		.alpn = t->alpn,
		.min_version = t->min_version,
		.max_version = t->max_version,
		.ciphers = t->ciphers,
	};
	struct context *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	for (int i = 0; i < NAMES; i++) {
		c->names[i] = strdup(names[i]);
		if (!c->names[i])
			goto free_names;
	}
	c->insecure = t->insecure;
	c->tls = swarm_tls_new(&a);
	c->next = contexts;
	contexts = c;
	return c;
free_names:
	for (int i = 0; i < NAMES; i++)
		free(c->names[i]);
	free(c);
	return NULL;
}

struct swarm_tls *tls_context(const struct mqtt_tls *t)
{
	const char *const names[NAMES] = {
		text(t->ca_file), text(t->cert_file), text(t->key_file),
		text(t->alpn), text(t->min_version), text(t->max_version),
		text(t->ciphers),
	};
	struct context *c = contexts;

	while (c && !same(c, names, t->insecure))
		c = c->next;
	if (!c)
		c = add(t, names);
	return c ? c->tls : NULL;
}
