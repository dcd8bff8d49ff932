/*
 * A number of iterations that several workers share, handed out in leases.
 * Leases get smaller as the end comes near, so that all holders end together
 * and a slow one holds up nobody.  Numbers are absolute: a message that is
 * lost or repeated does no harm.
 */
#ifndef USER_QUOTA_H
#define USER_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quota {
	unsigned number;                /* a holder that comes back has a new
	                                 * one; 0: none yet */
	int64_t granted;                /* may have been begun */
	int64_t batch;                  /* of them, granted last */
	int64_t started;
	int64_t done;
};

/*
 * Gives more out of `total`, of which *given have been, when the holder has
 * begun half of what it got last; at least one for each of its `users`.  True
 * when it got some.
 */
bool quota_grant(struct quota *, int64_t *given, int64_t total,
    size_t holders, int64_t users);
/* The holder is gone: what it has not done is there again. */
void quota_return(struct quota *, int64_t *given);

#endif
