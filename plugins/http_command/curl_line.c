/*
 * curl's command line, as browsers copy it and as documentation shows it.
 * Options that change the request or the connection are understood; those
 * about curl's own output are passed over; any other is an error, since
 * leaving it out would send something else than what was pasted.
 */
#include "call.h"

#include <swarm/log.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct call *call;
	struct client *client;
	const char *user;
	bool get;
	bool head;
	bool json;
};

static int take_header(struct reading *r, const char *v)
{
	return call_header(r->call, v);
}

static int named_header(struct reading *r, const char *name, const char *v)
{
	size_t len = strlen(name) + strlen(v) + 3;
	char *line = malloc(len);
	int rc;

	if (!line)
		return -1;
	snprintf(line, len, "%s: %s", name, v);
	rc = call_header(r->call, line);
	free(line);
	return rc;
}

static int take_method(struct reading *r, const char *v)
{
	call_set(&r->call->method, v);
	return 0;
}

static int take_agent(struct reading *r, const char *v)
{
	return named_header(r, "User-Agent", v);
}

static int take_referer(struct reading *r, const char *v)
{
	return named_header(r, "Referer", v);
}

static int take_cookie(struct reading *r, const char *v)
{
	if (strchr(v, '='))
		return named_header(r, "Cookie", v);
	swarm_error("curl's -b with a file (%s) is not understood: give the "
	    "cookies as \"name=value\"", v);
	return -1;
}

/* Bytes of "@file", without line ends unless `raw`; else of the value. */
static int add_data(struct reading *r, const char *v, bool raw)
{
	char *data, *from, *to;
	size_t len;

	if (v[0] != '@') {
		call_body(r->call, "&", v, strlen(v));
		return 0;
	}
	data = call_read_file(v + 1, &len);
	if (!data)
		return -1;
	for (from = to = data; !raw && from < data + len; from++) {
		if (*from != '\r' && *from != '\n')
			*to++ = *from;
	}
	if (!raw)
		len = (size_t)(to - data);
	call_body(r->call, "&", data, len);
	free(data);
	return 0;
}

static int take_data(struct reading *r, const char *v)
{
	return add_data(r, v, false);
}

static int take_binary(struct reading *r, const char *v)
{
	return add_data(r, v, true);
}

static int take_raw(struct reading *r, const char *v)
{
	call_body(r->call, "&", v, strlen(v));
	return 0;
}

static int take_json(struct reading *r, const char *v)
{
	r->json = true;
	return add_data(r, v, true);
}

/* "name=content" or "content"; the content is percent-encoded. */
static int take_urlencode(struct reading *r, const char *v)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *sign = strchr(v, '=');
	char *out = malloc(strlen(v) * 3 + 1);
	size_t at = 0;

	if (!out)
		return -1;
	if (sign && sign > v) {
		memcpy(out, v, (size_t)(sign - v) + 1);
		at = (size_t)(sign - v) + 1;
	}
	for (v = sign ? sign + 1 : v; *v; v++) {
		unsigned char c = (unsigned char)*v;

		if (c < 0x80 && (isalnum(c) || strchr("-._~", c))) {
			out[at++] = *v;
		} else {
			out[at++] = '%';
			out[at++] = hex[c >> 4];
			out[at++] = hex[c & 15];
		}
	}
	call_body(r->call, "&", out, at);
	free(out);
	return 0;
}

/* "name=content", "name=@file;type=t;filename=f" */
static int take_form(struct reading *r, const char *v)
{
	struct call *c = r->call;
	struct http_part *p;
	const char *sign = strchr(v, '='), *more;

	if (!sign) {
		swarm_error("curl's -F \"%s\" is not of the form name=value", v);
		return -1;
	}
	p = realloc(c->parts, (c->part_count + 2) * sizeof *p);
	if (!p)
		return -1;
	c->parts = p;
	p = &c->parts[c->part_count++];
	memset(p, 0, 2 * sizeof *p);
	p->name = strndup(v, (size_t)(sign - v));
	more = strstr(sign + 1, ";type=");
	if (more)
		p->type = strndup(more + 6, strcspn(more + 6, ";"));
	more = strstr(sign + 1, ";filename=");
	if (more)
		p->filename = strndup(more + 10, strcspn(more + 10, ";"));
	if (sign[1] == '@')
		p->file = strndup(sign + 2, strcspn(sign + 2, ";"));
	else
		p->data = strndup(sign + 1, strcspn(sign + 1, ";"));
	return 0;
}

