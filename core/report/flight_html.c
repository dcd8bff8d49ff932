/*
 * The waterfall: a row for each user, a bar for each request, from when it
 * should have begun.  Plain SVG; the title of a bar is what a mouse that rests
 * on it shows.
 */
#include "report/flight.h"

#include <math.h>

#include "report/svg.h"
#include "report/text.h"

#define WIDTH  900
#define LEFT   96
#define RIGHT  12
#define TOP    20
#define ROW    18
#define BAR    12
#define PLOT   (WIDTH - LEFT - RIGHT)
#define LEAST  1.5                      /* of a bar, or nobody sees it */

struct scale {
	double from;
	double length;                  /* seconds */
};

static double place(const struct scale *s, double at)
{
	double share = (at - s->from) / s->length;

	return LEFT + PLOT * fmin(1, fmax(0, share));
}

static void bar(struct buf *out, const struct scale *s, double y,
    const char *style, double from, double to, const struct flight_line *l)
{
	double x = place(s, from);

	buf_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.0f\" "
	    "width=\"%.1f\" height=\"%d\"><title>", style, x, y,
	    fmax(LEAST, place(s, to) - x), BAR);
	svg_escape(out, l->type);
	buf_putc(out, ' ');
	svg_escape(out, l->name);
	buf_puts(out, " in task ");
	svg_escape(out, l->task);
	buf_printf(out, ": at %.3f s, ", l->start);
	text_time(out, (l->lag + l->service) * 1e9);
	if (l->lag > 0) {
		buf_puts(out, ", of it too late ");
		text_time(out, l->lag * 1e9);
	}
	if (l->error != NULL) {
		buf_puts(out, ", ");
		svg_escape(out, l->error);
	}
	buf_puts(out, "</title></rect>\n");
}

static void row(struct buf *out, const struct flight_moment *m,
    const struct scale *s, const struct flight_row *r, double y)
{
	buf_printf(out, "<text class=\"tick\" x=\"%d\" y=\"%.0f\" "
	    "text-anchor=\"end\">user %llu</text>", LEFT - 8, y + BAR - 2,
	    (unsigned long long)r->user);
	for (size_t i = 0; i < m->count; i++) {
		const struct flight_line *l = &m->lines[i];
		double began = l->start + l->lag;

		if (l->user != r->user || l->worker != r->worker)
			continue;
		if (l->lag > 0)
			bar(out, s, y, "lag", l->start, began, l);
		bar(out, s, y, l->error != NULL ? "failed" : "ok", began,
		    began + l->service, l);
	}
}

static void axis(struct buf *out, const struct flight_moment *m,
    const struct scale *s, double bottom)
{
	double step = s->length > 20 ? 5 : 1;

	for (double t = ceil(s->from / step) * step; t <= s->from + s->length;
	    t += step)
		buf_printf(out, "<path class=\"grid\" d=\"M%.1f %dV%.0f\"/>"
		    "<text class=\"tick\" x=\"%.1f\" y=\"%d\" "
		    "text-anchor=\"middle\">%.0f s</text>", place(s, t), TOP,
		    bottom, place(s, t), TOP - 6, t);
	buf_printf(out, "<path class=\"event\" d=\"M%.1f %dV%.0f\"/>\n",
	    place(s, m->at), TOP, bottom);
}

static void waterfall(struct buf *out, const struct flight_moment *m,
    double before, double after)
{
	const struct scale s = { m->at - before, before + after };
	struct flight_row rows[FLIGHT_SHOWN];
	size_t count = flight_rows(m, rows);
	double bottom = TOP + ROW * (double)count;

	buf_puts(out, "<p>");
	text_clock(out, m->at);
	buf_putc(out, ' ');
	svg_escape(out, m->why);
	if (count == 0) {
		buf_puts(out, ": no worker told what its users did.</p>\n");
		return;
	}
	buf_printf(out, "</p>\n<svg viewBox=\"0 0 %d %.0f\" role=\"img\">\n",
	    WIDTH, bottom + 6);
	axis(out, m, &s, bottom);
	for (size_t i = 0; i < count; i++)
		row(out, m, &s, &rows[i], TOP + ROW * (double)i + 3);
	buf_puts(out, "</svg>\n");
}

void flight_html(struct buf *out, const struct flight *f)
{
	double before, after;

	if (f->count == 0)
		return;
	flight_window(f, &before, &after);
	buf_printf(out, "<section class=\"flight\"><h2>Flight recorder</h2>"
	    "<p>The users who fared worst, from %g s before each moment to "
	    "%g s after it: a bar for each request, pale while it was late "
	    "to begin.</p>\n", before, after);
	for (size_t i = 0; i < f->count; i++)
		waterfall(out, &f->moments[i], before, after);
	buf_puts(out, "</section>\n");
}
