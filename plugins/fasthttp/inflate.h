/*
 * Bodies with Content-Encoding gzip or deflate, by zlib.  A state of 40 KiB is
 * borrowed for a body and goes back to the worker's pool.
 */
#ifndef FASTHTTP_INFLATE_H
#define FASTHTTP_INFLATE_H

#include <stdbool.h>
#include <stddef.h>

#define INFLATE_PIECE ((size_t)32 * 1024)

struct inflate;

/* NULL when out of memory. */
struct inflate *inflate_take(bool gzip);
void inflate_give(struct inflate *);

/* More compressed bytes; they must stay until inflate_next() has eaten them. */
void inflate_feed(struct inflate *, const char *data, size_t len);
/*
 * The next piece of plain bytes in *out (valid until any inflate_next()): its
 * length, 0 when more is to be fed, -1 when the data is broken.
 */
long inflate_next(struct inflate *, const char **out);
/* Whether the stream is complete; one without a byte is, too: there are servers
 * that call an empty body compressed. */
bool inflate_ended(const struct inflate *);

#endif
