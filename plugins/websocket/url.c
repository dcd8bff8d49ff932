/*
 * ws://, wss://, and http://, https:// for those who give one base address
 * for all protocols (RFC 6455, section 3).
 */
#include "url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct scheme {
	const char *prefix;
	bool tls;
} schemes[] = {
	{ "ws://", false }, { "wss://", true },
	{ "http://", false }, { "https://", true },
};

static const char *take_scheme(struct url *u, const char *text)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t n = strlen(schemes[i].prefix);

		if (strncasecmp(text, schemes[i].prefix, n) == 0) {
			u->tls = schemes[i].tls;
			return text + n;
		}
	}
	return NULL;
}

/* What follows the host: nothing, or ":port". */
static int take_port(struct url *u, const char *text, size_t len)
{
	unsigned long n = 0;

	u->port = u->tls ? 443 : 80;
	if (len == 0)
		return 0;
	if (text[0] != ':' || len > 6)
		return -1;
	for (size_t i = 1; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (unsigned long)(text[i] - '0');
	}
	if (n < 1 || n > 65535)
		return -1;
	u->port = (uint16_t)n;
	return 0;
}

static int take_host(struct url *u, const char *text, size_t len,
    const char **why)
{
	const char *end = memchr(text, ']', len);
	size_t n;

	u->numeric6 = len > 0 && text[0] == '[';
	if (u->numeric6 && !end) {
		*why = "the address has no \"]\"";
		return -1;
	}
	if (u->numeric6)
		n = (size_t)(end - text) + 1;
	else
		for (n = 0; n < len && text[n] != ':'; n++)
			;
	if (take_port(u, text + n, len - n) == -1) {
		*why = "the port must be 1 to 65535";
		return -1;
	}
	if (n > URL_HOST_MAX || n <= (u->numeric6 ? 2u : 0u)) {
		*why = n > URL_HOST_MAX ? "the host's name is too long" :
		    "there is no host";
		return -1;
	}
	if (u->numeric6)
		snprintf(u->host, sizeof u->host, "%.*s", (int)n - 2,
		    text + 1);
	else
		snprintf(u->host, sizeof u->host, "%.*s", (int)n, text);
	if (u->port == (u->tls ? 443 : 80))
		snprintf(u->authority, sizeof u->authority, "%.*s", (int)n,
		    text);
	else
		snprintf(u->authority, sizeof u->authority, "%.*s:%u", (int)n,
		    text, u->port);
	return 0;
}

/* Spaces and control characters would end the line they are put in. */
static bool is_clean(const char *text)
{
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	}
	return true;
}

int url_parse(struct url *u, const char *text, const char **why)
{
	const char *at;
	size_t len;

	*u = (struct url){ .path = "/" };
	at = take_scheme(u, text);
	if (!at) {
		*why = "give ws:// or wss:// and a host";
		return -1;
	}
	if (!is_clean(at)) {
		*why = "there is a space or a control character in it";
		return -1;
	}
	if (strchr(at, '#')) {
		*why = "a fragment (#) has no meaning here";
		return -1;
	}
	len = strcspn(at, "/?");
	if (memchr(at, '@', len)) {
		*why = "give a user in a header, not in the address";
		return -1;
	}
	if (take_host(u, at, len, why) == -1)
		return -1;
	if (at[len] == '?') {
		*why = "a query needs a path before it";
		return -1;
	}
	if (at[len])
		u->path = at + len;
	if (strlen(u->path) > URL_PATH_MAX) {
		*why = "the path is longer than 1900 bytes";
		return -1;
	}
	return 0;
}
