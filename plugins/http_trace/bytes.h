/* Bytes that grow, and pieces of text that lie in them or elsewhere. */
#ifndef HTTP_TRACE_BYTES_H
#define HTTP_TRACE_BYTES_H

#include <stddef.h>

/* Not ended by a NUL. */
struct span {
	const char *at;
	size_t len;
};

struct bytes {
	char *at;
	size_t len;
	size_t room;
};

/* 0, or -1 with errno: no memory. */
int bytes_add(struct bytes *, const void *data, size_t len);
void bytes_free(struct bytes *);

#define SPAN(text) ((struct span){ (text), sizeof(text) - 1 })
struct span span_of(const char *text);          /* "" for NULL */
/* Case counts, and does not. */
int span_is(struct span, const char *text);
int span_is_word(struct span, const char *text);

#endif
