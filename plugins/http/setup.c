/*
 * A request as options of an easy handle, and what came of it.
 *
 * Names are looked up by swarm, once for the whole worker, and handed to
 * libcurl's cache: left alone, libcurl would start a thread for every
 * connection that finds no answer there yet, ten thousand of them when ten
 * thousand users start.
 */
#include "transfer.h"

#include "settings.h"
#include "url.h"

#include <swarm/fiber.h>
#include <swarm/net.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#define KNOWN_NS INT64_C(50000000000)   /* less than swarm's own cache */
#define KNOWN_MAX 1024

/* Servers whose addresses libcurl has. */
struct known {
	struct known *next;
	int64_t expires;
	char server[URL_HOST_MAX + 16]; /* host:port */
};

static struct known *known;
static size_t known_count;

/* ---- names ---- */

static bool is_literal(const char *host)
{
	unsigned char scratch[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, scratch) == 1 ||
	    inet_pton(AF_INET6, host, scratch) == 1;
}

static struct known *known_find(const char *server)
{
	struct known *k;

	for (k = known; k; k = k->next) {
		if (strcmp(k->server, server) == 0)
			return k;
	}
	if (known_count >= KNOWN_MAX)
		return NULL;
	k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	snprintf(k->server, sizeof k->server, "%s", server);
	k->next = known;
	known = k;
	known_count++;
	return k;
}

void setup_release(void)
{
	struct known *k;

	while ((k = known) != NULL) {
		known = k->next;
		free(k);
	}
	known_count = 0;
}

static bool elsewhere(const char *option)
{
	return option && *option;
}

/* host:port:address,address for libcurl, when it does not have it yet. */
static const char *hand_addresses(struct transfer *x, const struct url *u)
{
	char found[8][SWARM_ADDRESS_SIZE], error[128], host[URL_HOST_MAX + 1];
	char server[URL_HOST_MAX + 16];
	char entry[URL_HOST_MAX + 16 + 8 * (SWARM_ADDRESS_SIZE + 3)];
	struct known *k;
	size_t at;
	int n, i;

	snprintf(host, sizeof host, "%.*s", (int)u->host_len, u->host);
	if (is_literal(host) || elsewhere(settings.proxy) ||
	    elsewhere(settings.connect_to))
		return NULL;
	snprintf(server, sizeof server, "%s:%u", host, u->port);
	k = known_find(server);
	if (k && k->expires > swarm_now())
		return NULL;
	n = swarm_resolve(host, found, 8, x->deadline, error, sizeof error);
	if (n == -1)
		return swarm_strdup(x->a.pub.user, error);
	at = (size_t)snprintf(entry, sizeof entry, "%s:", server);
	for (i = 0; i < n; i++) {
		bool six = strchr(found[i], ':') != NULL;

		at += (size_t)snprintf(entry + at, sizeof entry - at,
		    "%s%s%s%s", i ? "," : "", six ? "[" : "", found[i],
		    six ? "]" : "");
	}
	x->resolve = curl_slist_append(x->resolve, entry);
	if (k)
		k->expires = swarm_now() + KNOWN_NS;
	return NULL;
}

/* ---- headers ---- */

static void add_header(struct transfer *x, const char *name,
    const char *value)
{
	const char *line;

	/* libcurl: "Name:" takes a header away, "Name;" sends an empty one. */
	if (!value)
		line = swarm_printf(x->a.pub.user, "%s:", name);
	else if (!*value)
		line = swarm_printf(x->a.pub.user, "%s;", name);
	else
		line = swarm_printf(x->a.pub.user, "%s: %s", name, value);
	x->headers = curl_slist_append(x->headers, line);
}

static bool in_args(const struct transfer *x, const char *name)
{
	const struct http_field *f;

	for (f = x->args.headers; f && f->name; f++) {
		if (strcasecmp(f->name, name) == 0)
			return true;
	}
	return false;
}

static bool given(const struct transfer *x, const char *name)
{
	const struct header *h;

	if (in_args(x, name))
		return true;
	for (h = x->session->headers; h; h = h->next) {
		if (strcasecmp(h->name, name) == 0)
			return true;
	}
	return false;
}

