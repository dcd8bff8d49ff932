/*
 * A scenario's own metrics in a report: an array of
 *	[name, kind, unit, count, sum, min, max, last, last time, values]
 * where `values` is a histogram's binary form or nil.
 */
#ifndef CLUSTER_WIRE_METRIC_H
#define CLUSTER_WIRE_METRIC_H

#include <msgpack.h>

#include "stats/metric.h"

/* The array, of those that have values. */
void wire_metrics_put(msgpack_packer *, const struct metrics *);
/* Merges them into `into`, or only checks when that is NULL; nil and NULL are
 * none.  `shift` is added to the sender's times.  0, or -1 when malformed,
 * which the check finds. */
int wire_metrics_read(const msgpack_object *, struct metrics *into,
    double shift);

#endif
