/* See capacity_view.h: what a search says, in sentences. */
#include "report/capacity_view.h"

#include <math.h>

#include "report/text.h"

void capacity_view_load(struct buf *out, const struct capacity_view *v,
    double load)
{
	if (v->users) {
		text_count(out, (uint64_t)load);
		buf_puts(out, load == 1 ? " user" : " users");
	} else {
		text_rate(out, load);
		buf_puts(out, "/s");
	}
}

static void put_slos(struct buf *out, const struct capacity_view *v)
{
	for (size_t i = 0; i < v->slo_count; i++)
		buf_printf(out, "%s%s", i ? ", " : "", v->slos[i]);
}

static void put_limit(struct buf *out, const struct capacity_view *v)
{
	int limit = v->answer.limit;

	if (limit >= 0 && (size_t)limit < v->slo_count)
		buf_printf(out, "; above that %s is missed", v->slos[limit]);
	else if (limit == -1)
		buf_puts(out, "; above that work piles up");
}

static void put_range(struct buf *out, const struct capacity_view *v)
{
	const struct interval *r = &v->answer.range;

	if (!isfinite(r->hi))
		return;
	buf_puts(out, " (");
	if (v->users)
		text_count(out, (uint64_t)r->lo);
	else
		text_rate(out, r->lo);
	buf_puts(out, " to ");
	capacity_view_load(out, v, r->hi);
	buf_putc(out, ')');
}

static const struct capacity_probe *last_probe(const struct capacity_view *v)
{
	return v->count > 0 ? &v->probes[v->count - 1] : NULL;
}

/* What is less than was asked for, and what to do. */
static void put_doubt(struct buf *out, const struct capacity_view *v)
{
	const struct capacity_answer *a = &v->answer;
	double off = sqrt(a->range.hi / a->range.lo) - 1;

	if (a->sure)
		return;
	if (a->end == CAPACITY_FOUND && off > a->step && isfinite(off)) {
		buf_puts(out, "; known within ");
		text_percent(out, off);
		buf_puts(out, " only and not ");
		text_percent(out, a->step);
		buf_puts(out, ": give it more time (--search-time) or "
		    "machines with nothing else to do, or ask for less "
		    "(--within)");
	} else if (!(a->held_s > 0)) {
		buf_puts(out, ": give it more time (--search-time)");
	}
}

static void put_found(struct buf *out, const struct capacity_view *v)
{
	bool bound = v->answer.end == CAPACITY_BOUND;

	buf_puts(out, v->answer.held_s > 0 || bound ? "bears " :
	    "bears about ");
	capacity_view_load(out, v, v->answer.load);
	if (bound)
		buf_puts(out, ", the most that was to be tried,");
	else
		put_range(out, v);
	buf_puts(out, " with ");
	put_slos(out, v);
	if (v->answer.held_s > 0)
		buf_printf(out, ", held for %.0f s", v->answer.held_s);
	else
		buf_puts(out, ", but was not held");
	if (!bound)
		put_limit(out, v);
	put_doubt(out, v);
}

/* The generator's own limit, and what moves it. */
static void put_generator(struct buf *out, const struct capacity_view *v)
{
	const struct capacity_probe *p = last_probe(v);

	buf_puts(out, "generator-limited, it could not make ");
	capacity_view_load(out, v, p ? p->load : 0);
	buf_puts(out, p && p->starved > 0 ? ": all its users were busy; give "
	    "it more with -u" : " in time: give it more workers or machines "
	    "with nothing else to do");
}

static void put_none(struct buf *out, const struct capacity_view *v)
{
	const struct capacity_probe *p = last_probe(v);

	buf_puts(out, "does not meet ");
	if (p && p->limit >= 0 && (size_t)p->limit < v->slo_count)
		buf_puts(out, v->slos[p->limit]);
	else
		put_slos(out, v);
	buf_puts(out, " at ");
	capacity_view_load(out, v, p ? p->load : 0);
	buf_puts(out, ", the least load tried");
	if (p && p->fail_share >= 1)
		buf_puts(out, ": every request failed");
}

/* Without an answer: what is known nevertheless. */
static void put_so_far(struct buf *out, const struct capacity_view *v)
{
	const struct capacity_answer *a = &v->answer;

	buf_puts(out, "the search was ended early");
	if (a->load > 0) {
		buf_puts(out, "; so far the system bears ");
		capacity_view_load(out, v, a->load);
	}
	if (isfinite(a->range.hi) && a->range.hi > 0) {
		buf_puts(out, a->load > 0 ? " and not " :
		    "; so far it does not bear ");
		capacity_view_load(out, v, a->range.hi);
	}
}

static void put_time_over(struct buf *out, const struct capacity_view *v)
{
	if (v->answer.load > 0) {
		buf_puts(out, "bears at least ");
		capacity_view_load(out, v, v->answer.load);
		buf_puts(out, ": the time was over before any load was too "
		    "much");
	} else {
		buf_puts(out, "no answer: the time was over before any load "
		    "was borne");
	}
	buf_puts(out, ": give it more (--search-time), or begin "
	    "elsewhere (--search-from)");
}

void capacity_view_sentence(struct buf *out, const struct capacity_view *v)
{
	const struct capacity_answer *a = &v->answer;

	switch (a->end) {
	case CAPACITY_RUNNING:
		put_so_far(out, v);
		break;
	case CAPACITY_FOUND:
	case CAPACITY_BOUND:
		put_found(out, v);
		break;
	case CAPACITY_AT_LEAST:
		buf_puts(out, "bears at least ");
		capacity_view_load(out, v, a->load);
		if (isfinite(a->range.hi)) {
			buf_puts(out, " and not ");
			capacity_view_load(out, v, a->range.hi);
		}
		buf_puts(out, ": ");
		put_generator(out, v);
		break;
	case CAPACITY_NONE:
		put_none(out, v);
		break;
	case CAPACITY_LOST:
		buf_puts(out, "no answer: ");
		if (v->count > 0 && last_probe(v)->verdict == CAPACITY_INVALID)
			put_generator(out, v);
		else
			buf_puts(out, "the same load was borne and not borne");
		break;
	case CAPACITY_TIME_OVER:
		put_time_over(out, v);
		break;
	}
	if (a->slow_recovery)
		buf_puts(out, "; after an overload it was slow to recover");
}

void capacity_view_verdict(struct buf *out, const struct capacity_view *v,
    const struct capacity_probe *p)
{
	buf_puts(out, capacity_verdict_name(p->verdict));
	if (p->limit >= 0 && (size_t)p->limit < v->slo_count)
		buf_printf(out, " (%s)", v->slos[p->limit]);
}

void capacity_view_probe(struct buf *out, const struct capacity_view *v,
    size_t probe)
{
	const struct capacity_probe *p = &v->probes[probe];

	buf_printf(out, "%s ", p->stage);
	capacity_view_load(out, v, p->load);
	buf_puts(out, ": ");
	capacity_view_verdict(out, v, p);
	buf_printf(out, " in %.0f s", p->seconds);
	if (p->spoilt > 0)
		buf_printf(out, " (%.0f left out, %s)", p->spoilt,
		    p->starved > 0 ? "all users were busy" :
		    "the generator was slow");
	if (isfinite(p->r99)) {
		buf_puts(out, ", p50 ");
		text_time(out, p->r50);
		buf_puts(out, ", p99 ");
		text_time(out, p->r99);
	}
	buf_puts(out, ", failed ");
	text_percent(out, p->fail_share);
}
