/*
 * Plain lines on standard error while the run goes on: one per interval, of
 * what came in that interval, with the same words in the same order each
 * time, so that people and grep read them alike.
 *
 * Rates and percentiles are of the interval.  A worker reports once a second
 * or less often, so that an interval as short as that is a rough figure.
 */
#include "base/clock.h"
#include "report/block.h"
#include "report/output.h"
#include "run/executor.h"
#include "report/text.h"

#include <stdio.h>
#include <string.h>

static struct {
	double next;                    /* elapsed seconds of the next line */
	double last;
	struct terminal terminal;
} progress;

static bool progress_wanted(const struct report *r)
{
	/* Events are shown in any case. */
	return !block_wanted(r);
}

static int progress_start(const struct report *r)
{
	memset(&progress, 0, sizeof(progress));
	progress.next = r->options.progress;
	text_terminal(&progress.terminal, stderr, r->options.colour);
	return 0;
}

static const char *phase_word(const struct run_status *run)
{
	if (run->paused)
		return "pause";
	switch (run->state) {
	case RUN_SPAWNING:
		return "ramp";
	case RUN_RUNNING:
		return "hold";
	case RUN_STOPPING:
		return "stop";
	case RUN_READY:
	case RUN_STOPPED:
		break;
	}
	return NULL;
}

static void add_latency(struct buf *line, const struct histogram *h)
{
	static const struct {
		const char *name;
		double q;
	} shown[] = { { "p50", 0.5 }, { "p95", 0.95 }, { "p99", 0.99 } };

	for (size_t i = 0; i < 3; i++) {
		buf_printf(line, " %s ", shown[i].name);
		if (h->count == 0)
			buf_putc(line, '-');
		else
			text_time(line,
			    (double)histogram_quantile(h, shown[i].q));
	}
}

/* Rates without grouping, for scripts. */
static void add_rate(struct buf *line, const struct window_sum *sum)
{
	double rate = sum->length > 0 ?
	    (double)sum->requests / sum->length : 0;

	buf_printf(line, rate < 100 ? " req/s %.1f" : " req/s %.0f", rate);
	buf_printf(line, " fail %llu (%.2f%%)",
	    (unsigned long long)sum->failures, sum->requests ?
	    100.0 * (double)sum->failures / (double)sum->requests : 0.0);
}

/* Named ones, when there are several or it has a name. */
static void add_executors(struct buf *line, const struct report *r)
{
	for (size_t i = 0; i < r->run.executor_count; i++) {
		const struct executor_status *e = &r->run.executors[i];

		if (e->name[0] == '\0')
			continue;
		buf_printf(line, " | %s %s users %lld/%lld", e->name,
		    executor_state_name(e->state),
		    (long long)e->users_running, (long long)e->users_target);
		if (e->rate > 0)
			buf_printf(line, " rate %.1f", e->rate);
		if (e->iterations > 0)
			buf_printf(line, " iterations %lld/%lld",
			    (long long)e->done, (long long)e->iterations);
		if (e->dropped > 0)
			buf_printf(line, " dropped %lld",
			    (long long)e->dropped);
	}
}

static void add_load(struct buf *line, const struct report *r)
{
	buf_printf(line, " workers %u/%u", r->run.workers,
	    r->run.workers + r->run.workers_lost);
	if (r->load.loop_busy > REPORT_BUSY)
		buf_puts(line, " generator-limited");
}

static void progress_tick(const struct report *r)
{
	const char *word = phase_word(&r->run);
	struct buf line = BUF_INIT(400);
	struct window_sum sum;

	if (r->elapsed < progress.last) {
		/* A new test in the same process. */
		progress.last = 0;
		progress.next = r->options.progress;
	}
	/* A tick may come a moment early. */
	if (r->options.progress <= 0 || !word ||
	    r->elapsed < progress.next - 0.5)
		return;
	windows_sum(r->windows, NULL, r->elapsed - progress.last, &sum);
	text_clock(&line, r->elapsed);
	buf_printf(&line, " %s  users %lld/%lld", word,
	    (long long)r->run.users_running,
	    (long long)r->run.users_target);
	add_rate(&line, &sum);
	add_latency(&line, &sum.response);
	add_load(&line, r);
	add_executors(&line, r);
	if (r->run.hold != NULL) {
		buf_puts(&line, " | ");
		hold_view_live(&line, r->run.hold);
	}
	fprintf(stderr, "%s\n", buf_str(&line));
	progress.last = r->elapsed;
	while (progress.next <= r->elapsed + 0.5)
		progress.next += r->options.progress;
	window_sum_release(&sum);
	buf_release(&line);
}

static void progress_event(const struct report *r,
    const struct result_event *event)
{
	struct buf line = BUF_INIT(4096);

	text_clock(&line, event->at);
	buf_puts(&line, " EVENT ");
	text_name(&line, event->text, 0, progress.terminal.utf8, false);
	fprintf(stderr, "%s\n", buf_str(&line));
	buf_release(&line);
	(void)r;
}

const struct output output_progress = {
	.name = "progress",
	.wanted = progress_wanted,
	.start = progress_start,
	.tick = progress_tick,
	.event = progress_event,
};
