/*
 * The live block: the run as it is, at the end of a terminal, redrawn once a
 * second.  Where there is no terminal, or one that can't move its cursor,
 * progress.c prints plain lines instead.
 *
 * Rates and times are of the last ten seconds, counts of the whole run; both
 * say so.  Nothing is wider than the window: columns are left out from the
 * least important on, names are shortened in the middle.
 */
#include "report/block.h"

#include <event2/event.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "report/output.h"
#include "report/screen.h"
#include "report/text.h"

#define WINDOW    10.0                  /* seconds */
#define MOST_ROWS 12                    /* endpoints */
#define MOST_NOTES 3
#define NARROW    40
#define SPARKS    60

static struct {
	struct terminal terminal;
	struct screen screen;
	struct event *stop;
	struct event *cont;
	const struct report *last;
	bool on;                        /* there is something to redraw */
	struct buf text;
} block;

bool block_wanted(const struct report *r)
{
	const char *kind = getenv("TERM");

	return r->options.progress > 0 && !r->options.plain &&
	    isatty(STDERR_FILENO) == 1 && kind != NULL && kind[0] != '\0' &&
	    strcmp(kind, "dumb") != 0;
}

/* ---- pieces ---- */

/* The columns there are: the last one stays free, lest the line wraps. */
static size_t room(void)
{
	int width = block.terminal.width - 1;

	return width < 20 ? 20 : (size_t)width;
}

/* One line, cut to what fits, in a colour or none. */
static void put_line(const char *text, const char *colour)
{
	bool coloured = colour != NULL && block.terminal.colour;

	buf_puts(&block.text, coloured ? colour : "");
	text_name(&block.text, text, room(), block.terminal.utf8, false);
	buf_puts(&block.text, coloured ? "\033[0m" : "");
	buf_putc(&block.text, '\n');
}

static const char *name_of(const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	return path == NULL ? "" : slash != NULL ? slash + 1 : path;
}

static const char *state_word(const struct report *r)
{
	if (r->run.waiting)
		return "WAITING";
	switch (r->run.state) {
	case RUN_SPAWNING:
		return "RAMP";
	case RUN_RUNNING:
		return "RUNNING";
	case RUN_STOPPING:
		return "STOPPING";
	case RUN_READY:
	case RUN_STOPPED:
		break;
	}
	return NULL;
}

static void put_bar(struct buf *line, double share, size_t columns)
{
	const char *full = block.terminal.utf8 ? "━" : "=";
	const char *rest = block.terminal.utf8 ? "─" : "-";
	size_t done = (size_t)(share * (double)columns);

	for (size_t i = 0; i < columns; i++)
		buf_puts(line, i < done ? full : rest);
}

/* "swarm iot.c  RUNNING  12:41 / 30:00 ━━━━──── 42 %" */
static void headline(const struct report *r)
{
	struct buf line = BUF_INIT(8192), right = BUF_INIT(200);
	double share = r->run.run_time > 0 ?
	    fmin(1, r->elapsed / r->run.run_time) : -1;
	size_t used;

	buf_printf(&right, "  %s  ", state_word(r));
	text_clock(&right, r->elapsed);
	if (share >= 0) {
		buf_puts(&right, " / ");
		text_clock(&right, r->run.run_time);
	}
	used = text_width(buf_str(&right));
	buf_puts(&line, "swarm ");
	if (used + 6 + 4 < room())
		text_name(&line, name_of(r->options.scenario),
		    room() - used - 6 > 30 ? 30 : room() - used - 6,
		    block.terminal.utf8, false);
	buf_puts(&line, buf_str(&right));
	used = text_width(buf_str(&line));
	if (share >= 0 && used + 20 < room()) {
		buf_putc(&line, ' ');
		put_bar(&line, share, room() - used - 8 > 40 ? 40 :
		    room() - used - 8);
		buf_printf(&line, " %3.0f %%", share * 100);
	}
	put_line(buf_str(&line), "\033[1m");
	buf_release(&line);
	buf_release(&right);
}

/* Parts of a line, as many as fit. */
static void add_part(struct buf *line, const char *name, struct buf *value)
{
	size_t width = 3 + strlen(name) + text_width(buf_str(value));

	if (text_width(buf_str(line)) + width <= room() + 1)
		buf_printf(line, "%s%s%s%s", line->len > 0 ? "   " : "", name,
		    name[0] ? " " : "", buf_str(value));
	buf_clear(value);
}

