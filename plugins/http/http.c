/*
 * http: the client on libcurl, for all that libcurl can do: HTTP/2 (and 3
 * where it is built in), proxies, digest, client certificates, address
 * overrides.  What only needs HTTP/1.1 runs four times as fast on `fasthttp`,
 * behind the same interface.
 */
#include "batch.h"
#include "multi.h"
#include "settings.h"
#include "transfer.h"
#include "url.h"

#include <swarm/http.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>
#include <swarm/version.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void batch(struct swarm_user *u,
    const struct http_args *const *requests,
    struct http_response **responses, size_t count)
{
	batch_run(u, (size_t)settings.connections, transfer_request, requests,
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

static void set_base(struct swarm_user *u, const char *text)
{
	struct session *s = session_of(u);
	const char *why;
	struct url url;

	if (url_parse(text, &url, &why) == -1) {
		swarm_error("http_set_base(): \"%.200s\" is not a target: %s",
		    text, why);
		return;
	}
	free(s->base);
	s->base = strdup(text);
}

/* The target's host; false when there is none. */
static bool target_host(struct swarm_user *u, struct session *s, char *out,
    size_t size)
{
	const char *why, *base = session_target(u, s, &why);
	struct url url;

	if (!base || url_parse(base, &url, &why) == -1 ||
	    url.host_len >= size)
		return false;
	memcpy(out, url.host, url.host_len);
	out[url.host_len] = '\0';
	return true;
}

/*
 * libcurl lists cookies as lines of seven fields with tabs between them:
 * domain, subdomains too, path, secure, expires, name, value.
 */
static const char *value_in(struct swarm_user *u, const char *line,
    const char *host, const char *name)
{
	const char *field[7];
	size_t len[7];
	int i;

	if (strncmp(line, "#HttpOnly_", 10) == 0)
		line += 10;
	for (i = 0; i < 7; i++) {
		field[i] = line;
		len[i] = strcspn(line, "\t");
		line += len[i] + (line[len[i]] == '\t');
	}
	if (field[0][0] == '.') {
		field[0]++;
		len[0]--;
	}
	if (len[0] > strlen(host) || strncasecmp(host + strlen(host) - len[0],
	    field[0], len[0]) != 0)
		return NULL;
	if (len[5] != strlen(name) || memcmp(field[5], name, len[5]) != 0)
		return NULL;
	return swarm_printf(u, "%.*s", (int)len[6], field[6]);
}

static const char *cookie(struct swarm_user *u, const char *name)
{
	struct session *s = session_of(u);
	struct curl_slist *list = NULL, *c;
	const char *value = NULL;
	struct handle *h;
	char host[256];

	h = target_host(u, s, host, sizeof host) ? session_take(u, s) : NULL;
	if (!h)
		return NULL;
	curl_easy_getinfo(h->easy, CURLINFO_COOKIELIST, &list);
	for (c = list; c && !value; c = c->next)
		value = value_in(u, c->data, host, name);
	curl_slist_free_all(list);
	session_give(s, h);
	return value;
}

static void set_cookie(struct swarm_user *u, const char *name,
    const char *value)
{
	struct session *s = session_of(u);
	struct handle *h = session_take(u, s);
	char host[256];

	if (!h)
		return;
	if (!name)
		curl_easy_setopt(h->easy, CURLOPT_COOKIELIST, "ALL");
	else if (body_is_token(name) && target_host(u, s, host, sizeof host) &&
	    (!value || !strpbrk(value, "\r\n\t;")))
		curl_easy_setopt(h->easy, CURLOPT_COOKIELIST, swarm_printf(u,
		    "%s\tFALSE\t/\tFALSE\t%s\t%s\t%s", host,
		    value ? "0" : "1", name, value ? value : ""));
	else
		swarm_error("http_set_cookie(): there is no target, or a "
		    "character that no cookie has");
	session_give(s, h);
}

static void close_idle(struct swarm_user *u)
{
	session_close(session_of(u));
}

/* ---- the module ---- */

static int load(void)
{
	if (settings_load() == -1)
		return -1;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		swarm_error("libcurl cannot be set up");
		return -1;
	}
	session_load();
	return 0;
}

static void worker_stop(void)
{
	multi_stop();
	setup_release();
	answer_release();
}

static const struct http_api api = {
	SWARM_IFACE(struct http_api, 0),
	.request = transfer_request,
	.batch = batch,
	.open = transfer_open,
	.read = transfer_read,
	.event = transfer_event,
	.finish = transfer_finish,
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
	.name = "http",
	.version = SWARM_VERSION,
	.summary = "HTTP client on libcurl",
	.options = SWARM_OPTIONS(
		O(timeout, SWARM_DURATION, "60s", "for a whole exchange"),
		O(connect_timeout, SWARM_DURATION, "0s",
		    "to connect, TLS included; 0: the whole timeout"),
		O(max_redirects, SWARM_INT, "30", "redirects of one request"),
		O(max_body, SWARM_SIZE, "64m", "largest body taken"),
		O(discard, SWARM_BOOL, "no", "keep no bodies"),
		O(names, SWARM_STRING, "fold",
		    "samples' names: fold (ids become [id]), path, full"),
		O(version, SWARM_STRING, "auto",
		    "of HTTP: auto, 1.0, 1.1, 2, h2c (no TLS), 3"),
		O(multiplex, SWARM_BOOL, "no",
		    "all users of a worker share connections (HTTP/2)"),
		O(keepalive, SWARM_BOOL, "yes", "use connections again"),
		O(connections, SWARM_INT, "6", "of one user at once"),
		O(compress, SWARM_BOOL, "no", "ask for all codings known"),
		O(cookies, SWARM_BOOL, "yes", "take and send cookies"),
		O(phases, SWARM_BOOL, "no",
		    "series for connect, tls, wait, receive"),
		O(user_agent, SWARM_STRING, "swarm/" SWARM_VERSION,
		    "the User-Agent header"),
		O(source, SWARM_STRING, "",
		    "local addresses, with commas; users take turns"),
		O(connect_to, SWARM_STRING, "",
		    "host:port or unix:/path to connect to instead"),
		O(resolve, SWARM_STRING, "",
		    "host:port:address, with spaces between several"),
		O(proxy, SWARM_STRING, "", "http://, https:// or socks5://"),
		O(proxy_auth, SWARM_STRING, "", "user:password for the proxy"),
		O(insecure, SWARM_BOOL, "no", "do not verify certificates"),
		O(ca, SWARM_STRING, NULL, "PEM file of trusted certificates"),
		O(cert, SWARM_STRING, NULL, "PEM file of the client's own"),
		O(key, SWARM_STRING, NULL, "PEM file of its key"),
		O(key_password, SWARM_STRING, NULL, "the key's password"),
		O(tls_min, SWARM_STRING, NULL, "oldest TLS: 1.2 or 1.3"),
		O(tls_max, SWARM_STRING, NULL, "newest TLS: 1.2 or 1.3"),
		O(ciphers, SWARM_STRING, NULL, "OpenSSL's list for TLS 1.2")),
	.exports = SWARM_EXPORTS({ "swarm.http/1", &api.head }),
	.load = load,
	.worker_start = multi_start,
	.worker_stop = worker_stop,
);
