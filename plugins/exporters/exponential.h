/*
 * A distribution in buckets that grow by a constant factor, as OpenTelemetry's
 * exponential and Prometheus' native histograms have them: at scale s a bucket
 * is 2^(2^-s) wide, and bucket i holds seconds in (2^(i/2^s), 2^((i+1)/2^s)].
 */
#ifndef EXPORTERS_EXPONENTIAL_H
#define EXPORTERS_EXPONENTIAL_H

#include <stddef.h>
#include <stdint.h>

#include <swarm/sink.h>

/* What fits is kept at a coarser scale, as the specification advises. */
#define EXPONENTIAL_BUCKETS 160
#define EXPONENTIAL_SCALE   3           /* 9 % wide, if that fits */

struct exponential {
	int scale;
	int first;                      /* i of counts[0] */
	size_t count;
	uint64_t counts[EXPONENTIAL_BUCKETS];
	uint64_t zero;                  /* samples of 0 ns */
};

void exponential_from(struct exponential *, const struct swarm_times *);

#endif
