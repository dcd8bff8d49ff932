/*
 * Charts.  One vertical axis from zero, one horizontal axis of time, a legend
 * with the colour and the dash of each line, and a mark for each event.  A
 * gap in the data is a gap in the line.  Colours come from the page's style
 * sheet, so that dark screens and paper have their own.
 */
#include "report/svg.h"

#include "report/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define WIDTH  900
#define HEIGHT 210
#define LEFT   62
#define RIGHT  24
#define TOP    26
#define BOTTOM 24
#define PLOT_W (WIDTH - LEFT - RIGHT)
#define PLOT_H (HEIGHT - TOP - BOTTOM)

int svg_escape(struct buf *out, const char *text)
{
	int rc = 0;

	for (; *text; text++) {
		switch (*text) {
		case '&':
			rc |= buf_puts(out, "&amp;");
			break;
		case '<':
			rc |= buf_puts(out, "&lt;");
			break;
		case '>':
			rc |= buf_puts(out, "&gt;");
			break;
		case '"':
			rc |= buf_puts(out, "&quot;");
			break;
		case '\'':
			rc |= buf_puts(out, "&#39;");
			break;
		default:
			rc |= buf_putc(out, *text);
			break;
		}
	}
	return rc;
}

/* 1, 2 or 5 times a power of ten, for about five steps. */
static double nice_step(double range)
{
	double raw = range / 5, power, mantissa;

	if (!(raw > 0))
		return 1;
	power = pow(10, floor(log10(raw)));
	mantissa = raw / power;
	return power * (mantissa <= 1 ? 1 : mantissa <= 2 ? 2 :
	    mantissa <= 5 ? 5 : 10);
}

static double nice_seconds(double range)
{
	static const double steps[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300,
		600, 900, 1800, 3600, 7200, 14400, 43200 };
	size_t i = 0;

	while (i < sizeof(steps) / sizeof(*steps) - 1 &&
	    range / steps[i] > 10)
		i++;
	return range / steps[i] > 10 ? nice_step(range) : steps[i];
}

/* Exporters and files say what they like, the largest number there is among
 * it: what no axis has room for is a gap.  No quotient of two overflows. */
static bool drawable(double v)
{
	return fabs(v) <= 1e150;
}

static double end_of(double most)
{
	return drawable(most) && most > 1e-150 ? most : 1;
}

static double highest(const struct svg_chart *c)
{
	double top = 0;

	for (size_t l = 0; l < c->line_count; l++) {
		for (size_t i = 0; i < c->count; i++) {
			double v = c->lines[l].values[i];

			if (drawable(v) && v > top)
				top = v;
		}
	}
	return end_of(top);
}

static int value_axis(struct buf *out, double top, double step)
{
	int rc = 0;

	for (double v = 0; v <= top * 1.0001; v += step) {
		double y = TOP + PLOT_H * (1 - v / top);

		rc |= buf_printf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\""
		    "/><text class=\"tick\" x=\"%d\" y=\"%.1f\" "
		    "text-anchor=\"end\">%.6g</text>", LEFT, y,
		    WIDTH - RIGHT, LEFT - 6, y + 3.5, v);
	}
	return rc;
}

static int time_axis(struct buf *out, double end)
{
	double step = nice_seconds(end);
	int rc = 0;

	for (double t = 0; t <= end * 1.0001; t += step) {
		struct buf label = BUF_INIT(64);

		text_clock(&label, t);
		rc |= buf_printf(out, "<text class=\"tick\" x=\"%.1f\" "
		    "y=\"%d\" text-anchor=\"middle\">%s</text>",
		    LEFT + PLOT_W * t / end, HEIGHT - 8, buf_str(&label));
		buf_release(&label);
	}
	return rc;
}

static int draw_line(struct buf *out, const struct svg_chart *c,
    const struct svg_line *line, double end, double top)
{
	bool pen_down = false;
	int rc;

	rc = buf_printf(out, "<path class=\"line %s\" d=\"", line->style);
	for (size_t i = 0; i < c->count; i++) {
		if (!drawable(line->values[i]) || !drawable(c->at[i])) {
			pen_down = false;
			continue;
		}
		rc |= buf_printf(out, "%c%.1f %.1f", pen_down ? 'L' : 'M',
		    LEFT + PLOT_W * c->at[i] / end,
		    TOP + PLOT_H * (1 - line->values[i] / top));
		/* A lone point between two gaps is a dot. */
		if (!pen_down)
			rc |= buf_puts(out, "h0");
		pen_down = true;
	}
	return rc | buf_puts(out, "\"/>");
}

static int draw_events(struct buf *out, const struct svg_chart *c, double end)
{
	int rc = 0;

	for (size_t i = 0; i < c->event_count && i < 50; i++) {
		double at = c->events[i].at;

		if (!(at >= 0 && at <= end))
			continue;
		rc |= buf_printf(out, "<path class=\"event\" d=\"M%.1f %dV%d"
		    "\"><title>", LEFT + PLOT_W * at / end, TOP,
		    TOP + PLOT_H);
		rc |= svg_escape(out, c->events[i].text);
		rc |= buf_puts(out, "</title></path>");
	}
	return rc;
}

static int legend(struct buf *out, const struct svg_chart *c)
{
	int x = WIDTH - RIGHT, rc = 0;

	for (size_t i = c->line_count; i-- > 0;) {
		x -= 34 + 7 * (int)text_width(c->lines[i].name);
		rc |= buf_printf(out, "<path class=\"line %s\" d=\"M%d 12h20"
		    "\"/><text class=\"key\" x=\"%d\" y=\"16\">",
		    c->lines[i].style, x, x + 25);
		rc |= svg_escape(out, c->lines[i].name);
		rc |= buf_puts(out, "</text>");
	}
	return rc;
}

/* Titles, units and names of lines are strangers', where exporters gave
 * them. */
static int head(struct buf *out, const struct svg_chart *c)
{
	int rc;

	rc = buf_printf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" "
	    "aria-label=\"", WIDTH, HEIGHT);
	rc |= svg_escape(out, c->title);
	rc |= buf_printf(out, " over the time of the run\"><text "
	    "class=\"head\" x=\"%d\" y=\"16\">", LEFT);
	rc |= svg_escape(out, c->title);
	rc |= buf_puts(out, " <tspan class=\"tick\">");
	rc |= svg_escape(out, c->unit);
	return rc | buf_puts(out, "</tspan></text>");
}

int svg_chart(struct buf *out, const struct svg_chart *c)
{
	double end = end_of(c->count ? c->at[c->count - 1] : 0);
	double step = nice_step(highest(c));
	double top = ceil(highest(c) / step - 1e-9) * step;
	int rc;

	rc = head(out, c);
	rc |= legend(out, c);
	rc |= value_axis(out, top, step);
	rc |= time_axis(out, end);
	rc |= draw_events(out, c, end);
	for (size_t i = 0; i < c->line_count; i++)
		rc |= draw_line(out, c, &c->lines[i], end, top);
	return rc | buf_puts(out, "</svg>\n");
}
