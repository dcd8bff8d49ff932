/*
 * A strict parser.  What a server must not send is an error with a name, and
 * never guessed at: lines end with CRLF, names are tokens, values have no
 * control characters, lengths are plain digits that agree, a length and a
 * transfer coding exclude each other (RFC 9112, 6.3).
 *
 * A head that arrives whole, which is nearly always, is parsed where it is,
 * each line once.  One that arrives in pieces is gathered; lines that have
 * been parsed are not parsed again, so that a server that sends single bytes
 * costs no more than it sends.
 */
#include "parse.h"

#include "limits.h"
#include "line.h"

#include <stdlib.h>
#include <string.h>

enum state {
	STATUS_LINE,
	HEADER_LINE,
	BODY_START,                     /* the head has been told */
	BODY_LENGTH,
	BODY_TO_END,
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_CR,
	CHUNK_LF,
	TRAILER_START,
	TRAILER,
	TRAILER_LF,
	LAST_LF,
	DONE,
	FAILED,
};

static enum parse_event fail(struct parse *p, const char *why)
{
	p->state = FAILED;
	p->error = why;
	p->keep_alive = false;
	return PARSE_ERROR;
}

void parse_init(struct parse *p, struct parse_memo *memo)
{
	p->memo = memo;
	p->buf = NULL;
	p->buf_cap = 0;
}

void parse_start(struct parse *p, bool to_head)
{
	struct parse_memo *memo = p->memo;
	char *buf = p->buf;
	size_t cap = p->buf_cap;

	memset(p, 0, sizeof *p);
	p->no_body = to_head;
	p->memo = memo;
	p->buf = buf;
	p->buf_cap = cap;
}

void parse_release(struct parse *p)
{
	free(p->buf);
	p->buf = NULL;
	p->buf_cap = p->buf_len = 0;
}

/* ---- the head ---- */

static int gather(struct parse *p, const char *data, size_t len)
{
	size_t cap = p->buf_cap ? p->buf_cap : 1024;
	char *grown;

	while (cap < p->buf_len + len)
		cap *= 2;
	if (cap != p->buf_cap) {
		grown = realloc(p->buf, cap);
		if (!grown)
			return -1;
		p->buf = grown;
		p->buf_cap = cap;
	}
	memcpy(p->buf + p->buf_len, data, len);
	p->buf_len += len;
	return 0;
}

/* How the body ends: RFC 9112, 6.3. */
static const char *frame(struct parse *p)
{
	if (p->facts.chunked && p->facts.has_length)
		return "both Content-Length and Transfer-Encoding";
	if (p->facts.chunked && p->facts.minor == 0)
		return "Transfer-Encoding in HTTP/1.0";
	p->keep_alive = !p->facts.says_close &&
	    (p->facts.minor > 0 || p->facts.says_keep_alive);
	if (p->facts.status == 204 || p->facts.status == 304)
		p->no_body = true;
	if (!p->no_body && !p->facts.chunked && !p->facts.has_length) {
		p->to_the_end = true;
		p->keep_alive = false;
	}
	return NULL;
}

/* An interim answer (100, 103, …) is followed by the real one. */
static const char *skip_interim(struct parse *p)
{
	unsigned interim = p->interim + 1;

	if (p->facts.status == 101)
		return LIMIT_SWITCH_TEXT;
	if (interim > LIMIT_INTERIM)
		return LIMIT_INTERIM_TEXT;
	parse_start(p, p->no_body);
	p->interim = interim;
	p->started = true;
	return NULL;
}

/* One line of the head; *end_of_head when it was the empty one. */
static const char *head_line(struct parse *p, const char *s, size_t len,
    bool *end_of_head)
{
	if (len == 0 || s[len - 1] != '\r')
		return "a line of the head does not end with CRLF";
	len--;
	if (p->state == STATUS_LINE) {
		p->facts.first_line = len + 2;
		p->state = HEADER_LINE;
		return line_status(&p->facts, s, len);
	}
	*end_of_head = len == 0;
	return len == 0 ? NULL : line_header(&p->facts, s, len, p->line);
}

/* Parses lines of base[0..n): 1 at the end of the head (its length in
 * *used), 0 when more is needed, -1 after fail(). */
static int parse_lines(struct parse *p, const char *base, size_t n,
    size_t *used)
{
	bool end_of_head = false;
	const char *lf, *why;

	while (!end_of_head) {
		lf = memchr(base + p->seen, '\n', n - p->seen);
		if (!lf) {
			p->seen = n;
			return 0;
		}
		why = head_line(p, base + p->line,
		    (size_t)(lf - base) - p->line, &end_of_head);
		if (why) {
			fail(p, why);
			return -1;
		}
		p->line = p->seen = (size_t)(lf - base) + 1;
	}
	*used = p->line;
	return 1;
}

