/*
 * MessagePack by hand: packing into a struct buf, and reading decoded objects
 * that a stranger sent.  Readers never trust a type or a range; each returns
 * 0, or -1 with the output kept.
 */
#ifndef CLUSTER_WIRE_OBJECT_H
#define CLUSTER_WIRE_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>

#include "base/buf.h"

/* More requests, bytes or users than this in one message is nonsense, and so
 * few that sums of many messages cannot overflow. */
#define WIRE_MAX_COUNT (UINT64_C(1) << 48)
/* Nanoseconds: 73 years. */
#define WIRE_MAX_NS (INT64_C(1) << 61)
/* Seconds since 1970: the year 2514. */
#define WIRE_MAX_TIME 17179869184.0

void wire_object_packer(msgpack_packer *, struct buf *out);
/* An envelope up to its data, a map of so many keys; these follow, then the
 * node's id. */
void wire_object_begin(msgpack_packer *, struct buf *out, const char *type,
    size_t keys);
void wire_object_put_text(msgpack_packer *, const char *);
/* NULL packs nil. */
void wire_object_put_text_or_nil(msgpack_packer *, const char *);
void wire_object_put_bin(msgpack_packer *, const void *, size_t);

/* The value of a text key; NULL when absent, nil, or `map` is no map. */
const msgpack_object *wire_object_get(const msgpack_object *map,
    const char *key);
/* The values of an array under a text key, `max` at most; NULL when it is none
 * or longer. */
const msgpack_object *wire_object_list(const msgpack_object *map,
    const char *key, uint32_t max, uint32_t *count);
int wire_object_uint(const msgpack_object *, uint64_t max, uint64_t *out);
int wire_object_int(const msgpack_object *, int64_t *out);
/* Integers and floats; finite and within [min, max]. */
int wire_object_double(const msgpack_object *, double min, double max,
    double *out);
/* Text copied and cut to `size` at a character's border.  What is not UTF-8
 * becomes '?', control characters become spaces (line feeds and tabs stay).
 * -1 when it is not text or holds a NUL. */
int wire_object_text(const msgpack_object *, char *out, size_t size);
/* Likewise on one line: line feeds and tabs are spaces, too. */
int wire_object_line(const msgpack_object *, char *out, size_t size);

/* The same by key; absent or nil gives `deflt` and 0. */
int wire_object_get_uint(const msgpack_object *map, const char *key,
    uint64_t deflt, uint64_t *out);
int wire_object_get_double(const msgpack_object *map, const char *key,
    double min, double max, double deflt, double *out);

#endif
