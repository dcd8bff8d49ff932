/* Options that mean nothing to this libcurl are refused before anything runs. */
#include "own.h"

#include "settings.h"

#include <swarm/log.h>

#include <string.h>

#include <curl/curl.h>

struct own own;

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
		own.http_version = versions[i].version;
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

static bool is_13(const char *text)
{
	return own_given(text) && strcmp(text, "1.3") == 0;
}

/* libcurl knows the proxy's scheme only when it connects. */
static int check_proxy(void)
{
	static const char *const schemes[] = { "http://", "https://",
		"socks4://", "socks4a://", "socks5://", "socks5h://", NULL };
	int i;

	if (!own_given(own.proxy) || !strstr(own.proxy, "://"))
		return 0;
	for (i = 0; schemes[i]; i++) {
		if (strncmp(own.proxy, schemes[i], strlen(schemes[i])) == 0)
			return 0;
	}
	swarm_error("the option proxy is \"%s\": give http://, https://, "
	    "socks4://, socks4a://, socks5:// or socks5h://", own.proxy);
	return -1;
}

int own_check(void)
{
	own.ssl_version = is_13(settings.tls_min) ? CURL_SSLVERSION_TLSv1_3
	    : CURL_SSLVERSION_TLSv1_2;
	if (own_given(settings.tls_max))
		own.ssl_version |= is_13(settings.tls_max)
		    ? CURL_SSLVERSION_MAX_TLSv1_3 : CURL_SSLVERSION_MAX_TLSv1_2;
	return check_proxy() == -1 ? -1 : set_version();
}
