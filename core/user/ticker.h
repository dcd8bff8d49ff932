/*
 * A timer finer than the wheel's tick, for what is due by a schedule: of
 * arrivals and of replayed events.
 */
#ifndef USER_TICKER_H
#define USER_TICKER_H

#include <stdint.h>

#define TICKER_LATE (250 * INT64_C(1000))       /* ns: it is late by less */

struct ticker;

/* `fired` runs on the loop.  NULL after log_error(). */
struct ticker *ticker_new(void (*fired)(void *), void *arg);
void ticker_free(struct ticker *);
/* At clock_now() `at`, or TICKER_LATE from now when that is past. */
void ticker_arm(struct ticker *, int64_t at);
void ticker_disarm(struct ticker *);

#endif