static void add_times(struct buf *line, struct buf *value,
    const struct histogram *h)
{
	static const struct {
		const char *name;
		double q;
	} shown[] = { { "p50", 0.5 }, { "p95", 0.95 }, { "p99", 0.99 } };

	for (size_t i = 0; i < 3 && h->count > 0; i++) {
		text_time(value, (double)histogram_quantile(h, shown[i].q));
		add_part(line, shown[i].name, value);
	}
}

/* "users 400/400   req/s 9 812   fail 0.12 %   p50 4.1ms ..." */
static void totals(const struct report *r)
{
	struct buf line = BUF_INIT(8192), value = BUF_INIT(200);
	struct window_sum sum;

	windows_sum(r->windows, NULL, WINDOW, &sum);
	buf_printf(&value, "%lld/%lld", (long long)r->run.users_running,
	    (long long)r->run.users_target);
	add_part(&line, "users", &value);
	text_rate(&value, sum.length > 0 ?
	    (double)sum.requests / sum.length : 0);
	add_part(&line, "req/s", &value);
	text_percent(&value, sum.requests > 0 ?
	    (double)sum.failures / (double)sum.requests : 0);
	add_part(&line, "fail", &value);
	add_times(&line, &value, &sum.response);
	buf_printf(&value, "%u/%u", r->run.workers,
	    r->run.workers + r->run.workers_lost);
	add_part(&line, "w", &value);
	put_line(buf_str(&line), NULL);
	window_sum_release(&sum);
	buf_release(&line);
	buf_release(&value);
}

/* ---- the last minute ---- */

static void spark(struct buf *line, const double *values, size_t count)
{
	static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇",
		"█" };
	double most = 0;

	for (size_t i = 0; i < count; i++)
		most = fmax(most, values[i]);
	for (size_t i = 0; i < count; i++) {
		int level = most > 0 ? (int)(values[i] / most * 7.999) : 0;

		buf_puts(line, bars[level]);
	}
}

static double p95_of(const struct window_slot *slot)
{
	struct histogram h;
	double p95;

	histogram_init(&h);
	sparse_add(&h, &slot->response);
	p95 = (double)histogram_quantile(&h, 0.95);
	histogram_release(&h);
	return p95;
}

/* "req/s ▁▂▄▆▇███   p95 ▂▂▂▃▂▂   fail ▁▁▁▃▁▁" of the last minute. */
static void sparklines(const struct report *r)
{
	static const char *const names[] = { "req/s", "p95", "fail" };
	const struct history_slot *slots;
	size_t count = windows_history(r->windows, &slots), shown;
	size_t columns = room() > 24 ? (room() - 24) / 3 : 0;
	struct buf line = BUF_INIT(8192);
	double values[3][SPARKS];

	shown = columns < SPARKS ? columns : SPARKS;
	if (!block.terminal.utf8 || columns < 10 || count < 2)
		return;
	if (shown > count)
		shown = count;
	for (size_t i = 0; i < shown; i++) {
		const struct window_slot *s = &slots[count - shown + i].slot;
		double length = s->length > 0 ? s->length : 1;

		values[0][i] = (double)s->requests / length;
		values[1][i] = p95_of(s);
		values[2][i] = (double)s->failures / length;
	}
	for (int i = 0; i < 3; i++) {
		buf_printf(&line, "%s%s ", i > 0 ? "   " : "", names[i]);
		spark(&line, values[i], shown);
	}
	put_line(buf_str(&line), NULL);
	buf_release(&line);
}

/* ---- endpoints ---- */

enum column { COUNT, RATE, FAIL, P50, P95, P99, MAX, COLUMNS };

static const struct {
	const char *title;
	size_t width;
	int from;                       /* least columns of the window */
} columns[COLUMNS] = {
	[COUNT] = { "count", 8, 66 }, [RATE] = { "req/s", 8, 0 },
	[FAIL] = { "fail", 9, 0 }, [P50] = { "p50", 8, 58 },
	[P95] = { "p95", 8, 0 }, [P99] = { "p99", 8, 74 },
	[MAX] = { "max", 8, 82 },
};

