/*
 * A request as options of an easy handle, and what came of it.
 *
 * Names are looked up by swarm, once for the whole worker, and handed to
 * libcurl's cache: left alone, libcurl would start a thread for every
 * connection that finds no answer there yet, ten thousand of them when ten
 * thousand users start.
 *
 * Lists of headers are built in the task's memory, which libcurl's own
 * functions for lists would take from the heap, twice for each header.
 */
#include "transfer.h"

#include "own.h"
#include "settings.h"
#include "url.h"

#include <swarm/fiber.h>
#include <swarm/net.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#define KNOWN_NS INT64_C(50000000000)   /* less than swarm's own cache */

static bool option_told;                /* of resolve, to libcurl */

void setup_release(void)
{
	option_told = false;
}

/* ---- lists in the task's memory ---- */

static void append(struct transfer *x, struct curl_slist **list, char *text)
{
	struct curl_slist *item = swarm_alloc(x->c.a.pub.user, sizeof *item);

	item->data = text;
	item->next = NULL;
	while (*list)
		list = &(*list)->next;
	*list = item;
}

/* ---- names ---- */

static bool is_literal(const char *host)
{
	unsigned char scratch[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, scratch) == 1 ||
	    inet_pton(AF_INET6, host, scratch) == 1;
}

/* host:port:address,address for libcurl, when it does not have it yet. */
static const char *hand_addresses(struct transfer *x)
{
	char found[8][SWARM_ADDRESS_SIZE], error[128];
	char entry[URL_HOST_MAX + 16 + 8 * (SWARM_ADDRESS_SIZE + 3)];
	struct origin *o = x->origin;
	int64_t start = swarm_now();
	size_t at;
	int n, i;

	n = swarm_resolve(o->host, found, 8, x->c.deadline, error,
	    sizeof error);
	x->looked_up = swarm_now() - start;
	if (n == -1)
		return swarm_strdup(x->c.a.pub.user, error);
	at = (size_t)snprintf(entry, sizeof entry, "%s:%u:", o->host, o->port);
	for (i = 0; i < n; i++) {
		bool six = strchr(found[i], ':') != NULL;

		at += (size_t)snprintf(entry + at, sizeof entry - at,
		    "%s%s%s%s", i ? "," : "", six ? "[" : "", found[i],
		    six ? "]" : "");
	}
	append(x, &x->resolve, swarm_strdup(x->c.a.pub.user, entry));
	o->known_until = swarm_now() + KNOWN_NS;
	return NULL;
}

/* The option resolve has an entry for this server. */
static bool in_option(const struct origin *o)
{
	char server[URL_HOST_MAX + 16];
	const char *at = own.resolve;
	size_t len = (size_t)snprintf(server, sizeof server, "%s:%u:",
	    o->host, o->port);

	while (at && (at = strcasestr(at, server)) != NULL) {
		if (at == own.resolve || at[-1] == ' ')
			return true;
		at += len;
	}
	return false;
}

static void tell_option(struct transfer *x)
{
	const char *at;
	size_t len;

	for (at = own.resolve; at && *at; at += *at == ' ') {
		len = strcspn(at, " ");
		if (len > 0)
			append(x, &x->resolve, swarm_printf(x->c.a.pub.user,
			    "%.*s", (int)len, at));
		at += len;
	}
	option_told = true;
}

/* The option resolve, and swarm's own answers. */
static const char *set_addresses(struct transfer *x)
{
	struct origin *o = x->origin;

	if (!option_told)
		tell_option(x);
	if (o->known_until > x->c.a.timer.start)
		return NULL;
	if (is_literal(o->host) || own_given(own.proxy) ||
	    own_given(settings.connect_to) || in_option(o)) {
		o->known_until = SWARM_FOREVER;
		return NULL;
	}
	return hand_addresses(x);
}

/* ---- headers ---- */

