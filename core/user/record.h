/*
 * Events of a replayed trace on their way from the master to a worker: packed
 * one after the other, in the order they are due.
 */
#ifndef USER_RECORD_H
#define USER_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define RECORD_HEAD 24                  /* bytes before user and payload */

struct record {
	int64_t due;                    /* ns after the replay's t = 0 */
	uint64_t key;                   /* of the user; 0: nobody's */
	const char *user;
	size_t user_len;
	const char *payload;
	size_t payload_len;
};

/* 0, or -1 when there is no room for it. */
int record_put(struct buf *out, const struct record *);
/* The first of `len` bytes: the bytes it took, 0 at the end, or -1 when it is
 * malformed.  It points into them. */
int64_t record_get(struct record *, const void *data, size_t len);
/* Of a user; never 0. */
uint64_t record_key(const char *user, size_t len);
/* Which of `count` places, known by their hashes, has the user: when one of
 * them goes, only its own users move. */
size_t record_place(uint64_t key, const uint64_t *places, size_t count);

#endif
