/*
 * The growing buffer.  One byte beyond the contents is always kept, so that
 * text can be handed out as a C string without a copy; the stated maximum
 * makes it safe to fill from the network.
 */
#include "base/buf.h"

#include "base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 64

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t len)
{
	size_t want, cap;

	if (b->len > b->max || len > b->max - b->len) {
		b->overflow = true;
		return NULL;
	}
	if (__builtin_add_overflow(b->len + len, 1, &want)) {
		b->overflow = true;
		return NULL;
	}
	if (want > b->cap) {
		/* Doubling, but never beyond what the maximum can use. */
		cap = b->cap ? b->cap : BUF_FIRST;
		while (cap < want)
			cap = cap > want / 2 ? want : cap * 2;
		if (cap < b->cap * 2)
			cap = b->cap * 2;
		if (cap - 1 > b->max)
			cap = b->max + 1;
		b->data = xrealloc(b->data, cap);
		b->cap = cap;
	}
	b->data[b->len] = '\0';
	return b->data + b->len;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	char *at = buf_reserve(b, len);

	if (!at)
		return -1;
	if (len)
		memcpy(at, data, len);
	at[len] = '\0';
	b->len += len;
	return 0;
}

int buf_puts(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_putc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return rc;
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	size_t room = b->data ? b->cap - b->len : 0;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(b->data ? b->data + b->len : NULL, room, fmt, again);
	va_end(again);
	if (n >= 0 && (size_t)n < room) {
		b->len += (size_t)n;
		return 0;
	}
	/* What the short try left behind must not be seen. */
	if (b->data)
		b->data[b->len] = '\0';
	if (n < 0) {
		b->overflow = true;
		return -1;
	}
	if (!buf_reserve(b, (size_t)n))
		return -1;
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	if (n >= b->len) {
		b->len = 0;
	} else {
		memmove(b->data, b->data + n, b->len - n);
		b->len -= n;
	}
	if (b->data)
		b->data[b->len] = '\0';
}

const char *buf_str(const struct buf *b)
{
	if (!b->data)
		return "";
	/* The owner may have raised len over bytes it wrote itself. */
	b->data[b->len] = '\0';
	return b->data;
}

char *buf_detach(struct buf *b)
{
	char *data = b->data;

	if (!data)
		data = xcalloc(1, 1);
	else
		data[b->len] = '\0';
	*b = (struct buf)BUF_INIT(b->max);
	return data;
}
