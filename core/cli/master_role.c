/*
 * The master: starts local workers, steers the run, merges and shows.  It
 * runs no users, so nothing a scenario does can take it down.
 */
#include "cli/role.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/choose.h"
#include "cli/console.h"
#include "cli/doctor.h"
#include "cli/find_capacity.h"
#include "cli/front.h"
#include "cli/hold_load.h"
#include "cli/modules.h"
#include "cli/page.h"
#include "cli/plaintext.h"
#include "cli/rows.h"
#include "cluster/crash.h"
#include "cluster/master.h"
#include "cluster/meeting.h"
#include "cluster/message.h"
#include "cluster/worker_sample.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "module/hooks.h"
#include "module/module.h"
#include "report/report.h"
#include "run/run.h"
#include "stats/stats.h"
#include "user/user.h"

#define REPORT_INTERVAL 1.0
#define QUIT_MARGIN     8.0     /* seconds beyond the stop timeout */

static struct {
	struct options *options;
	struct stats *stats;
	struct keys keys;
	struct wheel_timer tick;
	struct wheel_timer autoquit;
	struct event *signals[2];
	char *host;                     /* of the present run; NULL */
	int processes;                  /* local workers */
	struct event *pause;
	bool ends_with_run;
	bool told_classes;              /* to whoever starts Locust's */
	int64_t was_reset;              /* the test that was */
	bool quitting;
	int signal;
} master;

static void on_quit_done(void *arg)
{
	(void)arg;
	loop_stop();
}

static void quit(void)
{
	if (master.quitting)
		return;
	master.quitting = true;
	master_quit(master.options->stop_timeout + QUIT_MARGIN, on_quit_done,
	    NULL);
}

static void autoquit_fired(struct wheel_timer *t)
{
	(void)t;
	quit();
}

/* --reset-stats: after the first ramp of each test. */
static void reset_once(int64_t started)
{
	if (!master.options->reset_stats || master.was_reset == started)
		return;
	master.was_reset = started;
	stats_reset(master.stats);
	front_event("statistics reset: all users are running");
}

static void tell_modules(enum run_state state)
{
	struct run_status status;

	run_status(&status);
	switch (state) {
	case RUN_READY:
		break;
	case RUN_SPAWNING:
		free(master.host);
		master.host = status.host != NULL ? xstrdup(status.host) :
		    NULL;
		users_set_host(master.host);
		doctor_warn(status.users_planned, master.processes);
		rows_begin(status.started);
		hooks_test_start();
		break;
	case RUN_RUNNING:
		reset_once(status.started);
		hooks_spawning_complete((uint64_t)status.users_target);
		break;
	case RUN_STOPPING:
		hooks_test_stopping();
		break;
	case RUN_STOPPED:
		hooks_test_stop();
		break;
	}
}

static void on_changed(enum run_state state, void *arg)
{
	const struct options *o = master.options;

	(void)arg;
	tell_modules(state);
	page_changed();
	if (state != RUN_STOPPED)
		return;
	if (master.ends_with_run || master.signal != 0) {
		quit();
	} else if (o->autostart && o->autoquit >= 0) {
		master.autoquit.fire = autoquit_fired;
		wheel_add(&master.autoquit, clock_now() +
		    (int64_t)(o->autoquit * (double)NS_PER_S));
	}
}

/* It does not say which it has, and fails in its own log without them. */
static void tell_classes(const struct peer *p)
{
	struct buf names = BUF_INIT(4096);

	if (p->swarm || master.told_classes)
		return;
	master.told_classes = true;
	for (size_t i = 0; i < user_class_count(); i++)
		buf_printf(&names, "%s%s", i > 0 ? ", " : "",
		    user_class_at(i)->name);
	log_info("worker %lld is Locust's: its locustfile must have the same "
	    "user classes (%s)", (long long)p->index, buf_str(&names));
	buf_release(&names);
}

static void on_joined(struct peer *p, void *arg)
{
	(void)arg;
	log_debug("worker %s joined", p->id);
	tell_classes(p);
	if (p->away > 0)
		front_event("worker %lld is back after %.1f s",
		    (long long)p->index, (double)p->away / (double)NS_PER_S);
	hooks_worker_connect(p->id);
	run_peer_joined(p);
}

static void on_lost(struct peer *p, const char *why, bool crashed, void *arg)
{
	int64_t users = 0;

	(void)arg;
	for (size_t i = 0; p->wanted != NULL && i < user_class_count(); i++)
		users += p->wanted[i];
	if (p->dismissed && !master.quitting)
		log_info("worker %lld has left, as it was asked to",
		    (long long)p->index);
	else if (!master.quitting)
		front_event("worker %lld lost: %s; %lld users moved",
		    (long long)p->index, why, (long long)users);
	rows_lost(p);
	hooks_worker_lost(p->id, why);
	run_peer_lost(p, why, crashed);
}

static void on_spawned(struct peer *p, void *arg)
{
	(void)arg;
	run_peer_spawned(p);
}

