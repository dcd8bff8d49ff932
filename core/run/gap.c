/*
 * Gaps: times in which the run did not hear from one of its workers.  Those
 * that end are told of in the results; those that do not are lost workers.
 */
#include "run/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* A fleet on a bad network must not fill the results with them. */
#define GAPS_MAX 1000

static struct run_gap gaps[GAPS_MAX];
static size_t gap_count;

void gap_forget(void)
{
	gap_count = 0;
}

void gap_open(int64_t worker, int64_t from, const char *why, bool crashed)
{
	struct run_gap *g;

	run.status.workers_lost++;
	run.status.workers_crashed += crashed;
	if (gap_count == GAPS_MAX)
		return;
	g = &gaps[gap_count++];
	*g = (struct run_gap){ .worker = worker, .from = from };
	snprintf(g->why, sizeof g->why, "%s", why);
}

/* A worker comes back with all that it measured meanwhile. */
void gap_close(int64_t worker)
{
	for (size_t i = gap_count; i-- > 0; ) {
		if (gaps[i].worker != worker || gaps[i].to != 0)
			continue;
		gaps[i].to = clock_now();
		run.status.workers_lost--;
		return;
	}
}

const struct run_gap *gap_list(size_t *count)
{
	*count = gap_count;
	return gaps;
}
