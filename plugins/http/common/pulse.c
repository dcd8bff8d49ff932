/*
 * Times are phases of the sample, which has the same name; rates are a metric,
 * since they are no times.
 */
#include "pulse.h"

#include <swarm/measure.h>
#include <swarm/stats.h>

#include <stdio.h>

const struct pulse_types pulse_pieces = { "first byte", "first piece",
	"piece gap", "pieces/s" };
const struct pulse_types pulse_tokens = { "first byte", "first token",
	"token gap", "tokens/s" };

void pulse_start(struct pulse *p, const struct pulse_types *types,
    const char *name, int64_t start, int64_t now)
{
	*p = (struct pulse){ .gap = swarm_series(types->gap, name),
		.start = start, .first_byte = now };
	swarm_observe(swarm_series(types->first_byte, name), now - start, 0);
}

void pulse_beat(struct pulse *p, int64_t now)
{
	if (p->count++ == 0)
		p->first = now;
	else
		swarm_observe(p->gap, now - p->last, 0);
	p->last = now;
}

double pulse_rate(const struct pulse *p, unsigned count)
{
	if (count < 2 || p->last <= p->first)
		return 0;
	return (count - 1) / ((double)(p->last - p->first) / 1e9);
}

void pulse_end(const struct pulse *p, const struct pulse_types *types,
    const char *name, unsigned count)
{
	double rate = pulse_rate(p, count);
	char metric[300];

	if (p->count > 0)
		swarm_observe(swarm_series(types->first, name),
		    p->first - p->start, 0);
	if (rate <= 0)
		return;
	snprintf(metric, sizeof metric, "%s %s", name, types->rate);
	swarm_record(swarm_metric(SWARM_DISTRIBUTION, metric, "1/s"), rate);
}
