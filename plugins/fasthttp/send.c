/*
 * Requests as bytes.  A request with nothing of its own, which is most of
 * them, is sent from its template as it is.  Others are put together in a
 * buffer of the worker; when the socket does not take everything at once, what
 * is left is moved to the task's memory before the fiber waits.
 */
#include "exchange.h"

#include "heads.h"
#include "settings.h"
#include "template.h"
#include "url.h"

#include <swarm/fiber.h>
#include <swarm/net.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/uio.h>

#define COMPOSE_SIZE ((size_t)96 * 1024)
#define SMALL_BODY ((size_t)16 * 1024)
#define CHUNK_SIZE ((size_t)16 * 1024)

static char compose[COMPOSE_SIZE];      /* the worker's; never across a wait */

struct writer {
	size_t len;
	bool full;
};

static void put(struct writer *w, const void *data, size_t len)
{
	if (len > COMPOSE_SIZE - w->len) {
		w->full = true;
		return;
	}
	memcpy(compose + w->len, data, len);
	w->len += len;
}

static void put_text(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

static void put_header(struct writer *w, const char *name, const char *value)
{
	put_text(w, name);
	put(w, ": ", 2);
	put_text(w, value);
	put(w, "\r\n", 2);
}

/* ---- headers ---- */

static bool given(const struct exchange *x, const char *name)
{
	return course_gives(&x->c, name);
}

/* The template's usual lines, but for those given otherwise. */
static void put_usual(struct writer *w, const struct exchange *x,
    const struct template *t)
{
	const char *at = template_usual(t), *end = at + t->usual_len, *stop;
	char name[32];
	size_t len;

	for (; at < end; at = stop) {
		stop = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
		len = (size_t)((const char *)memchr(at, ':',
		    (size_t)(stop - at)) - at);
		memcpy(name, at, len);
		name[len] = '\0';
		if (!given(x, name))
			put(w, at, (size_t)(stop - at));
	}
}

static void put_own(struct writer *w, const struct exchange *x)
{
	const struct http_field *f;
	const struct header *h;

	for (h = x->c.person->headers; h; h = h->next) {
		if (!person_own(x->c.args->headers, h->name) &&
		    !course_withholds(&x->c, h->name))
			put_header(w, h->name, h->value);
	}
	for (f = x->c.args->headers; f && f->name; f++) {
		if (f->value && !course_withholds(&x->c, f->name))
			put_header(w, f->name, f->value);
	}
	if (x->c.authorization && !given(x, "Authorization"))
		put_header(w, "Authorization", x->c.authorization);
}

static void put_cookies(struct writer *w, struct exchange *x,
    const struct template *t)
{
	char path[1024], value[8192];
	size_t len;

	if (!x->c.person->jar.first || given(x, "Cookie"))
		return;
	len = person_cookies(x->c.person, t->origin,
	    template_path(t, x->c.method, path, sizeof path), value,
	    sizeof value);
	if (len == 0)
		return;
	put_text(w, "Cookie: ");
	put(w, value, len);
	put(w, "\r\n", 2);
}

/* Methods that mean a body say so when it is empty (RFC 9110, 8.6). */
static bool means_body(const char *method)
{
	return method[0] == 'P' && (strcmp(method, "POST") == 0 ||
	    strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0);
}

static void put_body_headers(struct writer *w, const struct exchange *x)
{
	char length[24];

	if (x->c.body.present && x->c.body.type && !given(x, "Content-Type"))
		put_header(w, "Content-Type", x->c.body.type);
	if (x->c.args->produce && x->c.body.present) {
		put_header(w, "Transfer-Encoding", "chunked");
		return;
	}
	if (!x->c.body.present && !means_body(x->c.method))
		return;
	if (given(x, "Content-Length"))
		return;
	snprintf(length, sizeof length, "%zu", x->c.body.len);
	put_header(w, "Content-Length", length);
}

/* ---- sending ---- */

/* Takes them in to be sent with others; false when there is no room. */
static bool gather(struct connection *c, const char *data, size_t len)
{
	if (!c->gather || len > SESSION_GATHER - c->gathered)
		return false;
	memcpy(c->gather + c->gathered, data, len);
	c->gathered += len;
	return true;
}

/* Moves the pieces over bytes that have gone; false when nothing is left. */
static bool skip(struct iovec **pieces, int *count, size_t n)
{
	while (*count > 0 && n >= (*pieces)->iov_len) {
		n -= (*pieces)->iov_len;
		(*pieces)++;
		(*count)--;
	}
	if (*count == 0)
		return false;
	(*pieces)->iov_base = (char *)(*pieces)->iov_base + n;
	(*pieces)->iov_len -= n;
	return true;
}

/* All of it, unless an answer comes that wants no more (x->cut). */
static int write_out(struct exchange *x, struct iovec *pieces, int count)
{
	struct swarm_stream *s = x->conn->stream;
	int64_t n;

	for (;;) {
		/* A head that has come is kept until all has been sent, and
		 * what comes while others are sent ahead is theirs. */
		if (x->early || x->conn->gather)
			return swarm_writev(s, pieces, count, x->c.deadline);
		n = swarm_writev_heed(s, pieces, count, x->c.deadline);
		if (n == -1)
			return -1;
		if (!skip(&pieces, &count, (size_t)n) || receive_early(x))
			return 0;
	}
}

int send_gathered(struct exchange *x)
{
	struct connection *c = x->conn;
	size_t len = c->gathered;

	c->gathered = 0;
	return len == 0 ? 0 : swarm_write(c->stream, c->gather, len,
	    x->c.deadline);
}

/* Writes bytes that will not survive a wait. */
static int write_now(struct exchange *x, const char *data, size_t len)
{
	struct swarm_stream *s = x->conn->stream;
	char *rest;
	int64_t n;

	if (gather(x->conn, data, len))
		return 0;
	/* No room: what is gathered goes first, which may wait. */
	n = x->conn->gathered > 0 ? 0 : swarm_try_write(s, data, len);

	if (n == (int64_t)len)
		return 0;
	if (n == -1 && errno != EAGAIN)
		return -1;
	if (n > 0) {
		data += n;
		len -= (size_t)n;
	}
	rest = swarm_alloc(x->c.a.pub.user, len);
	memcpy(rest, data, len);
	if (send_gathered(x) == -1)
		return -1;
	return write_out(x, &(struct iovec){ rest, len }, 1);
}

/* The head from `compose` and a body that stays where it is. */
static int write_with_body(struct exchange *x, size_t head_len)
{
	struct iovec pieces[2];
	char *head;

	if (x->c.body.len <= SMALL_BODY && head_len + x->c.body.len <=
	    COMPOSE_SIZE) {
		if (x->c.body.len > 0)
			memcpy(compose + head_len, x->c.body.data, x->c.body.len);
		return write_now(x, compose, head_len + x->c.body.len);
	}
	head = swarm_alloc(x->c.a.pub.user, head_len);
	memcpy(head, compose, head_len);
	if (send_gathered(x) == -1)
		return -1;
	pieces[0] = (struct iovec){ head, head_len };
	pieces[1] = (struct iovec){ (void *)(uintptr_t)x->c.body.data,
		x->c.body.len };
	return write_out(x, pieces, 2);
}

/* Between two pieces of a body that may take long to make. */
static bool is_answered(struct exchange *x)
{
	return !x->early && swarm_stream_stale(x->conn->stream) &&
	    receive_early(x);
}

/* A body of unknown length, in chunks. */
static int write_chunks(struct exchange *x, const char **why)
{
	char *buf = swarm_alloc(x->c.a.pub.user, CHUNK_SIZE + 32);
	struct iovec piece;
	char size[16];
	int64_t n;
	int len;

	do {
		n = x->c.args->produce(x->c.args->produce_arg, buf + 16, CHUNK_SIZE);
		if (n < 0 || n > (int64_t)CHUNK_SIZE) {
			*why = "the scenario gave up on the body";
			return -1;
		}
		len = snprintf(size, sizeof size, "%llx\r\n",
		    (unsigned long long)n);
		memcpy(buf + 16 - len, size, (size_t)len);
		memcpy(buf + 16 + n, "\r\n", 2);
		piece = (struct iovec){ buf + 16 - len, (size_t)(len + n + 2) };
		if (write_out(x, &piece, 1) == -1)
			return -1;
	} while (n > 0 && !x->cut && !is_answered(x));
	return 0;
}

/* The head needs no more than an empty line. */
static bool is_only_head(const struct exchange *x)
{
	return !x->c.person->jar.first && !x->c.body.present &&
	    !means_body(x->c.method);
}

/* Nothing of its own: the template's bytes are the head. */
static bool is_plain(const struct exchange *x)
{
	return !x->c.args->headers && !x->c.person->headers &&
	    !x->c.authorization;
}

/* Nothing but the template and its own headers make the head. */
static bool is_usual(const struct exchange *x)
{
	return x->c.args->headers && !x->c.person->headers &&
	    !x->c.authorization && !x->c.foreign && !x->c.bodiless;
}

/* All but cookies, what is about the body and the empty line. */
static void put_head(struct writer *w, struct exchange *x,
    const struct template *t)
{
	put(w, template_line(t), t->line_len);
	put_usual(w, x, t);
	put_own(w, x);
	if (is_usual(x) && !w->full)
		heads_keep(t, x->c.args->headers, compose, w->len);
}

static const char too_many[] = "its headers are larger than 96 KiB";

static void put_lines(struct writer *w, struct exchange *x,
    const struct template *t)
{
	put_usual(w, x, t);
	put_own(w, x);
	put_cookies(w, x, t);
	put_body_headers(w, x);
}

size_t send_lines(struct exchange *x, const struct template *t,
    const char **lines, const char **why)
{
	struct writer w = { 0 };

	if (is_plain(x) && is_only_head(x)) {
		*lines = template_usual(t);
		return t->usual_len;
	}
	put_lines(&w, x, t);
	*lines = compose;
	*why = too_many;
	return w.full ? 0 : w.len;
}

int send_request(struct exchange *x, const char **why)
{
	const struct template *t = exchange_template(x, why);
	const struct head *known = NULL;
	struct writer w = { 0 };

	if (!t)
		return -1;
	if (is_usual(x))
		known = x->head ? x->head : heads_find(t, x->c.args->headers);
	/* Writing may wait. */
	x->template = NULL;
	if (is_plain(x) && is_only_head(x))
		return write_now(x, template_line(t),
		    (size_t)t->line_len + t->usual_len + 2);
	if (known && is_only_head(x))
		return write_now(x, head_bytes(known), known->len + 2u);
	if (known)
		put(&w, head_bytes(known), known->len);
	else
		put_head(&w, x, t);
	put_cookies(&w, x, t);
	put_body_headers(&w, x);
	put(&w, "\r\n", 2);
	if (w.full) {
		*why = too_many;
		return -1;
	}
	if (!x->c.body.present)
		return write_now(x, compose, w.len);
	if (!x->c.args->produce)
		return write_with_body(x, w.len);
	if (write_now(x, compose, w.len) == -1)
		return -1;
	return write_chunks(x, why);
}