static void add_header(struct transfer *x, const char *name,
    const char *value)
{
	size_t len = strlen(name), more = value ? strlen(value) : 0;
	char *line = swarm_alloc(x->c.a.pub.user, len + more + 3);

	/* libcurl: "Name:" takes a header away, "Name;" sends an empty one. */
	memcpy(line, name, len);
	line[len] = value && more == 0 ? ';' : ':';
	line[len + 1] = more ? ' ' : '\0';
	if (more)
		memcpy(line + len + 2, value, more + 1);
	append(x, &x->headers, line);
}

static bool given(const struct transfer *x, const char *name)
{
	return course_gives(&x->c, name);
}

static bool is_signed(const struct transfer *x)
{
	return x->c.args->auth && !x->c.foreign &&
	    strncmp(x->c.args->auth, "aws:", 4) == 0;
}

static void add_cookies(struct transfer *x)
{
	char value[8192];

	if (x->c.person->jar.first && !given(x, "Cookie") &&
	    person_cookies(x->c.person, x->origin, x->path, value,
	    sizeof value) > 0)
		add_header(x, "Cookie", value);
}

static void add_body_headers(struct transfer *x)
{
	const char *type = x->c.body.type;

	/* libcurl 7 signs headers that are taken away as if they were sent
	 * empty. */
	if (is_signed(x) && !type)
		type = "application/octet-stream";
	if (!given(x, "Content-Type"))
		add_header(x, "Content-Type", type);
	/* libcurl would wait for a go-ahead. */
	if (!given(x, "Expect") && !is_signed(x))
		add_header(x, "Expect", NULL);
	if (x->c.args->produce)
		add_header(x, "Transfer-Encoding", "chunked");
}

static void add_headers(struct transfer *x)
{
	CURL *e = x->handle->job.easy;
	const struct http_field *f;
	const struct header *h;

	for (h = x->c.person->headers; h; h = h->next) {
		if (!person_own(x->c.args->headers, h->name) &&
		    !course_withholds(&x->c, h->name))
			add_header(x, h->name, h->value);
	}
	for (f = x->c.args->headers; f && f->name; f++) {
		if (!course_withholds(&x->c, f->name))
			add_header(x, f->name, f->value);
	}
	if (x->c.authorization && !given(x, "Authorization"))
		add_header(x, "Authorization", x->c.authorization);
	add_cookies(x);
	if (x->c.body.present)
		add_body_headers(x);
	if (x->headers || x->handle->has_headers)
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
	x->handle->has_headers = x->headers != NULL;
}

/* ---- method, body, credentials ---- */

static size_t produce(char *buf, size_t size, size_t n, void *arg)
{
	struct transfer *x = arg;
	int64_t len = x->c.args->produce(x->c.args->produce_arg, buf, size * n);

	if (len < 0 || len > (int64_t)(size * n)) {
		x->give_up = "the scenario gave up on the body";
		return CURL_READFUNC_ABORT;
	}
	return (size_t)len;
}

static void set_method(struct transfer *x)
{
	CURL *e = x->handle->job.easy;
	const char *m = x->c.method;
	bool post = strcmp(m, "POST") == 0;

	curl_easy_setopt(e, CURLOPT_NOBODY, 0L);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, NULL);
	if (x->c.body.present || post || strcmp(m, "PUT") == 0 ||
	    strcmp(m, "PATCH") == 0) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		if (!post)
			curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, m);
		if (x->c.args->produce && x->c.body.present) {
			curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
			curl_easy_setopt(e, CURLOPT_READFUNCTION, produce);
			curl_easy_setopt(e, CURLOPT_READDATA, x);
			curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			    (curl_off_t)-1);
			return;
		}
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)x->c.body.len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS,
		    x->c.body.data ? x->c.body.data : "");
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
	CURL *e = x->handle->job.easy;
	const char *auth = x->c.args->auth;

	/* Basic and bearer are headers like others; these need libcurl. */
	if (!auth || !x->c.args->user || x->c.foreign ||
	    strcmp(auth, "basic") == 0) {
		curl_easy_setopt(e, CURLOPT_USERNAME, NULL);
		curl_easy_setopt(e, CURLOPT_PASSWORD, NULL);
		curl_easy_setopt(e, CURLOPT_AWS_SIGV4, NULL);
		return;
	}
	curl_easy_setopt(e, CURLOPT_USERNAME, x->c.args->user);
	curl_easy_setopt(e, CURLOPT_PASSWORD,
	    x->c.args->password ? x->c.args->password : "");
	if (strcmp(auth, "digest") == 0)
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_DIGEST);
	else
		curl_easy_setopt(e, CURLOPT_AWS_SIGV4, auth);
}

