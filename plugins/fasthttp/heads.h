/*
 * Heads of requests with headers of the scenario's own, as they were put
 * together last time.  Most scenarios give the same headers each time, and to
 * see that they are the same costs a tenth of checking and writing them.
 */
#ifndef FASTHTTP_HEADS_H
#define FASTHTTP_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/http.h>

#include "template.h"

#define HEADS_SIZE 1024                 /* bytes of one; larger are not kept */

struct head {
	const struct template *template;
	uint64_t hash;                  /* the template's; 0: empty */
	uint16_t fields_len;
	uint16_t len;                   /* without the empty line behind it */
	/* The fields as "name NUL value NUL", then the head and an empty
	 * line. */
	char data[HEADS_SIZE];
};

/* [fiber] The head for these fields, all of which are good.  Valid until the
 * next wait; NULL when it is not known. */
const struct head *heads_find(const struct template *,
    const struct http_field *);
/* Keeps one.  Fields without a value are not for here. */
void heads_keep(const struct template *, const struct http_field *,
    const char *head, size_t len);

/* worker_stop() */
void heads_release(void);

static inline const char *head_bytes(const struct head *h)
{
	return h->data + h->fields_len;
}

#endif
