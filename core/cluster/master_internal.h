/* What the files of the master share. */
#ifndef CLUSTER_MASTER_INTERNAL_H
#define CLUSTER_MASTER_INTERNAL_H

#include "base/buf.h"
#include "cluster/master.h"
#include "cluster/member.h"
#include "cluster/orders.h"
#include "cluster/zsock.h"

struct master_shared {
	struct master_options o;
	struct master_refused refused;
	uint64_t instance;              /* 48 random bits */
	bool quitting;
	struct buf out;                 /* one message being made */
	double last_timestamp;          /* of a spawn */
	uint64_t test;                  /* tests begun */
};

extern struct master_shared master_shared;

/* master_options.c: a copy with all it points to, but `stats` and `keys`. */
void master_options_copy(struct master_options *to,
    const struct master_options *from);
void master_options_set_argv(struct master_options *, char *const *argv);
void master_options_release(struct master_options *);

/* Sends master_shared.out. */
void master_send(struct zsock *, const char *id);
/* An order of nothing more, "stop" or "quit", numbered where the worker knows
 * of numbers. */
void master_order(struct member *, const char *type);
/* Out of the table, with the event; freed later in this pass of the loop. */
void master_lose(struct member *, const char *why, bool crashed);
/* A worker said something for the first time (again): who is it here? */
void master_child_of(struct peer *);

#endif
