/*
 * The master's orders to a swarm worker (spawn, plan, events to replay, stop,
 * quit): each has a
 * number and is repeated until the worker says that it has come, so that a
 * link that is cut for a moment loses none.  The worker carries out each once
 * (worker_orders.c).
 */
#ifndef CLUSTER_ORDERS_H
#define CLUSTER_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct member;
struct wire_order;

/* Numbers for the one that is encoded next.  With `alone` what was ordered
 * before does not matter any more. */
void orders_number(struct member *, struct wire_order *, bool alone);
/* It was encoded into `message`; copied. */
void orders_keep(struct member *, const struct buf *message, uint64_t number);
/* What was numbered last did not leave, and will not: that number is free. */
void orders_unsent(struct member *);
/* So many are on their way that what can wait has to. */
bool orders_full(const struct member *);
/* The worker has all up to this number. */
void orders_taken(struct member *, uint64_t number);
/* The worker lives: what it should have by now is sent again. */
void orders_again(struct member *);
/* It takes none, however often they are sent. */
bool orders_stuck(const struct member *);

#endif
