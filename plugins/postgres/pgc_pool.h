/*
 * Connections that a worker's users share: at most so many for one target,
 * made when they are needed, handed out in the order of asking.
 */
#ifndef PGC_POOL_H
#define PGC_POOL_H

#include "pgc_dial.h"

struct pgc_pool;

/* [worker] The pool for this target; NULL when memory ran out. */
struct pgc_pool *pgc_pool_get(struct pgc_target *, int limit);
/*
 * [fiber] A connection from the pool, or a new one: then phases->total is not
 * -1.  *waited is how long there was none.  NULL with *err set, or with errno
 * ECANCELED.
 */
struct pgc_conn *pgc_pool_take(struct pgc_pool *, int64_t deadline,
    int64_t max_input, int64_t *waited, struct pgc_phases *,
    struct pgc_error *err);
/* [worker] Gives it back, or drops it when it is lost. */
void pgc_pool_give(struct pgc_pool *, struct pgc_conn *);
/* [worker] Another may be made in place of one that was taken: that one has
 * gone, or is its taker's from now on. */
void pgc_pool_let_go(struct pgc_pool *);
/* [worker] Closes all; nobody holds or waits for a connection. */
void pgc_pool_release(void);

#endif