static bool shown(enum column c)
{
	return block.terminal.width >= columns[c].from;
}

static size_t name_width(void)
{
	size_t used = 0;

	for (int c = 0; c < COLUMNS; c++)
		used += shown((enum column)c) ? columns[c].width : 0;
	return room() > used + 8 ? room() - used : 8;
}

static void cell_value(struct buf *value, enum column c,
    const struct series *s, const struct window_sum *sum)
{
	static const double quantiles[COLUMNS] = { [P50] = 0.5, [P95] = 0.95,
		[P99] = 0.99, [MAX] = 1 };

	switch (c) {
	case COUNT:
		text_short_count(value, s->phase ? series_response(s)->count :
		    s->requests);
		break;
	case RATE:
		text_rate(value, sum->length > 0 && !s->phase ?
		    (double)sum->requests / sum->length : 0);
		break;
	case FAIL:
		text_percent(value, s->requests > 0 ?
		    (double)s->failures / (double)s->requests : 0);
		break;
	default:
		if (sum->response.count > 0)
			text_time(value, (double)histogram_quantile(
			    &sum->response, quantiles[c]));
		else
			buf_putc(value, '-');
	}
}

static void endpoint(const struct report *r, const struct series *s)
{
	struct buf line = BUF_INIT(8192), value = BUF_INIT(200);
	struct buf name = BUF_INIT(8192);
	struct window_sum sum;

	windows_sum(r->windows, s, WINDOW, &sum);
	buf_printf(&name, "%s%s%s", s->type, s->type[0] ? " " : "", s->name);
	text_name(&line, buf_str(&name), name_width() - 1,
	    block.terminal.utf8, true);
	buf_putc(&line, ' ');
	for (int c = 0; c < COLUMNS; c++) {
		if (!shown((enum column)c))
			continue;
		cell_value(&value, (enum column)c, s, &sum);
		text_right(&line, buf_str(&value), columns[c].width);
		buf_clear(&value);
	}
	put_line(buf_str(&line), NULL);
	window_sum_release(&sum);
	buf_release(&line);
	buf_release(&value);
	buf_release(&name);
}

/* Busiest first; equal ones by age, so that rows keep their places. */
static int by_requests(const void *a, const void *b)
{
	const struct series *const *x = a, *const *y = b;
	uint64_t p = (*x)->requests, q = (*y)->requests;

	if (p != q)
		return p < q ? 1 : -1;
	return (*x)->id < (*y)->id ? -1 : 1;
}

static void endpoints(const struct report *r, size_t most)
{
	const struct stats *stats = r->options.stats;
	struct series **rows = xcalloc(stats->count + 1, sizeof *rows);
	struct buf line = BUF_INIT(1024);
	size_t count = 0;

	for (size_t i = 0; i < stats->count; i++) {
		if (series_response(stats->series[i])->count > 0)
			rows[count++] = stats->series[i];
	}
	qsort(rows, count, sizeof *rows, by_requests);
	text_name(&line, "last 10 s", name_width(), true, true);
	for (int c = 0; c < COLUMNS; c++) {
		if (shown((enum column)c))
			text_right(&line, columns[c].title, columns[c].width);
	}
	if (count > 0 && most > 0)
		put_line(buf_str(&line), "\033[2m");
	buf_clear(&line);
	for (size_t i = 0; i < count && i < most; i++)
		endpoint(r, rows[i]);
	buf_printf(&line, "and %zu more", count - most);
	if (count > most && most > 0)
		put_line(buf_str(&line), "\033[2m");
	buf_release(&line);
	free(rows);
}

/* ---- what to mind ---- */

static void criterion(const struct criterion_state *s)
{
	struct buf line = BUF_INIT(4096);
	const char *mark = s->broken ? "x " : s->known ? "ok " : "... ";

	if (block.terminal.utf8)
		mark = s->broken ? "✗ " : s->known ? "✓ " : "… ";
	buf_puts(&line, mark);
	buf_puts(&line, s->criterion.text);
	if (s->known) {
		buf_puts(&line, "  now ");
		criterion_print_value(&s->criterion, s->value, &line);
	}
	put_line(buf_str(&line), s->broken ? "\033[31m" : NULL);
	buf_release(&line);
}