/* The first line tells soon whether this is HTTP at all: a server that speaks
 * something else may never send a line end. */
static bool cannot_be_http(const char *base, size_t n)
{
	return memcmp(base, "HTTP/1.", n < 7 ? n : 7) != 0;
}

/* ---- heads seen before ---- */

/* Whether the bytes begin with a head that is known: its length, or 0. */
static size_t recall(struct parse *p, const char *base, size_t n)
{
	struct parse_memo *m = p->memo;
	unsigned i, at;

	for (i = 0; m && i < PARSE_MEMO_HEADS; i++) {
		at = (m->last + i) % PARSE_MEMO_HEADS;
		if (m->heads[at].len == 0 || m->heads[at].len > n ||
		    memcmp(base, m->heads[at].bytes, m->heads[at].len) != 0)
			continue;
		m->last = at;
		p->facts = m->heads[at].facts;
		return m->heads[at].len;
	}
	return 0;
}

static void remember(struct parse *p, const char *base, size_t len)
{
	struct parse_memo *m = p->memo;
	unsigned at;

	if (!m || len > PARSE_MEMO_SIZE)
		return;
	at = m->turn++ % PARSE_MEMO_HEADS;
	memcpy(m->heads[at].bytes, base, len);
	m->heads[at].len = len;
	m->heads[at].facts = p->facts;
	m->last = at;
}

/* The head is whole: what follows from it. */
static enum parse_event told_head(struct parse *p, const char *base,
    size_t used)
{
	const char *why = frame(p);

	if (why)
		return fail(p, why);
	p->head = base + p->facts.first_line;
	p->head_len = used - 2 - p->facts.first_line;
	if (p->facts.location_at)
		p->location = base + p->facts.location_at;
	p->state = BODY_START;
	return PARSE_HEAD;
}

/* Lines from *at up to `end`, gathered with those before. */
static enum parse_event feed_lines(struct parse *p, const char **at,
    const char *end)
{
	size_t before = p->buf_len, n = (size_t)(end - *at), used = 0;
	const char *base = *at, *why;
	bool gathered = before > 0;
	int rc;

	if (gathered) {
		if (n > PARSE_HEAD_MAX - before)
			n = PARSE_HEAD_MAX - before;
		if (gather(p, *at, n) == -1)
			return fail(p, "out of memory");
		base = p->buf;
		n += before;
	}
	if (p->state == STATUS_LINE && cannot_be_http(base, n))
		return fail(p, "not an answer in HTTP/1.x");
	rc = parse_lines(p, base, n, &used);
	if (rc == -1)
		return PARSE_ERROR;
	if (rc == 1 ? used > PARSE_HEAD_MAX : n >= PARSE_HEAD_MAX)
		return fail(p, "the head is larger than 64 KiB");
	if (rc == 0) {
		if (!gathered && gather(p, base, n) == -1)
			return fail(p, "out of memory");
		*at = end;
		return PARSE_MORE;
	}
	*at += used - before;
	p->buf_len = 0;
	if (p->facts.status < 200) {
		why = skip_interim(p);
		return why ? fail(p, why) : parse_next(p, at, end);
	}
	remember(p, base, used);
	return told_head(p, base, used);
}

static enum parse_event feed_head(struct parse *p, const char **at,
    const char *end)
{
	const char *base = *at;
	size_t known = 0;

	if (p->state == STATUS_LINE && p->buf_len == 0)
		known = recall(p, base, (size_t)(end - base));
	if (known == 0)
		return feed_lines(p, at, end);
	*at += known;
	return told_head(p, base, known);
}

/* ---- the body ---- */

static enum parse_event start_body(struct parse *p)
{
	p->head = p->location = NULL;
	if (p->no_body || (p->facts.has_length && p->facts.length == 0)) {
		p->state = DONE;
		return PARSE_DONE;
	}
	p->state = p->facts.chunked ? CHUNK_SIZE
	    : p->facts.has_length ? BODY_LENGTH : BODY_TO_END;
	p->left = p->facts.length;
	return PARSE_MORE;
}

static enum parse_event give(struct parse *p, const char **at, size_t len)
{
	p->data = *at;
	p->data_len = len;
	*at += len;
	return PARSE_DATA;
}

