/*
 * What a load generator says of itself, once a second in its heartbeat: what
 * a reader needs to know whether the figures are the target's or its own.
 *
 * -1 stands for what is not known: a Locust worker tells CPU and memory only.
 */
#ifndef CLUSTER_HEALTH_H
#define CLUSTER_HEALTH_H

#include <stdint.h>

struct health {
	double cpu;                     /* percent of one core */
	int64_t memory;                 /* bytes resident */
	int64_t memory_free;            /* bytes the machine has left */
	double loop_busy;               /* 0..1 of the last second */
	double loop_delay_ms;           /* longest pass of the loop in it */
	/* How long what was due had to wait for the loop, in the last
	 * second. */
	double delay_p50_ms;
	double delay_p99_ms;
	int64_t descriptors;            /* open ones */
	int64_t descriptors_max;
	/* TCP sockets of the machine, those in TIME_WAIT too, and how many
	 * local ports it gives to connections to one address. */
	int64_t ports;
	int64_t ports_max;
	/* The open model, since the process began. */
	uint64_t arrivals;
	uint64_t dropped;
	int64_t queued;                 /* waiting for a free user now */
	/* Of the machine, in the last second. */
	double resent;                  /* share of TCP segments, 0..1 */
	double link;                    /* load of its fullest link, 0..1 */
};

/* Nothing is known yet. */
void health_init(struct health *);
/* A relay's answer for all below it: the worst of each, sums of counts. */
void health_add(struct health *, const struct health *);

#endif
