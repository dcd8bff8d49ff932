/*
 * Time: monotonic nanoseconds, and wall-clock seconds for labels.  A test may
 * freeze the monotonic clock and move it by hand.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

int64_t clock_now(void);
/* Unix time, seconds. */
double clock_wall(void);
/* The wall-clock time of a monotonic instant. */
double clock_wall_at(int64_t ns);

/* Tests: from now on clock_now() answers `ns` until moved. */
void clock_freeze(int64_t ns);
void clock_advance(int64_t ns);
void clock_thaw(void);

#endif
