/*
 * A capacity search in the outputs: what was found as a sentence and as the
 * run's verdict, the table of its probes as JSON (both ways), HTML, Markdown
 * and text.
 */
#ifndef REPORT_CAPACITY_VIEW_H
#define REPORT_CAPACITY_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "run/capacity.h"

/* What a result keeps of one; plain data. */
struct capacity_view {
	bool present;
	bool users;                     /* the load is a number of users */
	struct capacity_answer answer;
	struct capacity_probe *probes;
	size_t count;
	char **slos;
	size_t slo_count;
};

/* `slos`: their texts, in order; copied. */
void capacity_view_take(struct capacity_view *, const struct capacity *,
    bool users, char *const *slos, size_t slo_count);
void capacity_view_release(struct capacity_view *);

/* "bears 874/s (874 to 921/s) with p99<50ms,errors<1%; ...". */
void capacity_view_sentence(struct buf *, const struct capacity_view *);
/* "874/s", "12 users". */
void capacity_view_load(struct buf *, const struct capacity_view *,
    double load);
/* With the objective that was missed or left open: "fail (p99<50ms)". */
void capacity_view_verdict(struct buf *, const struct capacity_view *,
    const struct capacity_probe *);
/* A line about one probe. */
void capacity_view_probe(struct buf *, const struct capacity_view *,
    size_t probe);
/* The object "capacity"; null when there was no search. */
json_t *capacity_view_json(const struct capacity_view *);
/* What is missing or impossible is left out. */
void capacity_view_read(struct capacity_view *, const json_t *);
void capacity_view_html(struct buf *, const struct capacity_view *);
void capacity_view_markdown(struct buf *, const struct capacity_view *);
/* For a terminal of 80 columns. */
void capacity_view_text(struct buf *, const struct capacity_view *);

#endif
