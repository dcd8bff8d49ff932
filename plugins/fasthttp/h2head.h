/* Header fields of HTTP/2: those of a request, from the lines that HTTP/1.1
 * would send; and those of an answer, as such lines. */
#ifndef FASTHTTP_H2HEAD_H
#define FASTHTTP_H2HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include "exchange.h"

/* The fields of the exchange's request, in memory that is valid until the
 * next call or wait: their number, or 0 with *why. */
size_t h2head_request(struct exchange *, nghttp2_nv **fields,
    const char **why);

struct h2lines {
	char *text;                     /* in the task's memory */
	size_t len;
	size_t cap;
};

/* The head of an answer, as it comes in.  Zeroed it is empty. */
struct h2head {
	struct h2lines lines;
	struct h2lines trailers;
	int status;                     /* of the block under way or last */
	bool told;                      /* the answer's head is complete */
	unsigned interim;               /* 1xx answers so far */
};

/* Takes in a field of an answer to the exchange: NULL, or what is wrong. */
const char *h2head_field(struct h2head *, struct exchange *,
    const char *name, size_t name_len, const char *value, size_t len);
/*
 * The fields of a block are complete: NULL, or what is wrong; *final when it
 * is the head of the answer itself, which has been told to the exchange.
 */
const char *h2head_end(struct h2head *, struct exchange *, bool *final);

#endif