static int take_user(struct reading *r, const char *v)
{
	r->user = v;
	return 0;
}

static int take_url(struct reading *r, const char *v)
{
	if (r->call->url) {
		swarm_error("the curl command has two URLs: %s and %s",
		    r->call->url, v);
		return -1;
	}
	call_set_url(r->call, v);
	return 0;
}

#define TAKE_CLIENT(field) \
	static int take_##field(struct reading *r, const char *v) \
	{ \
		call_set(&r->client->field, v); \
		return 0; \
	}

TAKE_CLIENT(ca)
TAKE_CLIENT(cert)
TAKE_CLIENT(key)
TAKE_CLIENT(proxy)
TAKE_CLIENT(resolve)
TAKE_CLIENT(timeout)
TAKE_CLIENT(connect_timeout)

static int flag_get(struct reading *r, const char *v)
{
	(void)v;
	r->get = true;
	return 0;
}

static int flag_head(struct reading *r, const char *v)
{
	(void)v;
	r->head = true;
	return 0;
}

static int flag_insecure(struct reading *r, const char *v)
{
	(void)v;
	r->client->insecure = true;
	return 0;
}

static int flag_compressed(struct reading *r, const char *v)
{
	(void)v;
	r->client->compressed = true;
	return 0;
}

static int flag_h1(struct reading *r, const char *v)
{
	(void)v;
	r->client->version = "1.1";
	return 0;
}

static int flag_h2(struct reading *r, const char *v)
{
	(void)v;
	r->client->version = "2";
	return 0;
}

static int flag_h2c(struct reading *r, const char *v)
{
	(void)v;
	r->client->version = "h2c";
	return 0;
}

static int flag_h3(struct reading *r, const char *v)
{
	(void)v;
	r->client->version = "3";
	return 0;
}

static int nothing(struct reading *r, const char *v)
{
	(void)r;
	(void)v;
	return 0;
}

static const struct curl_option {
	const char *name;
	char letter;
	bool value;
	int (*take)(struct reading *, const char *);
} options[] = {
	{ "request", 'X', true, take_method },
	{ "header", 'H', true, take_header },
	{ "data", 'd', true, take_data },
	{ "data-ascii", 0, true, take_data },
	{ "data-raw", 0, true, take_raw },
	{ "data-binary", 0, true, take_binary },
	{ "data-urlencode", 0, true, take_urlencode },
	{ "json", 0, true, take_json },
	{ "form", 'F', true, take_form },
	{ "user", 'u', true, take_user },
	{ "user-agent", 'A', true, take_agent },
	{ "referer", 'e', true, take_referer },
	{ "cookie", 'b', true, take_cookie },
	{ "url", 0, true, take_url },
	{ "get", 'G', false, flag_get },
	{ "head", 'I', false, flag_head },
	{ "insecure", 'k', false, flag_insecure },
	{ "compressed", 0, false, flag_compressed },
	{ "http1.1", 0, false, flag_h1 },
	{ "http2", 0, false, flag_h2 },
	{ "http2-prior-knowledge", 0, false, flag_h2c },
	{ "http3", 0, false, flag_h3 },
	{ "cacert", 0, true, take_ca },
	{ "cert", 'E', true, take_cert },
	{ "key", 0, true, take_key },
	{ "proxy", 'x', true, take_proxy },
	{ "resolve", 0, true, take_resolve },
	{ "max-time", 'm', true, take_timeout },
	{ "connect-timeout", 0, true, take_connect_timeout },
	/* About what curl prints, or what is so anyway. */
	{ "location", 'L', false, nothing },
	{ "silent", 's', false, nothing },
	{ "show-error", 'S', false, nothing },
	{ "verbose", 'v', false, nothing },
	{ "include", 'i', false, nothing },
	{ "fail", 'f', false, nothing },
	{ "globoff", 'g', false, nothing },
	{ "no-buffer", 'N', false, nothing },
	{ "progress-bar", '#', false, nothing },
	{ "output", 'o', true, nothing },
	{ "write-out", 'w', true, nothing },
	{ "max-redirs", 0, true, nothing },
	{ "retry", 0, true, nothing },
};

#define OPTION_COUNT (sizeof options / sizeof options[0])

static const struct curl_option *by_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++) {
		if (strlen(options[i].name) == len &&
		    strncmp(options[i].name, name, len) == 0)
			return &options[i];
	}
	return NULL;
}

static const struct curl_option *by_letter(char letter)
{
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++) {
		if (options[i].letter == letter)
			return &options[i];
	}
	return NULL;
}

