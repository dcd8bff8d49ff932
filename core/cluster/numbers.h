/*
 * Numbers of users.  Every user of a run has one that no other has, as small
 * as can be, from 0; it decides the user's random numbers and its unique rows.
 * The master gives them out, so that they do not depend on how many workers
 * there are: users of the same step of a ramp get the same set of numbers
 * wherever they run.
 *
 * A worker's users of a class have a list of numbers, in the order in which
 * they are started; the last started go first.  A spawn message tells what is
 * new at the end of the lists, as runs of equal distance, so that a ramp of
 * 100,000 users costs bytes and not megabytes.  Numbers of users that were
 * stopped rest until these have surely ended; those of a lost worker are free
 * at once.
 */
#ifndef CLUSTER_NUMBERS_H
#define CLUSTER_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A class's users on a worker. */
struct numbers_list {
	uint32_t *at;
	size_t count;
	size_t room;
	size_t told;                    /* so many are known over there */
};

/* ---- the master ---- */

/* All are free; of `limit` numbers, or of what numbers_add() gives (a relay:
 * 0).  The lists must be empty. */
void numbers_reset(uint32_t limit);
void numbers_release(void);
/* Free from now on. */
void numbers_add(uint32_t number);
/* Brings a list to `count`: takes the lowest free numbers, or gives up the
 * last, which rest until `rest` ns from now. */
void numbers_set(struct numbers_list *, size_t count, int64_t now,
    int64_t rest);
/* Gives up all, at once. */
void numbers_free(struct numbers_list *);

/* ---- both ---- */

/* No free number was left: the worker takes one of its own. */
#define NUMBERS_NONE UINT32_MAX

/* What is new since the last time, and now told: (position of the first,
 * then runs of first, distance, length), as LEB128. */
void numbers_encode(struct numbers_list *, struct buf *);
/* Brings a list of `count` users up to date by that (NULL: nothing is new).
 * 0, or -1 when it is malformed or does not fit to the list, which then is
 * cut to what is known. */
int numbers_decode(struct numbers_list *, size_t count, const void *data,
    size_t len);

#endif
