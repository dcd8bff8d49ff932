/*
 * Requests to cancel what a connection is running.
 */
#ifndef PGC_CANCEL_H
#define PGC_CANCEL_H

#include <stdint.h>

#include <libpq-fe.h>

/*
 * [fiber] Sends one, over a connection of its own, and waits until the server
 * has dealt with it, so that it cannot hit a later statement: 0; or -1 with
 * errno ETIMEDOUT or ECANCELED when it is still under way, EIO when it was
 * refused, or the cause.
 */
int pgc_cancel_send(PGconn *, int64_t deadline);
/* [worker] Around a run: after release those still under way are forgotten. */
void pgc_cancel_init(void);
void pgc_cancel_release(void);

#endif
