/*
 * Parses a broker's URL.  A bare host or host:port is taken for mqtt://, as
 * that is what people type; everything else must be one of the schemes.
 */
#include "url.h"

#include <string.h>
#include <strings.h>

static const struct scheme {
	const char *name;
	bool tls;
	bool websocket;
	uint16_t port;
} schemes[] = {
	{ "mqtt://", false, false, 1883 },
	{ "tcp://", false, false, 1883 },
	{ "mqtts://", true, false, 8883 },
	{ "ssl://", true, false, 8883 },
	{ "tls://", true, false, 8883 },
	{ "ws://", false, true, 80 },
	{ "wss://", true, true, 443 },
	{ NULL, false, false, 0 },
};

static const char *after_scheme(struct url *u, const char *text)
{
	for (const struct scheme *s = schemes; s->name; s++) {
		size_t n = strlen(s->name);

		if (strncasecmp(text, s->name, n) != 0)
			continue;
		u->tls = s->tls;
		u->websocket = s->websocket;
		u->port = s->port;
		return text + n;
	}
	if (strstr(text, "://"))
		return NULL;
	u->port = 1883;
	return text;
}

/* The host's length and where it starts; 0 when there is none. */
static size_t host_at(struct url *u, const char **at, const char **rest)
{
	size_t n;

	if (**at == '[') {
		(*at)++;
		n = strcspn(*at, "]/?#");
		if ((*at)[n] != ']')
			return 0;
		u->numeric = true;
		*rest = *at + n + 1;
		return n;
	}
	n = strcspn(*at, ":/?#");
	*rest = *at + n;
	return n;
}

static int port_at(struct url *u, const char **at)
{
	unsigned long port = 0;
	const char *p = *at + 1;

	while (*p >= '0' && *p <= '9' && port < 100000)
		port = port * 10 + (unsigned long)(*p++ - '0');
	if (port == 0 || port > 65535)
		return -1;
	u->port = (uint16_t)port;
	*at = p;
	return 0;
}

int url_parse(struct url *u, const char *text, const char **why)
{
	const char *at, *rest;
	size_t n;

	memset(u, 0, sizeof *u);
	at = after_scheme(u, text);
	*why = "the scheme must be mqtt, mqtts, ws or wss";
	if (!at)
		return -1;
	*why = "a user and a password belong into .username and .password, or "
	    "the options of these names";
	if (memchr(at, '@', strcspn(at, "/?#")))
		return -1;
	n = host_at(u, &at, &rest);
	*why = "there is no host";
	if (n == 0)
		return -1;
	*why = "the host is too long";
	if (n >= sizeof u->host)
		return -1;
	memcpy(u->host, at, n);
	*why = "the port must be 1 to 65535";
	if (*rest == ':' && port_at(u, &rest) == -1)
		return -1;
	*why = "there is something odd after the port";
	if (*rest && *rest != '/')
		return -1;
	*why = "only ws and wss take a path";
	if (!u->websocket && *rest && strcmp(rest, "/") != 0)
		return -1;
	*why = "the path is too long";
	if (strlen(rest) >= sizeof u->path)
		return -1;
	memcpy(u->path, rest, strlen(rest) + 1);
	if (u->websocket && !*rest)
		memcpy(u->path, "/mqtt", sizeof "/mqtt");
	return 0;
}
