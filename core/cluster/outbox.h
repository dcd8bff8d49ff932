/*
 * A worker's reports on their way: each is kept until the master has said
 * that it is in its results, and sent again when it was lost between us.
 */
#ifndef CLUSTER_OUTBOX_H
#define CLUSTER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct wire_ticket;

/* Another test or another master: nobody waits for what is kept. */
void outbox_forget(void);
/* So many are on their way that the next has to wait; samples gather in the
 * delta meanwhile.  For the `last` one there is more room. */
bool outbox_full(bool last);
/* Numbers for the report that is encoded next. */
void outbox_number(struct wire_ticket *);
/* It was encoded into `message` and sent; copied. */
void outbox_keep(const struct buf *message);
/* The master has all up to this number. */
void outbox_taken(uint64_t seq);
/*
 * Sends those again that went out before `before` (clock_now()): the master
 * has answered a message that left later, so they are lost.  `send` returns
 * -1 when nothing more can be sent now.
 */
void outbox_again(int64_t before, int (*send)(const void *data, size_t len,
    void *arg));

#endif
