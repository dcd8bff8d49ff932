/*
 * All strings go into one block behind the struct, in two passes over the same
 * code: the first counts, the second copies.  What goes into the request is
 * checked here, so that nothing can end a line that it is put in.
 */
#include "args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
	char *at;                       /* NULL: only count */
	size_t len;
};

static const char *keep(struct block *b, const char *text)
{
	size_t n;
	char *to = b->at ? b->at + b->len : NULL;

	if (!text)
		return NULL;
	n = strlen(text) + 1;
	if (to)
		memcpy(to, text, n);
	b->len += n;
	return to ? to : text;
}

static bool is_value(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return false;
	}
	return true;
}

/* RFC 9110, section 5.6.2. */
static bool is_token(const char *text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (const char *p = text; *p; p++) {
		if ((*p < '0' || *p > '9') && (*p < 'A' || *p > 'Z') &&
		    (*p < 'a' || *p > 'z') && !strchr(others, *p))
			return false;
	}
	return *text != 0;
}

static const char *check_headers(const struct ws_connect_args *a)
{
	for (size_t i = 0; i < a->header_count; i++) {
		if (!is_token(a->headers[i].name) ||
		    !is_value(a->headers[i].value))
			return "a header has characters that are not allowed";
	}
	return NULL;
}

static const char *check(const struct ws_connect_args *a, const struct url *u)
{
	if (a->path && (a->path[0] != '/' || strlen(a->path) > URL_PATH_MAX))
		return "the path must begin with \"/\" and have at most 1900 "
		    "bytes";
	if (a->path && (!is_value(a->path) || strpbrk(a->path, " #\t")))
		return "the path has characters that must be escaped";
	if ((a->cookies && !is_value(a->cookies)) ||
	    (a->origin && !is_value(a->origin)) ||
	    (a->protocols && !is_value(a->protocols)))
		return "a control character in cookies, origin or protocols";
	if (a->protocols && (strlen(a->protocols) > 1000 || !*a->protocols))
		return "protocols must have 1 to 1000 bytes";
	if (u->tls && u->numeric6)
		return "wss:// needs a name or an IPv4 address";
	if (a->max_message > INT32_MAX)
		return "max_message is above 2 GiB";
	if (a->timeout < 0 || a->ping_interval < 0 || a->reconnect_min < 0 ||
	    a->reconnect_max < 0)
		return "a time is negative";
	return check_headers(a);
}

static void line(struct block *b, const char *name, const char *value)
{
	const char *parts[] = { name, ": ", value, "\r\n" };

	if (!value)
		return;
	for (size_t i = 0; i < 4; i++) {
		size_t n = strlen(parts[i]);

		if (b->at)
			memcpy(b->at + b->len, parts[i], n);
		b->len += n;
	}
}

static size_t put_extra(struct block *b, const struct ws_connect_args *a)
{
	size_t start = b->len;

	line(b, "Origin", a->origin);
	line(b, "Cookie", a->cookies);
	for (size_t i = 0; i < a->header_count; i++)
		line(b, a->headers[i].name, a->headers[i].value);
	if (b->at)
		b->at[b->len] = 0;
	b->len++;
	return b->len - start;
}

static void put_strings(struct args *x, struct block *b)
{
	struct ws_connect_args *a = &x->a;
	struct ws_tls *t = &x->tls;

	a->url = keep(b, a->url);
	x->path = keep(b, a->path ? a->path : x->url.path);
	a->protocols = keep(b, a->protocols);
	a->source = keep(b, a->source);
	a->name = keep(b, a->name);
	t->ca_file = keep(b, t->ca_file);
	t->cert_file = keep(b, t->cert_file);
	t->key_file = keep(b, t->key_file);
	t->ciphers = keep(b, t->ciphers);
	t->min_version = keep(b, t->min_version);
}

static void complete(struct args *x, const struct args_defaults *d)
{
	struct ws_connect_args *a = &x->a;

	if (a->tls)
		sized_copy(&x->tls, sizeof x->tls, a->tls, a->tls->size);
	if (!x->tls.ca_file)
		x->tls.ca_file = d->tls.ca_file;
	if (!x->tls.cert_file) {
		x->tls.cert_file = d->tls.cert_file;
		x->tls.key_file = d->tls.key_file;
	}
	if (d->tls.insecure)
		x->tls.insecure = true;
	if (a->timeout == 0)
		a->timeout = d->timeout;
	if (a->max_message == 0)
		a->max_message = WS_MESSAGE_MAX;
	if (a->reconnect_max == 0)
		a->reconnect_max = 64 * a->reconnect_min;
	if (!a->name)
		a->name = "connect";
}

struct args *args_new(struct swarm_user *u, const struct ws_connect_args *from,
    const struct args_defaults *d, const char **why)
{
	struct args x = { .tls = { .size = sizeof x.tls } };
	struct block b = { NULL, 0 };
	struct args probe;
	struct args *made;
	size_t extra;

	sized_copy(&x.a, sizeof x.a, from, from->size);
	if (!x.a.url)
		x.a.url = swarm_host(u);
	errno = ENOTSUP;
	if (x.a.compress) {
		*why = "permessage-deflate is not offered: libwebsockets "
		    "4.1.6 can be stopped for good by what a server sends";
		return NULL;
	}
	errno = EINVAL;
	if (url_parse(&x.url, x.a.url, why) == -1)
		return NULL;
	*why = check(&x.a, &x.url);
	if (*why)
		return NULL;
	complete(&x, d);
	probe = x;
	put_strings(&probe, &b);
	extra = put_extra(&b, &x.a);
	if (extra > ARGS_HEADERS_MAX) {
		*why = "the headers are longer than 12000 bytes";
		return NULL;
	}
	made = malloc(sizeof *made + b.len);
	if (!made) {
		*why = "out of memory";
		return NULL;
	}
	*made = x;
	b = (struct block){ (char *)(made + 1), 0 };
	put_strings(made, &b);
	made->extra = b.at + b.len;
	put_extra(&b, &x.a);
	made->a.headers = NULL;
	made->a.cookies = made->a.origin = NULL;
	made->a.tls = NULL;
	return made;
}