static void add_headers(struct transfer *x)
{
	const struct http_field *f;
	const struct header *h;

	for (h = x->session->headers; h; h = h->next) {
		if (!in_args(x, h->name))
			add_header(x, h->name, h->value);
	}
	for (f = x->args.headers; f && f->name; f++)
		add_header(x, f->name, f->value);
	if (x->authorization && !given(x, "Authorization"))
		add_header(x, "Authorization", x->authorization);
	if (x->body.present) {
		if (!given(x, "Content-Type"))
			add_header(x, "Content-Type", x->body.type);
		/* libcurl would wait a second for a go-ahead. */
		if (!given(x, "Expect"))
			add_header(x, "Expect", NULL);
		if (x->args.produce)
			add_header(x, "Transfer-Encoding", "chunked");
	}
	curl_easy_setopt(x->handle->easy, CURLOPT_HTTPHEADER, x->headers);
}

/* ---- method, body, credentials ---- */

static size_t produce(char *buf, size_t size, size_t n, void *arg)
{
	struct transfer *x = arg;
	int64_t len = x->args.produce(x->args.produce_arg, buf, size * n);

	if (len < 0 || len > (int64_t)(size * n)) {
		x->give_up = "the scenario gave up on the body";
		return CURL_READFUNC_ABORT;
	}
	return (size_t)len;
}

static void set_method(struct transfer *x)
{
	CURL *e = x->handle->easy;
	const char *m = x->method;
	bool post = strcmp(m, "POST") == 0;

	curl_easy_setopt(e, CURLOPT_NOBODY, 0L);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, NULL);
	if (x->body.present || post || strcmp(m, "PUT") == 0 ||
	    strcmp(m, "PATCH") == 0) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		if (!post)
			curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, m);
		if (x->args.produce && x->body.present) {
			curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
			curl_easy_setopt(e, CURLOPT_READFUNCTION, produce);
			curl_easy_setopt(e, CURLOPT_READDATA, x);
			curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			    (curl_off_t)-1);
			return;
		}
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)x->body.len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS,
		    x->body.data ? x->body.data : "");
	} else if (strcmp(m, "HEAD") == 0) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	} else {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
		if (strcmp(m, "GET") != 0)
			curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, m);
	}
}

static void set_credentials(struct transfer *x)
{
	CURL *e = x->handle->easy;
	const char *auth = x->args.auth;

	/* Basic and bearer are headers like others; these need libcurl. */
	if (!auth || !x->args.user || strcmp(auth, "basic") == 0) {
		curl_easy_setopt(e, CURLOPT_USERNAME, NULL);
		curl_easy_setopt(e, CURLOPT_PASSWORD, NULL);
		curl_easy_setopt(e, CURLOPT_AWS_SIGV4, NULL);
		return;
	}
	curl_easy_setopt(e, CURLOPT_USERNAME, x->args.user);
	curl_easy_setopt(e, CURLOPT_PASSWORD,
	    x->args.password ? x->args.password : "");
	if (strcmp(auth, "digest") == 0)
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_DIGEST);
	else
		curl_easy_setopt(e, CURLOPT_AWS_SIGV4, auth);
}

/* ---- where to ---- */

/* The options connect_to and resolve, and swarm's own answers. */
static const char *set_route(struct transfer *x, const struct url *u)
{
	CURL *e = x->handle->easy;
	const char *to = settings.connect_to, *at, *why;
	char entry[600];

	if (to && strncmp(to, "unix:", 5) == 0) {
		curl_easy_setopt(e, to[5] == '@'
		    ? CURLOPT_ABSTRACT_UNIX_SOCKET : CURLOPT_UNIX_SOCKET_PATH,
		    to[5] == '@' ? to + 6 : to + 5);
	} else if (elsewhere(to)) {
		struct curl_slist *list;

		snprintf(entry, sizeof entry, "::%s", to);
		list = curl_slist_append(NULL, entry);
		curl_easy_setopt(e, CURLOPT_CONNECT_TO, list);
		/* Kept with the handle's headers until the end. */
		x->resolve = list;
		return NULL;
	}
	for (at = settings.resolve; at && *at; at += *at == ' ') {
		size_t len = strcspn(at, " ");

		snprintf(entry, sizeof entry, "%.*s", (int)len, at);
		x->resolve = curl_slist_append(x->resolve, entry);
		at += len;
	}
	why = x->resolve ? NULL : hand_addresses(x, u);
	curl_easy_setopt(e, CURLOPT_RESOLVE, x->resolve);
	return why;
}

/*
 * libcurl 7.88 fails to use a connection again that was made with prior
 * knowledge of HTTP/2 unless it is asked for plain HTTP/2 from then on.
 */
static void set_version(struct transfer *x)
{
	CURL *e = x->handle->easy;
	bool known_h2 = x->session->speaks_h2c;

	if (settings.http_version != CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
		return;
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, known_h2
	    ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, known_h2 ? 0L : 1L);
}

