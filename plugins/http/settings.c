/* Options that mean nothing to this libcurl are refused before anything runs. */
#include "settings.h"

#include "batch.h"
#include "body.h"

#include <swarm/log.h>

#include <string.h>

#include <curl/curl.h>

struct settings settings;

/* How -o version names what libcurl numbers. */
static const struct {
	const char *name;
	long version;
	int needs;                      /* a feature of this libcurl */
} versions[] = {
	{ "auto", CURL_HTTP_VERSION_2TLS, 0 },
	{ "1.0", CURL_HTTP_VERSION_1_0, 0 },
	{ "1.1", CURL_HTTP_VERSION_1_1, 0 },
	{ "2", CURL_HTTP_VERSION_2TLS, CURL_VERSION_HTTP2 },
	{ "h2c", CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, CURL_VERSION_HTTP2 },
	{ "3", CURL_HTTP_VERSION_3, CURL_VERSION_HTTP3 },
};

static int set_version(void)
{
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
	size_t i;

	for (i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		if (strcmp(settings.version, versions[i].name) != 0)
			continue;
		if ((curl->features & versions[i].needs) != versions[i].needs) {
			swarm_error("libcurl %s on this machine has no "
			    "HTTP/%s", curl->version, settings.version);
			return -1;
		}
		settings.http_version = versions[i].version;
		break;
	}
	if (i == sizeof versions / sizeof versions[0]) {
		swarm_error("the option version is \"%s\": give auto, 1.0, "
		    "1.1, 2, h2c or 3", settings.version);
		return -1;
	}
	if (settings.multiplex && strcmp(settings.version, "h2c") == 0 &&
	    curl->version_num < 0x080000) {
		swarm_error("libcurl %s cannot multiplex h2c: use https://, or "
		    "leave multiplex off", curl->version);
		return -1;
	}
	return 0;
}

static int tls_version(const char *text, long *out, bool max)
{
	if (!text || !*text) {
		*out = max ? CURL_SSLVERSION_MAX_DEFAULT
		    : CURL_SSLVERSION_TLSv1_2;
		return 0;
	}
	if (strcmp(text, "1.2") == 0)
		*out = max ? CURL_SSLVERSION_MAX_TLSv1_2
		    : CURL_SSLVERSION_TLSv1_2;
	else if (strcmp(text, "1.3") == 0)
		*out = max ? CURL_SSLVERSION_MAX_TLSv1_3
		    : CURL_SSLVERSION_TLSv1_3;
	else
		return -1;
	return 0;
}

int settings_load(void)
{
	long min, max;

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
	if (!body_is_value(settings.user_agent)) {
		swarm_error("the option user_agent has a line break in it");
		return -1;
	}
	if (tls_version(settings.tls_min, &min, false) == -1 ||
	    tls_version(settings.tls_max, &max, true) == -1) {
		swarm_error("the options tls_min and tls_max are 1.2 or 1.3");
		return -1;
	}
	settings.ssl_version = min | max;
	return set_version();
}
