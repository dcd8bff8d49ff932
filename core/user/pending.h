/*
 * Events of a replay that came from the master and are not due yet.
 *
 * What comes is in order, but for events that a lost worker had not begun:
 * these come late, beside what is here.  So there are several queues, each in
 * order, as few as do.  Events of one moment keep the order they came in.
 */
#ifndef USER_PENDING_H
#define USER_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/record.h"

struct pending_queue;

struct pending {
	struct pending_queue *queues;
	size_t count;
	struct pending_queue *first;    /* that has the next; NULL: none */
};

/* All zero before. */
void pending_release(struct pending *);
/* Events as record_put() has packed them, numbered from `number` on; copied.
 * How many, or -1 when they are malformed: those before are here. */
int64_t pending_add(struct pending *, const void *data, size_t len,
    uint64_t number);
/* The next one due, in place until it is dropped; NULL: none. */
const struct record *pending_first(const struct pending *);
uint64_t pending_number(const struct pending *);
void pending_drop(struct pending *);

#endif
