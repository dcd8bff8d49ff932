/*
 * The clock.  CLOCK_MONOTONIC through the vDSO costs about 28 ns; the coarse
 * clock would cost 6 and be useless (4 ms steps).  The frozen clock is one
 * predictable branch, and is read atomically because other threads ask too.
 */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_bool frozen;
static _Atomic int64_t frozen_at;

int64_t clock_now(void)
{
	struct timespec ts;

	if (__builtin_expect(
	        atomic_load_explicit(&frozen, memory_order_relaxed), 0))
		return atomic_load_explicit(&frozen_at, memory_order_relaxed);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

double clock_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double clock_wall_at(int64_t ns)
{
	return clock_wall() - (double)(clock_now() - ns) / 1e9;
}

void clock_freeze(int64_t ns)
{
	atomic_store(&frozen_at, ns);
	atomic_store(&frozen, true);
}

void clock_advance(int64_t ns)
{
	atomic_fetch_add(&frozen_at, ns);
}

void clock_thaw(void)
{
	atomic_store(&frozen, false);
}
