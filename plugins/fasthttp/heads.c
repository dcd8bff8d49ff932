/*
 * A table of fixed size in which a newcomer takes the place of whoever has the
 * same slot.  Found by the pointers, since most scenarios pass constants, and
 * then compared, since memory is used again.
 */
#include "heads.h"

#include <stdlib.h>
#include <string.h>

#define HEADS 64                        /* a power of two */

static struct head *heads;

static struct head *slot_for(const struct template *t,
    const struct http_field *fields)
{
	uintptr_t at = (uintptr_t)t >> 9 ^ (uintptr_t)fields >> 4;

	return &heads[(at ^ at >> 6) & (HEADS - 1)];
}

static bool same_fields(const struct head *h, const struct http_field *f)
{
	const char *at = h->data, *end = h->data + h->fields_len;

	for (; f->name; f++) {
		if (at == end || !template_same(&at, f->name) || !f->value ||
		    at == end || !template_same(&at, f->value))
			return false;
	}
	return at == end;
}

const struct head *heads_find(const struct template *t,
    const struct http_field *fields)
{
	const struct head *h;

	if (!heads || t->hash == 0)
		return NULL;
	h = slot_for(t, fields);
	return h->template == t && h->hash == t->hash &&
	    same_fields(h, fields) ? h : NULL;
}

/* Behind `at`; HEADS_SIZE when there is no room. */
static size_t put(struct head *h, size_t at, const char *data, size_t len)
{
	if (at > HEADS_SIZE || len >= HEADS_SIZE - at)
		return HEADS_SIZE;
	memcpy(h->data + at, data, len);
	return at + len;
}

void heads_keep(const struct template *t, const struct http_field *fields,
    const char *head, size_t len)
{
	const struct http_field *f;
	struct head *h;
	size_t at = 0;

	if (!heads)
		heads = calloc(HEADS, sizeof *heads);
	if (!heads || t->hash == 0)
		return;
	h = slot_for(t, fields);
	h->hash = 0;
	for (f = fields; f->name; f++) {
		if (!f->value)
			return;
		at = put(h, at, f->name, strlen(f->name) + 1);
		at = put(h, at, f->value, strlen(f->value) + 1);
	}
	h->fields_len = (uint16_t)at;
	at = put(h, at, head, len);
	at = put(h, at, "\r\n", 2);
	if (at == HEADS_SIZE)
		return;
	h->len = (uint16_t)len;
	h->template = t;
	h->hash = t->hash;
}

void heads_release(void)
{
	free(heads);
	heads = NULL;
}