static void on_reported(struct peer *p, void *arg)
{
	(void)arg;
	hooks_worker_report(p->id);
	run_peer_reported(p);
}

static void on_stopped(struct peer *p, void *arg)
{
	(void)arg;
	run_peer_stopped(p);
}

/* Each of its lines says whose it is. */
static __attribute__((format(printf, 3, 4))) void log_of(enum log_level level,
    const char *who, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, who, fmt, ap);
	va_end(ap);
}

static void on_log(struct peer *p, int level, const char *line, void *arg)
{
	char who[40];

	(void)arg;
	snprintf(who, sizeof who, "worker %lld", (long long)p->index);
	page_log_source(p->id);
	log_of((enum log_level)level, who, "%s", line);
	page_log_source(NULL);
}

static void on_exception(struct peer *p, const char *message,
    const char *traceback, void *arg)
{
	(void)arg;
	stats_exception(master.stats, message, traceback, p->id);
}

static void on_stop_test(struct peer *p, const char *why, void *arg)
{
	(void)p;
	(void)arg;
	run_stop(why[0] != '\0' ? why : "the scenario ended the test");
}

static void on_progress(struct peer *p, const struct wire_progress *news,
    size_t count, void *arg)
{
	(void)arg;
	run_peer_progress(p, news, count);
}

static void on_module(struct peer *p, const struct wire_module *news,
    void *arg)
{
	(void)arg;
	hooks_worker_data(p->id, news->module, news->data, news->len);
}

static void on_below(struct peer *p, const struct wire_below *b, void *arg)
{
	(void)arg;
	if (b->back)
		front_event("worker %lld is back after %.1f s, below worker "
		    "%lld", (long long)b->index,
		    (double)b->ago / (double)NS_PER_S, (long long)p->index);
	else
		front_event("worker %lld lost: %s; it was below worker %lld",
		    (long long)b->index, b->why, (long long)p->index);
	run_below(b);
}

static void on_custom(struct peer *p, const struct wire_message *m, void *arg)
{
	(void)arg;
	message_take(p->id, m);
}

static void on_flight(struct peer *p, const struct wire_flight *f, void *arg)
{
	(void)arg;
	report_flight(f->id, p->index, f->lines, f->len);
}

static void on_answered(struct peer *p, void *arg)
{
	(void)arg;
	hooks_heartbeat_sent(p->id);
}

static void on_meet(struct peer *p, const struct wire_meet *news, void *arg)
{
	(void)arg;
	run_peer_meet(p, news);
}

static void tick_fired(struct wheel_timer *t)
{
	struct health own;

	wheel_add(t, t->when + NS_PER_S);
	worker_sample(&own);
	hooks_usage(own.cpu, own.memory);
	front_tick();
}

static void on_signal(evutil_socket_t number, short events, void *arg)
{
	struct run_status status;

	(void)events;
	(void)arg;
	if (master.signal != 0) {
		console_stop();
		report_leave();
		master_abort();
		_exit(128 + (int)number);
	}
	master.signal = (int)number;
	run_status(&status);
	if (status.state == RUN_SPAWNING || status.state == RUN_RUNNING ||
	    status.waiting) {
		front_event("%s: stopping; again to stop at once",
		    number == SIGINT ? "interrupted" : "terminated");
		run_stop(number == SIGINT ? "interrupted" : "terminated");
	} else if (status.state != RUN_STOPPING) {
		quit();
	}
}

/* SIGUSR2: pauses, or goes on. */
static void on_pause(evutil_socket_t number, short events, void *arg)
{
	struct run_status status;
	const char *why;

	(void)number;
	(void)events;
	(void)arg;
	run_status(&status);
	if (front_pause(!status.paused, &why) == -1)
		log_info("%s", why);
}

static void watch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM };

	for (size_t i = 0; i < 2; i++) {
		master.signals[i] = evsignal_new(loop_base(), numbers[i],
		    on_signal, NULL);
		event_add(master.signals[i], NULL);
	}
	master.pause = evsignal_new(loop_base(), SIGUSR2, on_pause, NULL);
	event_add(master.pause, NULL);
}

/* As many as cores, never more than users. */
static int local_processes(const struct options *o,
    const struct run_options *run)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t n = o->processes;
	int users = choose_most_users(run);

	if (o->master && !options_given("processes"))
		return 0;
	if (n < 0) {
		n = cores > 0 ? cores : 1;
		if (master.ends_with_run && users < n)
			n = users > 0 ? users : 1;
	}
	return (int)n;
}

/* With commas; the caller frees. */
static char *join(const struct option_list *list)
{
	struct buf text = BUF_INIT(WIRE_MAX_SPLIT);

	for (size_t i = 0; i < list->count; i++)
		buf_printf(&text, "%s%s", i > 0 ? "," : "", list->items[i]);
	return buf_detach(&text);
}