const char *setup_request(struct transfer *x)
{
	CURL *e = x->handle->easy;
	int64_t left = x->deadline - swarm_now();
	const char *why;
	struct url u;

	if (url_parse(x->url, &u, &why) == -1)
		return why;
	why = set_route(x, &u);
	if (why)
		return why;
	curl_easy_setopt(e, CURLOPT_URL, x->url);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->detail);
	if (x->deadline != SWARM_FOREVER)
		curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
		    (long)(left > 1000000 ? left / 1000000 : 1));
	else
		curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, 0L);
	set_method(x);
	add_headers(x);
	set_credentials(x);
	set_version(x);
	x->detail[0] = '\0';
	return NULL;
}

void setup_clear(struct transfer *x)
{
	CURL *e = x->handle->easy;

	curl_easy_setopt(e, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(e, CURLOPT_RESOLVE, NULL);
	curl_easy_setopt(e, CURLOPT_CONNECT_TO, NULL);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, NULL);
	curl_slist_free_all(x->headers);
	curl_slist_free_all(x->resolve);
	x->headers = x->resolve = NULL;
}

/* ---- what came of it ---- */

static int64_t micro(CURL *e, CURLINFO what)
{
	curl_off_t us = 0;

	curl_easy_getinfo(e, what, &us);
	return (int64_t)us;
}

/* libcurl counts from the start of the transfer; phases are differences. */
static void collect_times(struct transfer *x)
{
	CURL *e = x->handle->easy;
	struct http_times *t = &x->a.pub.times;
	int64_t dns = micro(e, CURLINFO_NAMELOOKUP_TIME_T);
	int64_t connect = micro(e, CURLINFO_CONNECT_TIME_T);
	int64_t tls = micro(e, CURLINFO_APPCONNECT_TIME_T);
	int64_t sent = micro(e, CURLINFO_PRETRANSFER_TIME_T);
	int64_t first = micro(e, CURLINFO_STARTTRANSFER_TIME_T);
	int64_t total = micro(e, CURLINFO_TOTAL_TIME_T);
	long connects = 0;

	*t = answer_no_times;
	curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &connects);
	x->a.pub.reused = connects == 0 && first > 0;
	if (connects > 0 && connect > 0) {
		t->connect = (connect - dns) * 1000;
		if (tls > 0)
			t->tls = (tls - connect) * 1000;
	}
	if (first > 0) {
		t->wait = (first - sent) * 1000;
		t->receive = (total - first) * 1000;
	}
}

void setup_collect(struct transfer *x)
{
	struct http_response *r = &x->a.pub;
	CURL *e = x->handle->easy;
	long status = 0, version = 0;

	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(e, CURLINFO_HTTP_VERSION, &version);
	r->status = (int)status;
	r->version = version == CURL_HTTP_VERSION_3 ? "3"
	    : version == CURL_HTTP_VERSION_2_0 ? "2"
	    : version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1";
	x->session->speaks_h2c = version == CURL_HTTP_VERSION_2_0;
	collect_times(x);
	x->a.head = x->head;
	x->a.head_len = x->head_len;
}

static const char *connect_error(struct transfer *x)
{
	long error = 0;

	curl_easy_getinfo(x->handle->easy, CURLINFO_OS_ERRNO, &error);
	return error ? swarm_printf(x->a.pub.user, "connect: %s",
	    strerror((int)error)) : "connect: failed";
}

const char *setup_error(struct transfer *x)
{
	const char *text = *x->detail ? x->detail
	    : curl_easy_strerror(x->job.result);

	if (x->give_up)
		return x->give_up;
	switch (x->job.result) {
	case CURLE_OK:
		return NULL;
	case CURLE_OPERATION_TIMEDOUT:
		return "timed out";
	case CURLE_COULDNT_CONNECT:
		return connect_error(x);
	case CURLE_GOT_NOTHING:
		return "the server closed the connection";
	case CURLE_PARTIAL_FILE:
		return "the answer ended early";
	case CURLE_RECV_ERROR:
		return strstr(text, "reset")
		    ? "read: Connection reset by peer" : "read: failed";
	case CURLE_SEND_ERROR:
		return "write: failed";
	case CURLE_FILESIZE_EXCEEDED:
		return "the body is larger than the option max_body";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return swarm_printf(x->a.pub.user, "TLS: %s", text);
	default:
		return swarm_strdup(x->a.pub.user,
		    curl_easy_strerror(x->job.result));
	}
}