static void criteria(const struct report *r)
{
	size_t count = criteria_count(r->criteria);

	for (size_t i = 0; i < count && i < MOST_NOTES; i++)
		criterion(criteria_at(r->criteria, i));
}

static void hold(const struct report *r)
{
	struct buf line = BUF_INIT(4096);

	if (r->run.hold != NULL) {
		hold_view_live(&line, r->run.hold);
		put_line(buf_str(&line), NULL);
	}
	buf_release(&line);
}

static void warnings(const struct report *r)
{
	struct buf line = BUF_INIT(4096);

	if (r->load.loop_busy > REPORT_BUSY) {
		buf_printf(&line, "! generator-limited: a worker's loop is "
		    "busy for %.0f %% of the time", r->load.loop_busy * 100);
		put_line(buf_str(&line), "\033[33m");
	}
	buf_release(&line);
}

/* ---- all of it ---- */

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void draw(const struct report *r)
{
	size_t height = block.terminal.height > 4 ?
	    (size_t)block.terminal.height - 2 : 2, used, extra;

	buf_clear(&block.text);
	headline(r);
	totals(r);
	used = 2 + criteria_count(r->criteria) + 4 +
	    (r->run.hold != NULL);
	extra = height > used ? height - used : 0;
	if (block.terminal.width >= NARROW && extra > 0)
		sparklines(r);
	endpoints(r, extra > MOST_ROWS ? MOST_ROWS : extra);
	hold(r);
	criteria(r);
	warnings(r);
	/* Rather too little than a window that scrolls. */
	while (lines_of(buf_str(&block.text)) > height) {
		char *last;

		block.text.data[--block.text.len] = '\0';
		last = strrchr(block.text.data, '\n');
		block.text.len = (size_t)(last + 1 - block.text.data);
		block.text.data[block.text.len] = '\0';
	}
	screen_draw(&block.screen, buf_str(&block.text),
	    block.terminal.width);
}

static void show(const struct report *r)
{
	text_terminal_size(&block.terminal, stderr);
	block.on = state_word(r) != NULL;
	if (block.on)
		draw(r);
	else
		screen_clear(&block.screen);
}

/* Ctrl-Z: the shell gets a clean terminal, and fg the block again. */
static void on_stop(evutil_socket_t number, short events, void *arg)
{
	(void)number;
	(void)events;
	(void)arg;
	screen_clear(&block.screen);
	raise(SIGSTOP);
}

static void on_cont(evutil_socket_t number, short events, void *arg)
{
	(void)number;
	(void)events;
	(void)arg;
	if (block.on)
		show(block.last);
}

static int block_start(const struct report *r)
{
	text_terminal(&block.terminal, stderr, r->options.colour);
	screen_init(&block.screen, STDERR_FILENO);
	buf_init(&block.text, 256u << 10);
	block.last = r;
	block.on = false;
	log_set_prefix(SCREEN_CLEAR);
	if (loop_base() == NULL)
		return 0;
	block.stop = evsignal_new(loop_base(), SIGTSTP, on_stop, NULL);
	block.cont = evsignal_new(loop_base(), SIGCONT, on_cont, NULL);
	event_add(block.stop, NULL);
	event_add(block.cont, NULL);
	return 0;
}

static void block_event(const struct report *r,
    const struct result_event *event)
{
	struct buf line = BUF_INIT(4096);

	screen_clear(&block.screen);
	text_clock(&line, event->at);
	buf_puts(&line, " EVENT ");
	text_name(&line, event->text, 0, block.terminal.utf8, false);
	fprintf(stderr, "%s\n", buf_str(&line));
	buf_release(&line);
	if (block.on)
		show(r);
}

void block_leave(void)
{
	screen_clear(&block.screen);
}

static int block_finish(const struct report *r, const struct result *result)
{
	(void)r;
	(void)result;
	block_leave();
	screen_release(&block.screen);
	log_set_prefix(NULL);
	buf_release(&block.text);
	if (block.stop != NULL) {
		event_free(block.stop);
		event_free(block.cont);
	}
	block.stop = NULL;
	block.cont = NULL;
	return 0;
}

const struct output output_block = {
	.name = "block",
	.wanted = block_wanted,
	.start = block_start,
	.tick = show,
	.event = block_event,
	.finish = block_finish,
};