static int start_cluster(struct options *o, int processes, int argc,
    char **argv)
{
	size_t n = user_class_count();
	const char **names = xcalloc(n + 1, sizeof names[0]);
	char *bind = xasprintf("tcp://%s:%lld", o->master_bind_host,
	    (long long)o->master_bind_port);
	char *split_by = join(&o->split_by);
	struct master_options options = {
		.bind = o->master ? bind : NULL,
		.keys = o->master && o->keys != NULL ? &master.keys : NULL,
		.processes = processes,
		.worker_argv = argv + 1,
		.class_count = n,
		.class_names = names,
		.report_interval = REPORT_INTERVAL,
		.stats = master.stats,
		.joined = on_joined,
		.lost = on_lost,
		.spawned = on_spawned,
		.reported = on_reported,
		.stopped = on_stopped,
		.log = on_log,
		.stop_test = on_stop_test,
		.rows = rows_wanted,
		.seed = (uint64_t)o->seed,
		.split_by = split_by,
		.exception = on_exception,
		.progress = on_progress,
		.meet = on_meet,
		.module = on_module,
		.below = on_below,
		.flight = on_flight,
		.answered = on_answered,
		.custom = on_custom,
	};
	int rc = 0;

	(void)argc;
	for (size_t i = 0; i < n; i++)
		names[i] = user_class_at(i)->name;
	if (options.keys != NULL)
		rc = keys_read(&master.keys, o->keys, true);
	if (rc == 0)
		rc = modules_offer(o);
	if (rc == 0)
		rc = master_start(&options);
	free(bind);
	free(names);
	free(split_by);
	return rc;
}

static int start_run(const struct options *o, struct run_options *run,
    int processes)
{
	int rc;

	run->run_time = o->run_time;
	run->stop_timeout = o->stop_timeout;
	run->host = o->host;
	run->seed = (uint64_t)o->seed;
	run->expect_workers = o->expect_workers;
	run->expect_workers_max_wait = o->expect_workers_max_wait;
	run->stats = master.stats;
	run->changed = on_changed;
	if (!options_given("expect-workers") && processes > 0)
		run->expect_workers = processes;
	rc = run_init(run);
	free(run->specs);
	return rc;
}

/* One seed for every local worker, also when none was asked for. */
static void share_seed(struct options *o)
{
	char text[32];

	if (o->seed != 0)
		return;
	o->seed = (clock_now() & 0x1fffffffffffff) | 1;
	snprintf(text, sizeof text, "%lld", (long long)o->seed);
	setenv("SWARM_SEED", text, 1);
}

static int check_plan(const struct options *o)
{
	if (user_class_count() == 0) {
		log_error("no users: give a scenario with -f FILE (see swarm "
		    "--help)");
		return EXIT_USAGE;
	}
	if (o->csv_full_history && o->csv == NULL) {
		log_error("--csv-full-history needs --csv PREFIX");
		return EXIT_USAGE;
	}
	return EXIT_PASSED;
}

static void release(void)
{
	for (size_t i = 0; i < 2; i++)
		event_free(master.signals[i]);
	event_free(master.pause);
	wheel_del(&master.tick);
	wheel_del(&master.autoquit);
	run_release();
	rows_release();
	crash_wait();
	master_release();
	hooks_quitting();
	hooks_release();
	message_release();
	module_unload_all();
	stats_free(master.stats);
	free(master.host);
	keys_release(&master.keys);
	loop_release();
}

int role_master(struct options *o, int argc, char **argv)
{
	struct run_options run = { 0 };
	int processes;
	int rc;

	rc = check_plan(o);
	if (rc != EXIT_PASSED)
		return rc;
	if (o->master && plaintext_check_port(o) == -1)
		return EXIT_USAGE;
	master.options = o;
	/* A search may have a page to look at, and ends by itself. */
	master.ends_with_run = o->headless || o->capacity;
	if (o->capacity && find_capacity_start(o) == -1)
		return EXIT_USAGE;
	if (choose_load(o, &run) == -1)
		return EXIT_USAGE;
	if (hold_load_start(o, &run) == -1)
		return EXIT_USAGE;
	processes = master.processes = local_processes(o, &run);
	share_seed(o);
	if (loop_init() == -1)
		return EXIT_WORKERS;
	hooks_init();
	meeting_init(NULL);
	message_way(master_send_custom);
	master.stats = stats_new(STATS_DEFAULT_SERIES,
	    STATS_DEFAULT_ERRORS);
	users_set_stats(master.stats);
	if (start_run(o, &run, processes) == -1)
		return EXIT_USAGE;
	watch_signals();
	if (front_start(o, master.stats, argc, argv) == -1)
		return EXIT_USAGE;
	if (start_cluster(o, processes, argc, argv) == -1)
		return EXIT_WORKERS;
	master.tick.fire = tick_fired;
	wheel_add(&master.tick, clock_now() + NS_PER_S);
	if (o->headless)
		console_start();
	if (o->headless || o->autostart || o->capacity)
		run_start();
	hooks_ready();
	loop_run();
	console_stop();
	hooks_quitting();
	rc = front_finish();
	if (o->capacity && !o->json)
		find_capacity_print();
	find_capacity_release();
	hold_load_release();
	hooks_quit(rc);
	release();
	return rc;
}
