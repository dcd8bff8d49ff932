/*
 * fasthttp: HTTP/1.1 on swarm's own streams.
 *
 * Made for load: the bytes of requests are made once, answers are parsed where
 * they were read, and a request in steady state allocates nothing outside the
 * pools of its task.  What it does not speak (HTTP/2, proxies, digest) the
 * plugin `http` does, behind the same interface.
 */
#include "batch.h"
#include "exchange.h"
#include "settings.h"
#include "template.h"
#include "url.h"

#include <swarm/fiber.h>
#include <swarm/http.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/net.h>
#include <swarm/user.h>
#include <swarm/version.h>

#include <string.h>
#include <time.h>

struct settings settings;

static struct swarm_tls *tls;
static bool tls_tried;

struct swarm_tls *settings_tls(void)
{
	if (tls_tried)
		return tls;
	tls_tried = true;
	tls = swarm_tls_new(&(struct swarm_tls_args){
		.size = sizeof(struct swarm_tls_args),
		.ca_file = settings.ca,
		.cert_file = settings.cert,
		.key_file = settings.key,
		.insecure = settings.insecure,
		.alpn = "http/1.1",
		.min_version = settings.tls_min,
		.max_version = settings.tls_max,
		.ciphers = settings.ciphers });
	return tls;
}

static void batch(struct swarm_user *u,
    const struct http_args *const *requests,
    struct http_response **responses, size_t count)
{
	batch_run(u, (size_t)settings.connections, exchange_request, requests,
	    responses, count);
}

/* ---- what a scenario sets for its user ---- */

static void set_header(struct swarm_user *u, const char *name,
    const char *value)
{
	if (!body_is_token(name) || (value && !body_is_value(value))) {
		swarm_error("http_set_header(): \"%.60s\" is no header's name, "
		    "or its value has a line break in it", name);
		return;
	}
	session_set_header(session_of(u), name, value);
}

static void set_base(struct swarm_user *u, const char *url)
{
	struct session *s = session_of(u);
	struct base *base;
	const char *why;

	base = session_base(url, &why);
	if (!base) {
		swarm_error("http_set_base(): \"%.200s\" is not a target: %s",
		    url, why);
		return;
	}
	s->base = base;
	s->host = NULL;
}

static const char *cookie(struct swarm_user *u, const char *name)
{
	struct session *s = session_of(u);
	const char *why, *value;
	struct base *base = session_target(u, s, &why);

	if (!base)
		return NULL;
	value = jar_value(&s->jar, &(struct cookie_place){
		.host = base->origin->host, .path = "/",
		.https = base->origin->https, .now = time(NULL) }, name);
	return value ? swarm_strdup(u, value) : NULL;
}

static void set_cookie(struct swarm_user *u, const char *name,
    const char *value)
{
	struct session *s = session_of(u);
	const char *why;
	struct base *base = session_target(u, s, &why);

	if (!name)
		jar_clear(&s->jar);
	else if (base && body_is_token(name) &&
	    (!value || !strpbrk(value, "\r\n;")))
		jar_put(&s->jar, base->origin->host, name, value);
	else
		swarm_error("http_set_cookie(): there is no target, or a "
		    "character that no cookie has");
}

static void close_idle(struct swarm_user *u)
{
	session_close_idle(session_of(u));
}

/* ---- the module ---- */

static int load(void)
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
	session_load();
	return 0;
}

static void worker_stop(void)
{
	template_release();
	session_release();
	answer_release();
	swarm_tls_free(tls);
	tls = NULL;
	tls_tried = false;
}

static const struct http_api api = {
	SWARM_IFACE(struct http_api, 0),
	.request = exchange_request,
	.batch = batch,
	.open = exchange_open,
	.read = receive_read,
	.event = receive_event,
	.finish = receive_finish,
	.mark_ok = answer_ok,
	.mark_failed = answer_fail,
	.header = answer_header,
	.json = answer_json,
	.json_number = answer_json_number,
	.match = answer_match,
	.between = answer_between,
	.set_header = set_header,
	.set_base = set_base,
	.cookie = cookie,
	.set_cookie = set_cookie,
	.close = close_idle,
};

#define O(opt, type_, deflt_, help_) \
	{ .name = #opt, .type = (type_), .dest = &settings.opt, \
		.deflt = (deflt_), .help = (help_) }

SWARM_MODULE(
	.name = "fasthttp",
	.version = SWARM_VERSION,
	.summary = "HTTP/1.1 client made for load",
	.options = SWARM_OPTIONS(
		O(timeout, SWARM_DURATION, "60s", "for a whole exchange"),
		O(connect_timeout, SWARM_DURATION, "0s",
		    "to connect, TLS included; 0: the whole timeout"),
		O(max_redirects, SWARM_INT, "30", "redirects of one request"),
		O(max_body, SWARM_SIZE, "64m", "largest body taken"),
		O(discard, SWARM_BOOL, "no", "keep no bodies"),
		O(names, SWARM_STRING, "fold",
		    "samples' names: fold (ids become [id]), path, full"),
		O(keepalive, SWARM_BOOL, "yes", "use connections again"),
		O(connections, SWARM_INT, "6", "of one user at once"),
		O(retry, SWARM_BOOL, "yes",
		    "once, when a kept connection turns out closed"),
		O(compress, SWARM_BOOL, "no", "ask for gzip and deflate"),
		O(cookies, SWARM_BOOL, "yes", "take and send cookies"),
		O(phases, SWARM_BOOL, "no",
		    "series for resolve, connect, tls, wait, receive"),
		O(user_agent, SWARM_STRING, "swarm/" SWARM_VERSION,
		    "the User-Agent header"),
		O(source, SWARM_STRING, "",
		    "local addresses, with commas; users take turns"),
		O(connect_to, SWARM_STRING, "",
		    "host:port or unix:/path to connect to instead"),
		O(insecure, SWARM_BOOL, "no", "do not verify certificates"),
		O(ca, SWARM_STRING, NULL, "PEM file of trusted certificates"),
		O(cert, SWARM_STRING, NULL, "PEM file of the client's own"),
		O(key, SWARM_STRING, NULL, "PEM file of its key"),
		O(tls_min, SWARM_STRING, NULL, "oldest TLS: 1.2 or 1.3"),
		O(tls_max, SWARM_STRING, NULL, "newest TLS: 1.2 or 1.3"),
		O(ciphers, SWARM_STRING, NULL, "OpenSSL's list for TLS 1.2")),
	.exports = SWARM_EXPORTS({ "swarm.http/1", &api.head }),
	.load = load,
	.worker_stop = worker_stop,
);
