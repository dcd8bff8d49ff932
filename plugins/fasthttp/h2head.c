/*
 * A request's lines are the same for both versions of HTTP, so that what goes
 * into them is decided in one place (send.c); taking them apart again costs a
 * tenth of a microsecond.  An answer's fields become lines for the same
 * reason: all that looks at heads looks at lines.
 */
#include "h2head.h"

#include "limits.h"
#include "line.h"
#include "room.h"
#include "template.h"

#include <swarm/user.h>

#include <string.h>
#include <strings.h>

#define FIELDS_MAX 300
#define TEXT_FIRST ((size_t)512)

/* ---- requests ---- */

static nghttp2_nv fields[FIELDS_MAX];   /* the worker's; never across a wait */

static void put(nghttp2_nv *nv, const char *name, size_t name_len,
    const char *value, size_t len)
{
	*nv = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
		.value = (uint8_t *)(uintptr_t)value,
		.namelen = name_len, .valuelen = len };
}

/* A static name in small letters. */
static void put_pseudo(nghttp2_nv *nv, const char *name, size_t name_len,
    const char *value, size_t len)
{
	put(nv, name, name_len, value, len);
	nv->flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
}

#define PSEUDO(nv, name, value, len) \
	put_pseudo((nv), (name), sizeof (name) - 1, (value), (len))

static bool is(const char *name, size_t len, const char *what)
{
	return len == strlen(what) && strncasecmp(name, what, len) == 0;
}

/* What is of one connection of HTTP/1.1 has no meaning here (RFC 9113,
 * 8.2.2); but for the wish for trailers. */
static bool is_of_connection(const char *name, size_t len, const char *value,
    size_t value_len)
{
	switch (name[0] | 0x20) {
	case 'c':
		return is(name, len, "Connection");
	case 'k':
		return is(name, len, "Keep-Alive");
	case 'p':
		return is(name, len, "Proxy-Connection");
	case 't':
		return is(name, len, "Transfer-Encoding") ||
		    (is(name, len, "TE") && !is(value, value_len, "trailers"));
	case 'u':
		return is(name, len, "Upgrade");
	default:
		return false;
	}
}

/* Every line "Name: value" CRLF, as send.c and template.c write them. */
static size_t put_lines(const char *at, const char *end, const char **why)
{
	const char *colon, *stop;
	size_t count = 4, name_len;

	for (; at < end; at = stop + 2) {
		stop = memchr(at, '\r', (size_t)(end - at));
		colon = memchr(at, ':', (size_t)(stop - at));
		name_len = (size_t)(colon - at);
		if (is(at, name_len, "Host")) {
			fields[2].value = (uint8_t *)(uintptr_t)(colon + 2);
			fields[2].valuelen = (size_t)(stop - colon - 2);
			continue;
		}
		if (is_of_connection(at, name_len, colon + 2,
		    (size_t)(stop - colon - 2)))
			continue;
		if (count == FIELDS_MAX) {
			*why = "it has more than 295 headers";
			return 0;
		}
		put(&fields[count++], at, name_len, colon + 2,
		    (size_t)(stop - colon - 2));
	}
	return count;
}

size_t h2head_request(struct exchange *x, nghttp2_nv **nv, const char **why)
{
	const struct template *t = exchange_template(x, why);
	size_t method_len = strlen(x->c.method), len;
	const char *lines;

	if (!t)
		return 0;
	PSEUDO(&fields[0], ":method", x->c.method, method_len);
	PSEUDO(&fields[1], ":scheme", t->origin->https ? "https" : "http",
	    t->origin->https ? 5 : 4);
	PSEUDO(&fields[2], ":authority", t->origin->header,
	    strlen(t->origin->header));
	PSEUDO(&fields[3], ":path", template_line(t) + method_len + 1,
	    t->line_len - method_len - 1 - strlen(" HTTP/1.1\r\n"));
	len = send_lines(x, t, &lines, why);
	*nv = fields;
	return len == 0 ? 0 : put_lines(lines, lines + len, why);
}

/* ---- answers ---- */

static void append(struct h2lines *l, const char *data, size_t len)
{
	memcpy(l->text + l->len, data, len);
	l->len += len;
}

static void make_room(struct h2lines *l, struct exchange *x, size_t len)
{
	room_for(x->c.a.pub.user, &l->text, &l->cap, l->len, len, TEXT_FIRST);
}

/* A block begins with it, of which libnghttp2 has made sure that it has three
 * digits. */
static const char *take_status(struct h2head *h, struct exchange *x,
    const char *value)
{
	x->parse.facts = (struct parse_facts){ .minor = 1 };
	h->lines.len = 0;
	h->status = (value[0] - '0') * 100 + (value[1] - '0') * 10 +
	    (value[2] - '0');
	x->parse.facts.status = h->status;
	if (h->status == 101)
		return LIMIT_SWITCH_TEXT;
	return NULL;
}

const char *h2head_field(struct h2head *h, struct exchange *x,
    const char *name, size_t name_len, const char *value, size_t len)
{
	struct h2lines *l = h->told ? &h->trailers : &h->lines;
	size_t line = name_len + len + 4;

	if (name[0] == ':')
		return len == 3 ? take_status(h, x, value)
		    : "malformed status";
	if (l->len + line > (h->told ? LIMIT_TRAILERS : PARSE_HEAD_MAX))
		return h->told ? LIMIT_TRAILERS_TEXT
		    : "the head is larger than 64 KiB";
	make_room(l, x, line);
	append(l, name, name_len);
	append(l, ": ", 2);
	append(l, value, len);
	append(l, "\r\n", 2);
	/* What is of the head a trailer does not say. */
	return h->told ? NULL : line_field(&x->parse.facts, name, name_len,
	    l->text + l->len - len - 2, len, l->len - len - 2);
}

/* The lines behind the body. */
static const char *end_trailers(struct h2head *h, struct exchange *x)
{
	x->c.a.trailers = h->trailers.text;
	x->c.a.trailers_len = h->trailers.len;
	return NULL;
}

const char *h2head_end(struct h2head *h, struct exchange *x, bool *final)
{
	*final = false;
	if (h->told)
		return end_trailers(h, x);
	if (h->status < 200) {
		return ++h->interim > LIMIT_INTERIM ? LIMIT_INTERIM_TEXT
		    : NULL;
	}
	*final = h->told = true;
	if (h->status == 204 || h->status == 304)
		x->parse.no_body = true;
	make_room(&h->lines, x, 0);
	h->lines.text[h->lines.len] = '\0';
	return receive_head(x, h->lines.text, h->lines.len);
}
