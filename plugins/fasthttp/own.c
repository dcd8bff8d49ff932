/* Options that make no sense are refused before anything runs. */
#include "own.h"

#include "batch.h"
#include "settings.h"

#include <swarm/log.h>
#include <swarm/net.h>

#include <string.h>

/* RFC 9113, 6.9.1 and 6.9.2. */
#define WINDOW_MAX INT64_C(0x7fffffff)
#define WINDOW_FIRST 65535

struct own own;

/* ---- TLS ---- */

static struct {
	struct swarm_tls *tls;
	bool tried;
} contexts[2];

struct swarm_tls *own_tls(bool two)
{
	if (contexts[two].tried)
		return contexts[two].tls;
	contexts[two].tried = true;
	contexts[two].tls = swarm_tls_new(&(struct swarm_tls_args){
		.size = sizeof(struct swarm_tls_args),
		.ca_file = settings.ca,
		.cert_file = settings.cert,
		.key_file = settings.key,
		.insecure = settings.insecure,
		.alpn = two ? "h2,http/1.1" : "http/1.1",
		.min_version = settings.tls_min,
		.max_version = settings.tls_max,
		.ciphers = settings.ciphers });
	return contexts[two].tls;
}

void own_release(void)
{
	int i;

	for (i = 0; i < 2; i++)
		swarm_tls_free(contexts[i].tls);
	memset(contexts, 0, sizeof contexts);
}

/* ---- checks ---- */

static const struct {
	const char *name;
	enum own_http http;
} versions[] = {
	{ "auto", OWN_AGREED }, { "1.1", OWN_HTTP_1 }, { "2", OWN_AGREED },
	{ "h2c", OWN_H2C },
};

static int set_version(void)
{
	size_t i;

	for (i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		if (strcmp(settings.version, versions[i].name) != 0)
			continue;
		own.http = versions[i].http;
		return 0;
	}
	swarm_error("the option version is \"%s\": give auto, 1.1, 2 or h2c; "
	    "others may be possible with --plugin http", settings.version);
	return -1;
}

static int check_pipeline(void)
{
	if (own.pipeline < 1 || own.pipeline > BATCH_MAX) {
		swarm_error("the option pipeline is %d: give 1 to %d",
		    own.pipeline, BATCH_MAX);
		return -1;
	}
	if (own.pipeline == 1)
		return 0;
	if (strcmp(settings.version, "auto") != 0 && own.http != OWN_HTTP_1) {
		swarm_error("the options pipeline and version=%s exclude each "
		    "other: HTTP/2 has streams, and needs no pipelining",
		    settings.version);
		return -1;
	}
	own.http = OWN_HTTP_1;
	return 0;
}

static int check_shared(void)
{
	if (own.shared >= 0)
		return 0;
	swarm_error("the option shared is %d: give a number of connections, "
	    "or 0 for as many as are needed", own.shared);
	return -1;
}

static int check_windows(void)
{
	if (own.window < 1024 || own.window > WINDOW_MAX) {
		swarm_error("the option window is %lld: give 1k to 2047m",
		    (long long)own.window);
		return -1;
	}
	if (own.connection_window < WINDOW_FIRST ||
	    own.connection_window > WINDOW_MAX) {
		swarm_error("the option connection_window is %lld: give 64k "
		    "to 2047m", (long long)own.connection_window);
		return -1;
	}
	return 0;
}

int own_check(void)
{
	return set_version() == -1 || check_pipeline() == -1 ||
	    check_shared() == -1 || check_windows() == -1 ? -1 : 0;
}
