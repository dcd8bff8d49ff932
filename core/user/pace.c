/* See the header. */
#include "user/pace.h"

#include <stddef.h>

#include "base/clock.h"
#include "user/ticker.h"

#define BATCH 1024                      /* begun in one pass */

void pace_arm(struct pace *p)
{
	int64_t at = p->next(p);

	if (at >= PACE_NEVER)
		ticker_disarm(p->ticker);
	else
		ticker_arm(p->ticker, at);
}

/* A backlog is worked off over several passes. */
static void begin_due(struct pace *p)
{
	int64_t now = clock_now();
	int budget = BATCH;

	while (p->next(p) <= now && budget-- > 0 && p->begin(p, now))
		;
	if (p->next(p) <= now)
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

int pace_init(struct pace *p)
{
	p->again.run = on_again;
	p->ticker = ticker_new(on_timer, p);
	return p->ticker != NULL ? 0 : -1;
}

void pace_free(struct pace *p)
{
	ticker_free(p->ticker);
	p->ticker = NULL;
	if (!p->again.queued)
		p->free(p);
}
