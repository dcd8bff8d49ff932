/*
 * See health.h.  The worst counts where workers are put together: one that is
 * late makes its own figures wrong, however idle the others are.
 */
#include "cluster/health.h"

#include <math.h>

void health_init(struct health *h)
{
	*h = (struct health){ .memory_free = -1, .loop_busy = -1,
		.delay_p50_ms = -1, .delay_p99_ms = -1, .descriptors = -1,
		.descriptors_max = -1, .ports = -1, .ports_max = -1,
		.resent = -1, .link = -1 };
}

/* The fuller of two; the limit goes with the use. */
static void fuller(int64_t *used, int64_t *most, int64_t used_2,
    int64_t most_2)
{
	if (used_2 < 0 || most_2 <= 0)
		return;
	if (*used >= 0 && *most > 0 && (double)*used / (double)*most >=
	    (double)used_2 / (double)most_2)
		return;
	*used = used_2;
	*most = most_2;
}

void health_add(struct health *h, const struct health *w)
{
	h->cpu = fmax(h->cpu, w->cpu);
	h->memory += w->memory;
	if (w->memory_free >= 0 &&
	    (h->memory_free < 0 || w->memory_free < h->memory_free))
		h->memory_free = w->memory_free;
	h->loop_busy = fmax(h->loop_busy, w->loop_busy);
	h->loop_delay_ms = fmax(h->loop_delay_ms, w->loop_delay_ms);
	h->delay_p50_ms = fmax(h->delay_p50_ms, w->delay_p50_ms);
	h->delay_p99_ms = fmax(h->delay_p99_ms, w->delay_p99_ms);
	fuller(&h->descriptors, &h->descriptors_max, w->descriptors,
	    w->descriptors_max);
	fuller(&h->ports, &h->ports_max, w->ports, w->ports_max);
	h->arrivals += w->arrivals;
	h->dropped += w->dropped;
	h->queued += w->queued;
	h->resent = fmax(h->resent, w->resent);
	h->link = fmax(h->link, w->link);
}
