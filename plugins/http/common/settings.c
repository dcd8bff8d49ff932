/* Options that make no sense are refused before anything runs. */
#include "settings.h"

#include "batch.h"
#include "body.h"
#include "url.h"

#include <swarm/log.h>
#include <swarm/user.h>

#include <stdio.h>
#include <string.h>

struct settings settings;

static bool is_tls_version(const char *text)
{
	return !text || !*text || strcmp(text, "1.2") == 0 ||
	    strcmp(text, "1.3") == 0;
}

/* Nothing, host:port or unix:/path. */
static bool is_place(const char *text)
{
	char url[URL_HOST_MAX + 32];
	const char *why;
	struct url u;

	if (!text || !*text)
		return true;
	if (strncmp(text, "unix:", 5) == 0)
		return text[5] != '\0';
	return !strpbrk(text, "/?#@\\") &&
	    snprintf(url, sizeof url, "http://%s", text) < (int)sizeof url &&
	    url_parse(url, &u, &why) == 0;
}

static int check_sharing(void)
{
	if (settings.streams < 1 || settings.streams > 1000) {
		swarm_error("the option streams is %d: give 1 to 1000",
		    settings.streams);
		return -1;
	}
	if (settings.multiplex && !settings.keepalive) {
		swarm_error("the options multiplex=yes and keepalive=no "
		    "exclude each other");
		return -1;
	}
	return 0;
}

int settings_check(void)
{
	if (fold_mode_parse(settings.names, &settings.fold) == -1) {
		swarm_error("the option names is \"%s\": give fold (ids become "
		    "[id]), path or full", settings.names);
		return -1;
	}
	if (settings.connections < 1 || settings.connections > BATCH_MAX) {
		swarm_error("the option connections is %d: give 1 to %d",
		    settings.connections, BATCH_MAX);
		return -1;
	}
	if (!body_is_value(settings.user_agent) ||
	    strlen(settings.user_agent) > 256) {
		swarm_error("the option user_agent is longer than 256 bytes or "
		    "has a line break in it");
		return -1;
	}
	if (!is_place(settings.connect_to)) {
		swarm_error("the option connect_to is \"%s\": give host:port, "
		    "[address]:port or unix:/path", settings.connect_to);
		return -1;
	}
	if (!is_tls_version(settings.tls_min) ||
	    !is_tls_version(settings.tls_max)) {
		swarm_error("the options tls_min and tls_max are 1.2 or 1.3");
		return -1;
	}
	return check_sharing();
}

const char *settings_source(struct swarm_user *u, char *out, size_t size)
{
	const char *at = settings.source;
	unsigned n = 1, turn;

	if (!at || !*at)
		return NULL;
	for (; *at; at++)
		n += *at == ',';
	turn = swarm_user_id(u) % n;
	for (at = settings.source; turn > 0; turn--)
		at = strchr(at, ',') + 1;
	snprintf(out, size, "%.*s", (int)strcspn(at, ","), at);
	return out;
}
