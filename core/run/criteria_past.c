/*
 * See criteria_past.h.  Marks are bounded: when there are too many, every
 * other one goes, and from then on they come half as often.
 */
#include "run/criteria_past.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define EVERY  5.0                      /* seconds, at first */
#define FEWEST 5                        /* points of a line */

void criteria_past_init(struct criteria_past *p, double window)
{
	memset(p, 0, sizeof *p);
	p->every = EVERY;
	if (window <= 0)
		return;
	p->size = (size_t)ceil(window);
	p->ring = xcalloc(p->size, sizeof *p->ring);
}

void criteria_past_release(struct criteria_past *p)
{
	for (size_t i = 0; i < p->mark_count; i++)
		window_sum_release(&p->marks[i].sum);
	free(p->marks);
	free(p->ring);
	memset(p, 0, sizeof *p);
}

static void line_add(struct criteria_line *l, double t, double y)
{
	l->n++;
	l->t += t;
	l->y += y;
	l->tt += t * t;
	l->ty += t * y;
}

void criteria_past_add(struct criteria_past *p, double t, double y)
{
	line_add(&p->line, t, y);
	if (p->ring == NULL)
		return;
	p->ring[p->next].t = t;
	p->ring[p->next].y = y;
	p->next = (p->next + 1) % p->size;
	p->used += p->used < p->size;
}

static bool slope_of(const struct criteria_line *l, double *out)
{
	double spread = l->n * l->tt - l->t * l->t;

	if (l->n < FEWEST || !(spread > 0))
		return false;
	*out = (l->n * l->ty - l->t * l->y) / spread;
	return true;
}

bool criteria_past_slope(const struct criteria_past *p,
    const struct criteria_mark *mark, double *out)
{
	struct criteria_line l = p->line;

	if (p->ring != NULL) {
		memset(&l, 0, sizeof l);
		for (size_t i = 0; i < p->used; i++)
			line_add(&l, p->ring[i].t, p->ring[i].y);
	} else if (mark != NULL) {
		l.n -= mark->line.n;
		l.t -= mark->line.t;
		l.y -= mark->line.y;
		l.tt -= mark->line.tt;
		l.ty -= mark->line.ty;
	}
	return slope_of(&l, out);
}

bool criteria_past_due(const struct criteria_past *p, double at)
{
	if (p->mark_count == 0)
		return at > 0.5;
	return at > p->marks[p->mark_count - 1].at + p->every - 0.5;
}

static void thin(struct criteria_past *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->mark_count; i++) {
		if (i % 2 == 0)
			window_sum_release(&p->marks[i].sum);
		else
			p->marks[kept++] = p->marks[i];
	}
	p->mark_count = kept;
	p->every *= 2;
}

void criteria_past_mark(struct criteria_past *p, double at,
    const struct window_sum *sum)
{
	if (p->marks == NULL)
		p->marks = xcalloc(CRITERIA_PAST_MARKS, sizeof *p->marks);
	if (p->mark_count == CRITERIA_PAST_MARKS)
		thin(p);
	p->marks[p->mark_count++] = (struct criteria_mark){ at, *sum,
		p->line };
}

const struct criteria_mark *criteria_past_at(const struct criteria_past *p,
    double at)
{
	for (size_t i = 0; i < p->mark_count; i++) {
		if (p->marks[i].at > at - 0.5)
			return &p->marks[i];
	}
	return NULL;
}
