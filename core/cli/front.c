/* See front.h: glue between the run, the outputs and the web page. */
#include "cli/front.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/find_capacity.h"
#include "cli/hold_load.h"
#include "cli/page.h"
#include "cli/target_watch.h"
#include "cluster/master.h"
#include "cluster/wire.h"
#include "module/hooks.h"
#include "report/flight.h"
#include "report/report.h"
#include "run/executor.h"
#include "report/warm_up.h"
#include "run/run.h"

static int choose_colour(const char *text, enum report_colour *out)
{
	if (strcmp(text, "auto") == 0)
		*out = REPORT_COLOUR_AUTO;
	else if (strcmp(text, "always") == 0)
		*out = REPORT_COLOUR_ALWAYS;
	else if (strcmp(text, "never") == 0)
		*out = REPORT_COLOUR_NEVER;
	else
		return -1;
	return 0;
}

static int choose_summary(const char *text, enum report_summary *out)
{
	if (strcmp(text, "full") == 0)
		*out = REPORT_SUMMARY_FULL;
	else if (strcmp(text, "compact") == 0)
		*out = REPORT_SUMMARY_COMPACT;
	else if (strcmp(text, "none") == 0)
		*out = REPORT_SUMMARY_NONE;
	else
		return -1;
	return 0;
}

static bool step_down_one(const struct executor_status *e, double share)
{
	int64_t users = (int64_t)ceil((double)e->users_target * (1 - share));
	const char *why;

	/* Arrivals do not follow the number of users. */
	if (e->rate > 0)
		return run_set_rate(e->name, e->rate * (1 - share), &why) ==
		    0;
	if (users >= e->users_target)
		users = e->users_target - 1;
	return users >= 1 &&
	    run_set_load(e->name, users, e->spawn_rate, &why) == 0;
}

/* Fewer arrivals, or fewer users, at the pace they came. */
static bool step_down(double share)
{
	struct run_status now;
	bool any = false;

	run_status(&now);
	for (size_t i = 0; i < now.executor_count; i++)
		any = step_down_one(&now.executors[i], share) || any;
	return any;
}

static void ask_flight(uint64_t id, double before, double after)
{
	const struct wire_flight f = { .id = id,
		.before_ns = (uint64_t)(before * (double)NS_PER_S),
		.after_ns = (uint64_t)(after * (double)NS_PER_S) };

	for (size_t i = 0; i < master_peer_count(); i++)
		master_send_flight(master_peer_at(i), &f);
}

static char **asked;                    /* the load, in words and values */

static void free_load(void)
{
	for (char **at = asked; at && *at; at++)
		free(*at);
	free(asked);
	asked = NULL;
}

int front_start(const struct options *o, struct stats *stats, int argc,
    char **argv)
{
	bool progress = !o->only_summary && (o->headless || o->print_stats);
	struct report_options options = {
		.stats = stats,
		.scenario = o->scenarios.count > 0 ? o->scenarios.items[0] :
		    NULL,
		.host = o->host,
		.argc = argc,
		.argv = argv,
		.seed = (uint64_t)o->seed,
		.seed_chosen = !options_given("seed"),
		.progress = progress ? o->progress : 0,
		.plain = o->plain,
		.json = o->json,
		.csv = o->csv,
		.csv_full_history = o->csv_full_history,
		.json_file = o->json_file,
		.html = o->html,
		.markdown = o->report_md,
		.junit = o->junit,
		.hdr_log = o->hdr_log,
		.ndjson = o->ndjson,
		.prometheus = o->prometheus,
		.outs = o->outs.items,
		.baseline = o->baseline,
		.save_baseline = o->save_baseline,
		.request_log = o->request_log,
		.flight = o->flight_recorder,
		.flight_before = o->flight_before,
		.flight_after = o->flight_after,
		.ask_flight = ask_flight,
		.exit_code_on_error = (int)o->exit_code_on_error,
		.fail_if = o->fail_if.items,
		.stop_if = o->stop_if.items,
		.stop = run_stop,
		.step_down = step_down,
	};

	find_capacity_tell(&options);
	hold_load_tell(stats);
	free_load();
	options.load = asked = options_of_group(o, "Load");
	if (choose_colour(o->color, &options.colour) == -1) {
		log_error("--color %s: use auto, always or never", o->color);
		return -1;
	}
	if (o->flight_before > FLIGHT_LONGEST ||
	    o->flight_after > FLIGHT_LONGEST ||
	    o->flight_before + o->flight_after <= 0) {
		log_error("--flight-before, --flight-after: a minute each at "
		    "most, and not nothing");
		return -1;
	}
	if (warm_up_parse(o->warm_up, &options.warm_up) == -1) {
		log_error("--warm-up %s: use auto, none or a time (30s)",
		    o->warm_up);
		return -1;
	}
	if (choose_summary(o->summary, &options.summary) == -1) {
		log_error("--summary %s: use full, compact or none",
		    o->summary);
		return -1;
	}
	if (report_start(&options) == -1 ||
	    target_watch_start(o, stats) == -1)
		return -1;
	return o->headless ? 0 : page_start(o, stats, argc, argv);
}

/* The worst of the workers says how the generator is doing. */
static void measure_load(struct report_load *load,
    struct report_worker *workers)
{
	*load = (struct report_load){ -1, -1, -1, workers,
		master_peer_count() };
	for (size_t i = 0; i < load->worker_count; i++) {
		const struct peer *p = master_peer_at(i);
		const struct health *h = &p->health;

		workers[i] = (struct report_worker){ p->index, *h,
			&p->delays };
		load->cpu = fmax(load->cpu, h->cpu);
		load->loop_busy = fmax(load->loop_busy, h->loop_busy);
		load->loop_delay_ms = fmax(load->loop_delay_ms,
		    h->loop_delay_ms);
	}
}

void front_tick(void)
{
	struct run_status status;
	struct report_worker *workers = xcalloc(master_peer_count() + 1,
	    sizeof *workers);
	struct report_load load;

	run_status(&status);
	hold_load_show(&status);
	measure_load(&load, workers);
	target_watch_tick(&status);
	report_tick(&status, &load);
	find_capacity_tick(&status, &load);
	hold_load_tick(&status, &load);
	for (size_t i = 0; i < master_peer_count(); i++)
		histogram_clear(&master_peer_at(i)->delays);
	free(workers);
	page_tick();
}

void front_event(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	report_event("%s", text);
	page_event("worker", text);
}

int front_pause(bool on, const char **why)
{
	struct run_status status;

	run_status(&status);
	if ((on ? run_pause(why) : run_resume(why)) == -1)
		return -1;
	report_event(on ? "paused" : "goes on after %.1f s of pause",
	    status.paused_s);
	page_event("pause", on ? "paused" : "goes on");
	page_changed();
	return 0;
}

int front_finish(void)
{
	struct report_outcome outcome = {
		.scenario_exit_code = hooks_exit_code() };
	int code;

	target_watch_stop();
	hold_load_finish();
	run_status(&outcome.run);
	hold_load_show(&outcome.run);
	page_stop(NULL);
	code = report_finish(&outcome);
	free_load();
	return code;
}
