/*
 * Who set the pace of a run: the system under test, the load generator, the
 * plan, the network, or nobody.  A figure of throughput says nothing before
 * that is known, and neither does a response time.
 */
#ifndef REPORT_LIMIT_H
#define REPORT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum limit { LIMIT_UNKNOWN, LIMIT_NONE, LIMIT_SYSTEM, LIMIT_GENERATOR,
	LIMIT_SCHEDULE, LIMIT_NETWORK };
#define LIMITS 6

/* What was seen of the run at full load; NAN where it is not known. */
struct limit_facts {
	uint64_t requests;
	/* The generator: the worst of its workers. */
	double busy_share;              /* of the seconds its loop was full */
	double busiest;                 /* loop, 0..1 */
	double delay_p99;               /* of its loop, ns */
	double response_p50;            /* ns */
	int64_t descriptors;            /* -1: not known */
	int64_t descriptors_max;
	uint64_t no_descriptor;         /* requests that failed for want of */
	uint64_t no_port;               /* one */
	/* The network. */
	double resent;                  /* share of TCP segments */
	double link_share;              /* of the seconds a link was full */
	/* The plan. */
	bool open;                      /* arrivals by a schedule */
	bool replay;                    /* of a trace, whose users wait */
	uint64_t arrivals;
	uint64_t dropped;
	double late;                    /* ns that iterations began too late */
	/* The system. */
	double service;                 /* mean time of a request, ns */
	double waiting;                 /* share of users' time in requests */
	/* Requests in flight and throughput, most over few. */
	double in_flight_ratio;
	double throughput_ratio;
};

/* One sentence, without the verdict's word, goes to `why`. */
enum limit limit_decide(const struct limit_facts *, struct buf *why);
/* "system", "generator", "schedule", "network", "none", "unknown". */
const char *limit_name(enum limit);
/* LIMIT_UNKNOWN for what is none. */
enum limit limit_of_name(const char *);

#endif