/* Most requests are like the one before them on this handle. */
static void set_shape(struct transfer *x)
{
	struct handle *h = x->handle;
	bool plain = !x->c.body.present && strcmp(x->c.method, "GET") == 0 &&
	    (!x->c.args->auth || x->c.foreign);

	if (plain && h->plain)
		return;
	set_method(x);
	set_credentials(x);
	h->plain = plain;
}

/*
 * libcurl 7.88 fails to use a connection again that was made with prior
 * knowledge of HTTP/2 unless it is asked for plain HTTP/2 from then on.
 */
static void set_version(struct transfer *x)
{
	CURL *e = x->handle->job.easy;
	bool known_h2 = x->session->speaks_h2c;

	if (own.http_version != CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
		return;
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, known_h2
	    ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, known_h2 ? 0L : 1L);
}

/* An absolute URL taken apart; NULL, or why it cannot be. */
static const char *find_origin(struct transfer *x)
{
	const char *why;
	struct url u;

	if (x->c.base) {
		x->origin = x->c.base->origin;
		return NULL;
	}
	if (url_parse(x->c.path, &u, &why) == -1)
		return why;
	x->origin = target_origin(&u, &why);
	return x->origin ? NULL : why;
}

/* The URL as libcurl takes it, in the task's memory; NULL, or why not. */
static const char *make_url(struct transfer *x, char **out)
{
	const struct base *b = x->c.base;
	const struct origin *o = x->origin;
	const char *path = x->c.path, *why;
	size_t len, want;
	struct url u;

	if (!b && url_parse(path, &u, &why) == 0)
		path = u.path;
	/* A byte of the path becomes three at most. */
	want = 3 * strlen(path) + (b ? 3 * b->prefix_len : 0) + 8;
	if (want > URL_MAX)
		want = URL_MAX;
	*out = swarm_alloc(x->c.a.pub.user, o->url_len + want);
	memcpy(*out, o->url, o->url_len);
	len = url_put_path(b ? b->prefix : "", b ? b->prefix_len : 0, path,
	    *out + o->url_len, want - 1);
	if (len == 0)
		return "the path is longer than 8 KiB";
	(*out)[o->url_len + len] = '\0';
	x->path = *out + o->url_len;
	return NULL;
}

const char *setup_request(struct transfer *x)
{
	struct handle *h = x->handle;
	CURL *e = h->job.easy;
	const char *why;
	bool unlimited;
	char *url;

	why = find_origin(x);
	if (!why)
		why = make_url(x, &url);
	if (!why)
		why = set_addresses(x);
	if (why)
		return why;
	if (x->resolve || h->has_resolve)
		curl_easy_setopt(e, CURLOPT_RESOLVE, x->resolve);
	h->has_resolve = x->resolve != NULL;
	unlimited = x->c.opened || strcmp(x->c.method, "HEAD") == 0;
	if (unlimited != h->unlimited)
		curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, unlimited
		    ? (curl_off_t)0 : (curl_off_t)settings.max_body);
	h->unlimited = unlimited;
	curl_easy_setopt(e, CURLOPT_URL, url);
	set_shape(x);
	add_headers(x);
	set_version(x);
	h->detail[0] = '\0';
	return NULL;
}