static enum parse_event give_left(struct parse *p, const char **at,
    const char *end, int next)
{
	size_t n = (size_t)(end - *at);

	if (n > p->left)
		n = (size_t)p->left;
	p->left -= n;
	if (p->left == 0)
		p->state = next;
	return give(p, at, n);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* chunk-size [ chunk-ext ] CRLF: RFC 9112, 7.1.  NULL, or why not. */
static const char *size_byte(struct parse *p, char c)
{
	int digit = hex_value(c);

	if (digit >= 0) {
		if (++p->digits > 15)
			return "a chunk is too large";
		p->left = p->left << 4 | (uint64_t)digit;
		return NULL;
	}
	if (p->digits == 0)
		return "malformed chunk size";
	if (c == '\r')
		p->state = CHUNK_SIZE_LF;
	else if (c == ';' || c == ' ' || c == '\t')
		p->state = CHUNK_EXTENSION;
	else
		return "malformed chunk size";
	return NULL;
}

/* A byte of chunk extensions or trailers. */
static const char *extra_byte(struct parse *p, char c, int at_cr)
{
	if (++p->extra > LIMIT_TRAILERS)
		return "too many chunk extensions or trailers";
	if (c == '\r')
		p->state = at_cr;
	else if ((unsigned char)c < ' ' && c != '\t')
		return "control character in a chunk extension or trailer";
	else if (p->state == TRAILER_START)
		p->state = TRAILER;
	return NULL;
}

/* A byte of the trailers, which are kept where heads are gathered. */
static const char *keep_byte(struct parse *p, char c, const char *why)
{
	if (why)
		return why;
	return gather(p, &c, 1) == -1 ? "out of memory" : NULL;
}

static const char *expect_byte(struct parse *p, char c, char wanted, int next)
{
	if (c != wanted)
		return "a chunk does not end with CRLF";
	p->state = next;
	return NULL;
}

/* One byte of a chunk's frame. */
static const char *chunk_byte(struct parse *p, char c)
{
	switch (p->state) {
	case CHUNK_SIZE:
		return size_byte(p, c);
	case CHUNK_EXTENSION:
		return extra_byte(p, c, CHUNK_SIZE_LF);
	case CHUNK_SIZE_LF:
		p->digits = 0;
		return expect_byte(p, c, '\n',
		    p->left ? CHUNK_DATA : TRAILER_START);
	case CHUNK_CR:
		return expect_byte(p, c, '\r', CHUNK_LF);
	case CHUNK_LF:
		return expect_byte(p, c, '\n', CHUNK_SIZE);
	case TRAILER_START:
		if (c == '\r')
			return extra_byte(p, c, LAST_LF);
		return keep_byte(p, c, extra_byte(p, c, LAST_LF));
	case TRAILER:
		return keep_byte(p, c, extra_byte(p, c, TRAILER_LF));
	case TRAILER_LF:
		return keep_byte(p, c,
		    expect_byte(p, c, '\n', TRAILER_START));
	default:                        /* LAST_LF */
		return expect_byte(p, c, '\n', DONE);
	}
}

static enum parse_event feed_chunks(struct parse *p, const char **at,
    const char *end)
{
	const char *why;

	while (*at < end && p->state != DONE) {
		if (p->state == CHUNK_DATA)
			return give_left(p, at, end, CHUNK_CR);
		why = chunk_byte(p, *(*at)++);
		if (why)
			return fail(p, why);
	}
	if (p->state != DONE)
		return PARSE_MORE;
	p->trailers = p->buf;
	p->trailers_len = p->buf_len;
	return PARSE_DONE;
}

enum parse_event parse_next(struct parse *p, const char **at, const char *end)
{
	enum parse_event event;

	if (p->state == BODY_START) {
		event = start_body(p);
		if (event != PARSE_MORE)
			return event;
	}
	if (p->state == FAILED)
		return PARSE_ERROR;
	if (p->state == DONE)
		return PARSE_DONE;
	if (*at == end)
		return PARSE_MORE;
	p->started = true;
	switch (p->state) {
	case STATUS_LINE:
	case HEADER_LINE:
		return feed_head(p, at, end);
	case BODY_LENGTH:
		return give_left(p, at, end, DONE);
	case BODY_TO_END:
		return give(p, at, (size_t)(end - *at));
	default:
		return feed_chunks(p, at, end);
	}
}

enum parse_event parse_end(struct parse *p)
{
	switch (p->state) {
	case DONE:
	case BODY_TO_END:
		p->state = DONE;
		return PARSE_DONE;
	case BODY_START:
		if (start_body(p) == PARSE_DONE || p->state == BODY_TO_END) {
			p->state = DONE;
			return PARSE_DONE;
		}
		break;
	case FAILED:
		return PARSE_ERROR;
	default:
		break;
	}
	if (!p->started)
		return fail(p, "the server closed the connection");
	return fail(p, "the answer ended early");
}
