/*
 * A growing byte buffer with a stated maximum.  Always followed by a NUL, so
 * that text in it can be used as a C string.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;                     /* NULL until first use */
	size_t len;
	size_t cap;
	size_t max;                     /* most bytes it may hold */
	bool overflow;                  /* an addition did not fit */
};

#define BUF_INIT(max_) { .max = (max_) }

void buf_init(struct buf *, size_t max);
/* Frees; the buffer may be used again. */
void buf_release(struct buf *);
/* Empties, keeping the memory. */
void buf_clear(struct buf *);
/* Each addition: 0, or -1 with `overflow` set and nothing added. */
int buf_add(struct buf *, const void *data, size_t len);
int buf_puts(struct buf *, const char *s);
int buf_putc(struct buf *, char c);
int buf_printf(struct buf *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* Room for `len` more bytes at data + len of the buffer; NULL when over max.
 * The caller raises `len` by what it wrote. */
char *buf_reserve(struct buf *, size_t len);
/* Drops the first n bytes. */
void buf_consume(struct buf *, size_t n);
/* Never NULL. */
const char *buf_str(const struct buf *);
/* Hands the memory to the caller (free()), never NULL. */
char *buf_detach(struct buf *);

#endif
