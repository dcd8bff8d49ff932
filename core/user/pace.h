/*
 * Begins what is due by a schedule, one after the other, in passes that leave
 * the loop to others: what arrivals and replayed events have in common.
 */
#ifndef USER_PACE_H
#define USER_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "fiber/loop.h"

#define PACE_NEVER (INT64_MAX / 2)

struct ticker;

struct pace {
	struct loop_item again;         /* first: what the loop gives back */
	struct ticker *ticker;          /* NULL: freed */
	/* clock_now() of the next; PACE_NEVER or more: there is none now. */
	int64_t (*next)(const struct pace *);
	/* Begins it.  False: it has to wait its turn, `next` says when. */
	bool (*begin)(struct pace *, int64_t now);
	void (*free)(struct pace *);
};

/* Their owner's first member; -1 after log_error(). */
int pace_init(struct pace *);
/* After anything that changes what is next. */
void pace_arm(struct pace *);
/* `free` is called, at once or when the loop has given it back. */
void pace_free(struct pace *);

#endif
