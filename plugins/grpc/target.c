/*
 * Targets are written as people write them for other gRPC tools, host:port,
 * or as URLs, which say whether TLS is wanted.  The library is handed
 * addresses: names are looked up by swarm, once for all users of a worker.
 */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct scheme {
	const char *name;
	uint16_t port;
	bool tls;
} schemes[] = {
	{ "grpc", 50051, false },
	{ "grpcs", 443, true },
	{ "http", 80, false },
	{ "https", 443, true },
	{ "dns", 50051, false },
};

static int take_scheme(struct target *t, const char **text, const char **why)
{
	const char *colon = strstr(*text, "://");
	size_t n;

	t->port = 50051;
	if (!colon)
		return 0;
	n = (size_t)(colon - *text);
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		const struct scheme *s = &schemes[i];

		if (strlen(s->name) != n || strncmp(s->name, *text, n) != 0)
			continue;
		t->port = s->port;
		t->tls = s->tls;
		*text = colon + 3;
		/* dns:///host, as the library writes it. */
		if (strcmp(s->name, "dns") == 0 && **text == '/')
			++*text;
		return 0;
	}
	*why = "the target's scheme is none of grpc, grpcs, http, https and "
	    "unix";
	return -1;
}

static int take_port(struct target *t, const char *text, const char **why)
{
	char *end;
	long n;

	if (!*text || strcmp(text, "/") == 0)
		return 0;
	if (*text != ':') {
		*why = "the target is no host:port";
		return -1;
	}
	n = strtol(text + 1, &end, 10);
	if (end == text + 1 || n < 1 || n > 65535 ||
	    (*end && strcmp(end, "/") != 0)) {
		*why = "the target's port is no number from 1 to 65535";
		return -1;
	}
	t->port = (uint16_t)n;
	return 0;
}

static int take_unix(struct target *t, const char *path, const char **why)
{
	/* unix:///path as well. */
	if (strncmp(path, "//", 2) == 0)
		path += 2;
	if (!*path || strlen(path) > 100) {
		*why = "a Unix socket's path has 1 to 100 bytes";
		return -1;
	}
	t->is_unix = true;
	snprintf(t->host, sizeof t->host, "%s", path);
	return 0;
}

int target_parse(struct target *t, const char *text, const char **why)
{
	size_t n;

	*t = (struct target){ .port = 0 };
	if (strncmp(text, "unix:", 5) == 0)
		return take_unix(t, text + 5, why);
	if (take_scheme(t, &text, why) == -1)
		return -1;
	if (*text == '[') {
		text++;
		n = strcspn(text, "]");
		if (text[n] != ']') {
			*why = "the target has \"[\" without \"]\"";
			return -1;
		}
	} else {
		n = strcspn(text, ":/");
	}
	if (n == 0 || n >= sizeof t->host) {
		*why = n ? "the target's host is too long" : "no target: give "
		    "--host host:port";
		return -1;
	}
	memcpy(t->host, text, n);
	text += n + (text[n] == ']');
	return take_port(t, text, why);
}

void target_authority(const struct target *t, char *to, size_t size)
{
	if (t->is_unix)
		snprintf(to, size, "localhost");
	else
		snprintf(to, size, strchr(t->host, ':') ? "[%s]:%u" : "%s:%u",
		    t->host, t->port);
}

int target_addresses(const struct target *t, const char (*addresses)[64],
    int count, char *to, size_t size)
{
	bool six = strchr(addresses[0], ':') != NULL;
	size_t at = (size_t)snprintf(to, size, six ? "ipv6:" : "ipv4:");
	bool first = true;

	for (int i = 0; i < count; i++) {
		if ((strchr(addresses[i], ':') != NULL) != six)
			continue;
		if (at >= size)
			return -1;
		/* The library reads a URI: brackets are escaped. */
		at += (size_t)snprintf(to + at, size - at, six ?
		    "%s%%5B%s%%5D:%u" : "%s%s:%u", first ? "" : ",",
		    addresses[i], t->port);
		first = false;
	}
	return at < size ? 0 : -1;
}
