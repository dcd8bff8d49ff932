/*
 * The parser of HTTP answers: whatever the bytes, it must tell the same when
 * they arrive whole, in two pieces, byte by byte, and with a memory of heads
 * seen before; and it must never tell more bytes than it was given.
 *
 * The first byte of the input: bit 0, the request was HEAD; the rest, where
 * the input is cut.
 */
#include "fasthttp/parse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was told, mixed into one number, piece by piece of the body so that
 * where a piece ends does not count. */
struct told {
	uint64_t hash;
	uint64_t body;
	size_t body_len;
	int ended;
};

static uint64_t mix(uint64_t h, const char *s, size_t len)
{
	for (; len > 0; s++, len--)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return h;
}

static void tell_head(struct told *t, const struct parse *p)
{
	t->hash = mix(t->hash, p->head, p->head_len);
	if (p->location)
		t->hash = mix(t->hash, p->location, p->facts.location_len);
	t->hash += (uint64_t)p->facts.status * 31 + (uint64_t)p->keep_alive * 7
	    + (uint64_t)p->facts.coding + (uint64_t)p->to_the_end * 3;
}

static void feed(struct parse *p, struct told *t, const char *data, size_t len,
    const char **rest)
{
	/* A copy of its own size, so that reading beyond it is caught. */
	char *copy = malloc(len ? len : 1);
	const char *at = copy;

	if (!copy)
		abort();
	memcpy(copy, data, len);
	while (!t->ended) {
		switch (parse_next(p, &at, copy + len)) {
		case PARSE_MORE:
			if (at != copy + len)
				abort();
			free(copy);
			*rest = data + len;
			return;
		case PARSE_HEAD:
			tell_head(t, p);
			break;
		case PARSE_DATA:
			if (p->data_len == 0)
				abort();
			t->body = mix(t->body, p->data, p->data_len);
			t->body_len += p->data_len;
			break;
		case PARSE_DONE:
			t->ended = 1;
			break;
		case PARSE_ERROR:
			t->hash = mix(t->hash, p->error, strlen(p->error));
			t->ended = 2;
			break;
		}
		if (at < copy || at > copy + len)
			abort();
	}
	*rest = data + (at - copy);
	free(copy);
}

static void run(const char *data, size_t len, int to_head, size_t step,
    size_t cut, struct parse_memo *memo, struct told *t, size_t *left)
{
	const char *at = data, *end = data + len;
	struct parse p;
	size_t n;

	memset(t, 0, sizeof *t);
	parse_init(&p, memo);
	parse_start(&p, to_head);
	while (at < end && !t->ended) {
		n = step ? step : at == data ? cut : len;
		if (n == 0 || n > (size_t)(end - at))
			n = (size_t)(end - at);
		feed(&p, t, at, n, &at);
	}
	if (!t->ended) {
		t->ended = parse_end(&p) == PARSE_DONE ? 3 : 4;
		if (t->ended == 4)
			t->hash = mix(t->hash, p.error, strlen(p.error));
	}
	*left = (size_t)(end - at);
	parse_release(&p);
}

static void same(const struct told *a, size_t a_left, const struct told *b,
    size_t b_left)
{
	/* After an error it does not matter how far the parser had got with
	 * the body, only that it is the same error. */
	if (a->ended != b->ended || a->hash != b->hash)
		abort();
	if (a->ended != 2 && a->ended != 4 &&
	    (a->body != b->body || a->body_len != b->body_len ||
	    a_left != b_left))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct parse_memo memo;
	const char *bytes;
	struct told whole, other;
	size_t left, other_left, cut;
	int to_head;

	if (size < 1)
		return 0;
	to_head = data[0] & 1;
	bytes = (const char *)data + 1;
	size--;
	cut = size ? (data[0] >> 1) * size / 128 : 0;
	run(bytes, size, to_head, 0, 0, NULL, &whole, &left);
	if (whole.body_len > size)
		abort();
	run(bytes, size, to_head, 0, cut, NULL, &other, &other_left);
	same(&whole, left, &other, other_left);
	run(bytes, size, to_head, 1, 0, NULL, &other, &other_left);
	same(&whole, left, &other, other_left);
	run(bytes, size, to_head, 0, 0, &memo, &other, &other_left);
	same(&whole, left, &other, other_left);
	run(bytes, size, to_head, 0, 0, &memo, &other, &other_left);
	same(&whole, left, &other, other_left);
	return 0;
}
