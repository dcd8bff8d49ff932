/*
 * Heads of requests, made once: the same method and path of the same target
 * have the same bytes, and the same series.
 */
#ifndef FASTHTTP_TEMPLATE_H
#define FASTHTTP_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target.h"

struct template {
	uint64_t hash;                  /* 0: empty */
	const struct base *base;        /* NULL: the path is a whole URL */
	struct origin *origin;
	uint32_t series;
	uint16_t key_len;
	/* In data, after the key: the request line; the usual header lines;
	 * the empty line. */
	uint16_t line_len;
	uint16_t usual_len;
	char data[];
};

/*
 * [fiber] For `path` below `base`, or a whole URL with base NULL.  The sample
 * is called `name`, or by the folded path when that is NULL.  Valid until the
 * next call or wait.  NULL with *why (static) when the URL cannot be used.
 */
const struct template *template_get(const struct base *, const char *method,
    const char *path, const char *name, const char **why);

/* worker_stop() */
void template_release(void);

static inline const char *template_line(const struct template *t)
{
	return t->data + t->key_len;
}

static inline const char *template_usual(const struct template *t)
{
	return t->data + t->key_len + t->line_len;
}

/* Whether the string at *at is `s`; then *at moves behind its NUL.  For short
 * strings, where a call would cost more than the look. */
static inline bool template_same(const char **at, const char *s)
{
	const char *a = *at;

	while (*s && *s == *a) {
		s++;
		a++;
	}
	*at = a + 1;
	return *s == *a;
}

/* The target within the request line: what cookies look at. */
const char *template_path(const struct template *t, const char *method,
    char *out, size_t size);

#endif