static int unknown(const char *word)
{
	swarm_error("curl's option %s is not understood here: leave it out if "
	    "it does not matter", word);
	return -1;
}

static int missing(const char *word)
{
	swarm_error("curl's option %s has no value", word);
	return -1;
}

/* "--name value", "--name=value"; *i moves over the value. */
static int long_option(struct reading *r, char *const *words, int count,
    int *i)
{
	const char *word = words[*i];
	size_t len = strcspn(word + 2, "=");
	const struct curl_option *o = by_name(word + 2, len);

	if (!o)
		return unknown(word);
	if (!o->value)
		return o->take(r, NULL);
	if (word[2 + len] == '=')
		return o->take(r, word + 3 + len);
	if (*i + 1 >= count)
		return missing(word);
	return o->take(r, words[++*i]);
}

/* "-sSL", "-XPOST", "-X POST" */
static int short_options(struct reading *r, char *const *words, int count,
    int *i)
{
	const char *at = words[*i] + 1;
	const struct curl_option *o;

	for (; *at; at++) {
		o = by_letter(*at);
		if (!o)
			return unknown(words[*i]);
		if (o->value && at[1])
			return o->take(r, at + 1);
		if (o->value && *i + 1 >= count)
			return missing(words[*i]);
		if (o->value)
			return o->take(r, words[++*i]);
		if (o->take(r, NULL) == -1)
			return -1;
	}
	return 0;
}

/* ---- what the options mean together ---- */

/* --get: the data becomes the query. */
static void move_to_query(struct call *c)
{
	size_t len = strlen(c->url) + c->body_len + 2;
	char *url = malloc(len);

	if (!url)
		return;
	snprintf(url, len, "%s%c%s", c->url, strchr(c->url, '?') ? '&' : '?',
	    c->body);
	free(c->url);
	c->url = url;
	free(c->body);
	c->body = NULL;
	c->body_len = 0;
}

static int add_default_headers(struct reading *r)
{
	struct call *c = r->call;

	if (r->json && !call_has_header(c, "Content-Type") &&
	    call_header(c, "Content-Type: application/json") == -1)
		return -1;
	if (r->json && !call_has_header(c, "Accept") &&
	    call_header(c, "Accept: application/json") == -1)
		return -1;
	if (c->body && !call_has_header(c, "Content-Type"))
		return call_header(c,
		    "Content-Type: application/x-www-form-urlencoded");
	return 0;
}

/* "user:password" as a header, since a scenario shows headers. */
static int add_user(struct reading *r)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char out[1024] = "Authorization: Basic ";
	size_t at = strlen(out), len, i;
	const unsigned char *u = (const unsigned char *)r->user;

	if (!r->user)
		return 0;
	len = strlen(r->user);
	if (len > 600) {
		swarm_error("curl's -u is longer than 600 bytes");
		return -1;
	}
	if (!strchr(r->user, ':')) {
		swarm_error("curl's -u \"%s\" has no password, which curl "
		    "would ask for: give NAME:PASSWORD", r->user);
		return -1;
	}
	for (i = 0; i < len; i += 3) {
		unsigned v = (unsigned)u[i] << 16;

		v |= i + 1 < len ? (unsigned)u[i + 1] << 8 : 0;
		v |= i + 2 < len ? u[i + 2] : 0u;
		out[at++] = digits[v >> 18];
		out[at++] = digits[v >> 12 & 63];
		out[at++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		out[at++] = i + 2 < len ? digits[v & 63] : '=';
	}
	out[at] = '\0';
	return call_header(r->call, out);
}

int curl_read(char *const *words, int count, struct calls *calls,
    struct client *client)
{
	struct reading r = { .call = call_add(calls), .client = client };
	bool only_words = false;
	int i, rc = 0;

	for (i = 1; i < count && rc == 0; i++) {
		const char *word = words[i];

		if (only_words || word[0] != '-' || word[1] == '\0')
			rc = take_url(&r, word);
		else if (strcmp(word, "--") == 0)
			only_words = true;
		else if (word[1] == '-')
			rc = long_option(&r, words, count, &i);
		else
			rc = short_options(&r, words, count, &i);
	}
	if (rc == -1)
		return -1;
	if (!r.call->url) {
		swarm_error("the curl command has no URL");
		return -1;
	}
	if (r.get && r.call->body)
		move_to_query(r.call);
	if (r.head && !r.call->method)
		call_set(&r.call->method, "HEAD");
	return add_default_headers(&r) == -1 || add_user(&r) == -1 ? -1 : 0;
}