/* The lists are the task's, and so are bodies. */
void setup_clear(struct transfer *x)
{
	struct handle *h = x->handle;
	CURL *e = h->job.easy;

	if (h->has_headers)
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, NULL);
	if (h->has_resolve)
		curl_easy_setopt(e, CURLOPT_RESOLVE, NULL);
	if (!h->plain)
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
	h->has_headers = h->has_resolve = false;
	x->headers = x->resolve = NULL;
}

/* ---- what came of it ---- */

static int64_t micro(CURL *e, CURLINFO what)
{
	curl_off_t us = 0;

	curl_easy_getinfo(e, what, &us);
	return (int64_t)us;
}

/* The phases of a connection that was made for this transfer. */
static void collect_connect_times(struct transfer *x)
{
	CURL *e = x->handle->job.easy;
	struct http_times *t = &x->c.a.pub.times;
	int64_t dns = micro(e, CURLINFO_NAMELOOKUP_TIME_T);
	int64_t connect = micro(e, CURLINFO_CONNECT_TIME_T);
	int64_t tls = micro(e, CURLINFO_APPCONNECT_TIME_T);

	if (connect <= 0)
		return;
	t->resolve = dns * 1000 + x->looked_up;
	t->connect = (connect - dns) * 1000;
	/* Without an answer it is not known whether it was a resumption. */
	if (tls > 0 && x->looked_at_tls)
		t->tls = (tls - connect) * 1000;
}

/* libcurl counts from the start of the transfer; phases are differences. */
static void collect_times(struct transfer *x)
{
	CURL *e = x->handle->job.easy;
	struct http_times *t = &x->c.a.pub.times;
	int64_t first = micro(e, CURLINFO_STARTTRANSFER_TIME_T);
	long connects = 0;

	*t = answer_no_times;
	curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &connects);
	x->c.a.pub.reused = connects == 0 && first > 0;
	if (connects > 0)
		collect_connect_times(x);
	if (first > 0) {
		t->wait = (first - micro(e, CURLINFO_PRETRANSFER_TIME_T)) *
		    1000;
		t->receive = (micro(e, CURLINFO_TOTAL_TIME_T) - first) * 1000;
	}
}

void setup_collect(struct transfer *x)
{
	struct http_response *r = &x->c.a.pub;

	r->version = x->version == 3 ? "3" : x->version == 2 ? "2"
	    : x->version == 0 ? "1.0" : "1.1";
	x->session->speaks_h2c = x->version == 2;
	collect_times(x);
	x->c.a.head = x->head;
	x->c.a.head_len = x->has_head ? x->head_len : 0;
}

static const char *os_error(struct transfer *x, const char *step)
{
	long error = 0;

	curl_easy_getinfo(x->handle->job.easy, CURLINFO_OS_ERRNO, &error);
	return swarm_printf(x->c.a.pub.user, "%s: %s", step,
	    error ? strerror((int)error) : "failed");
}

const char *setup_error(struct transfer *x)
{
	const char *text = *x->handle->detail ? x->handle->detail
	    : curl_easy_strerror(x->result);

	if (x->give_up)
		return x->give_up;
	switch (x->result) {
	case CURLE_OK:
		return NULL;
	case CURLE_OPERATION_TIMEDOUT:
		return "timed out";
	case CURLE_COULDNT_CONNECT:
		return os_error(x, "connect");
	case CURLE_GOT_NOTHING:
		return "the server closed the connection";
	case CURLE_PARTIAL_FILE:
		return "the answer ended early";
	case CURLE_RECV_ERROR:
		return strstr(text, "reset")
		    ? "read: Connection reset by peer" : "read: failed";
	case CURLE_SEND_ERROR:
		return os_error(x, "write");
	case CURLE_FILESIZE_EXCEEDED:
		return "the body is larger than the option max_body";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return swarm_printf(x->c.a.pub.user, "TLS: %s", text);
	default:
		return swarm_strdup(x->c.a.pub.user,
		    curl_easy_strerror(x->result));
	}
}
