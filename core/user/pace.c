/* See the header. */
#include "user/pace.h"

#include <stddef.h>

#include "base/clock.h"
#include "stats/stats.h"
#include "user/ticker.h"

#define BATCH 1024                      /* begun in one pass */

static int64_t next_at(const struct pace *p)
{
	int64_t due = p->paused || p->stopped ? PACE_NEVER : p->next(p);

	if (due >= PACE_NEVER)
		return PACE_NEVER;
	due = pace_at(p, due);
	return due > p->not_before ? due : p->not_before;
}

void pace_arm(struct pace *p)
{
	int64_t at = next_at(p);

	if (at >= PACE_NEVER)
		ticker_disarm(p->ticker);
	else
		ticker_arm(p->ticker, at);
}

void pace_drop(struct pace *p)
{
	p->dropped++;
	stats_count(users.options.stats, p->dropped_counter, 1);
}

static void begin_next(struct pace *p, int64_t now)
{
	int64_t at = pace_at(p, p->next(p));
	bool late = now - at > ARRIVALS_LATE;

	p->due++;
	if (late) {
		p->late++;
		stats_count(users.options.stats, p->late_counter, 1);
	}
	p->begin(p, at, late);
}

/* A backlog is worked off over several passes. */
static void begin_due(struct pace *p)
{
	int64_t now = clock_now();
	int budget = BATCH;

	while (next_at(p) <= now && budget-- > 0)
		begin_next(p, now);
	if (next_at(p) <= now)
		loop_defer(&p->again);
	else
		pace_arm(p);
}

static void on_again(struct loop_item *item)
{
	struct pace *p = (struct pace *)(void *)item;

	if (p->ticker == NULL)
		p->free(p);             /* freed while it was queued */
	else
		begin_due(p);
}

static void on_timer(void *arg)
{
	begin_due(arg);
}

int pace_init(struct pace *p, const struct arrivals_plan *plan)
{
	p->again.run = on_again;
	p->ticker = ticker_new(on_timer, p);
	if (p->ticker == NULL)
		return -1;
	p->start = plan->start;
	p->busy = plan->busy;
	p->catch_up = plan->catch_up;
	user_list_init(&p->idle);
	p->dropped_counter = stats_counter(users.options.stats,
	    "dropped arrivals");
	p->late_counter = stats_counter(users.options.stats, "late arrivals");
	return 0;
}

void pace_free(struct pace *p)
{
	while (user_list_take(&p->idle) != NULL)
		;
	ticker_free(p->ticker);
	p->ticker = NULL;
	if (!p->again.queued)
		p->free(p);
}

void pace_status(const struct pace *p, struct arrivals_status *s)
{
	s->due = p->due;
	s->dropped = p->dropped;
	s->late = p->late;
	s->free_users = p->idle.count;
}
