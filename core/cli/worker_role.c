/*
 * The worker: one loop, one shard of statistics, the users that the master
 * asks for.
 */
#include "cli/role.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "cli/author.h"
#include "cli/flight_send.h"
#include "cli/plaintext.h"
#include "cli/request_lines.h"
#include "cli/stuck.h"
#include "cluster/crash.h"
#include "cluster/crash_send.h"
#include "cluster/message.h"
#include "cluster/numbers.h"
#include "cluster/worker.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "module/hooks.h"
#include "module/module.h"
#include "stats/stats.h"
#include "user/begun.h"
#include "user/feed.h"
#include "user/gate.h"
#include "user/ids.h"
#include "user/plan.h"
#include "user/replay.h"
#include "user/rendezvous.h"
#include "user/user.h"

#define QUIT_MARGIN    5.0      /* seconds beyond the stop timeout */

static struct {
	struct stats *stats;
	struct numbers_list *numbers;   /* of each class's users */
	char *host;
	const char *keys;               /* their file; NULL: none */
	double stop_timeout;
	char *early_plan;               /* came before the master's clock was
	                                 * known */
	bool quitting;
	bool local;
	struct wheel_timer quit_limit;
	int rc;
} worker;

static void leave(void)
{
	wheel_del(&worker.quit_limit);
	loop_stop();
}

static void on_reached(void *arg)
{
	(void)arg;
	hooks_spawning_complete(users_alive());
	worker_spawned();
}

static void on_stopped(void *arg)
{
	(void)arg;
	hooks_test_stop();
	if (worker.quitting)
		leave();
	else
		worker_stopped(worker.stop_timeout);
}

static void on_stop_test(const char *why, void *arg)
{
	(void)arg;
	worker_stop_test(why);
}

static void on_raised(const char *message, const char *where, void *arg)
{
	(void)arg;
	hooks_raised(message, where);
	worker_exception(message, where);
}

static void ask_rows(size_t feed, uint64_t want, uint64_t used)
{
	worker_ask_rows(&(struct wire_rows_wanted){ .feed = feed,
	    .want = want, .used = used, .check = feed_check(feed) });
}

static void on_rows(const struct wire_rows *rows, void *arg)
{
	(void)arg;
	feed_granted((size_t)rows->feed, rows->from, rows->count);
}

static void on_registered(const struct wire_ack *ack, void *arg)
{
	uint32_t first, count;

	(void)arg;
	ids_of_worker((uint64_t)(ack->index > 0 ? ack->index : 0), &first,
	    &count);
	users_set_ids(first, count);
	hooks_ready();
	if (ack->swarm && !worker.local)
		crash_send_prepare(worker_endpoint(), worker_id(),
		    worker.keys);
	else
		crash_set_helper(NULL);
	if (ack->seed != 0)
		users_set_seed(ack->seed);
	if (ack->swarm && users_alive() == 0)
		users_set_split_by(ack->split_by);
	feed_set_lease(ack->swarm ? ask_rows : NULL);
	if (!ack->swarm && feed_count() > 0)
		log_warn("a Locust master hands out no rows of data: this "
		    "worker goes through all of them by itself");
	request_lines_open((unsigned)ack->index);
}

/* Strings handed to users stay valid for the run: the old host is kept. */
static void take_host(const char *host)
{
	if (host == NULL || (worker.host != NULL &&
	    strcmp(worker.host, host) == 0))
		return;
	worker.host = xstrdup(host);
	users_set_host(worker.host);
}

/* This worker's share of what executors do. */
static void take_plan(const char *text)
{
	struct plan plan;
	bool inexact = false;

	if (text == NULL || text[0] == '\0')
		return;
	if (plan_parse(&plan, text) == -1) {
		log_error("the master sent an unusable plan");
		return;
	}
	for (size_t i = 0; i < plan.count; i++) {
		if (plan.executors[i].open &&
		    !worker_common_start(&plan.executors[i].arrivals))
			inexact = true;
	}
	gate_apply(&plan);
	plan_release(&plan);
	if (text != worker.early_plan) {
		free(worker.early_plan);
		worker.early_plan = inexact ? xstrdup(text) : NULL;
	} else if (!inexact) {
		free(worker.early_plan);
		worker.early_plan = NULL;
	}
}

static void on_plan(const char *text, void *arg)
{
	(void)arg;
	if (!worker.quitting)
		take_plan(text);
}

static void on_replay(const struct wire_replay *r, void *arg)
{
	(void)arg;
	if (!worker.quitting)
		replay_take(r->events, r->len, r->number, r->hurry);
}

static size_t on_progress(struct wire_progress *out, void *arg)
{
	struct gate_progress now[WIRE_MAX_EXECUTORS];
	size_t count = gate_progress(now, WIRE_MAX_EXECUTORS);

	(void)arg;
	for (size_t i = 0; i < count; i++) {
		out[i] = (struct wire_progress){
			.lease = now[i].lease,
			.started = now[i].started,
			.done = now[i].done,
			.due = now[i].due,
			.dropped = now[i].dropped,
			.late = now[i].late,
			.queued = now[i].queued,
			.idle = now[i].idle,
			.settled = now[i].settled,
			.beyond = now[i].beyond,
			.beyond_len = now[i].beyond_len,
		};
		snprintf(out[i].name, sizeof out[i].name, "%s", now[i].name);
	}
	return count;
}

static void on_progressed(void *arg)
{
	(void)arg;
	worker_tell_progress();
}

static int on_meet(const char *name, int64_t wanted, int64_t arrived,
    int64_t left, void *arg)
{
	struct wire_meet m = { .wanted = wanted, .arrived = arrived,
		.left = left };

	(void)arg;
	snprintf(m.name, sizeof m.name, "%s", name);
	return worker_meet(&m);
}

static void tell_module(const char *module, const void *data, size_t len)
{
	struct wire_module m = { .data = data, .len = len };

	snprintf(m.module, sizeof m.module, "%s", module);
	worker_tell_module(&m);
}

static void on_reporting(void *arg)
{
	(void)arg;
	hooks_gather(tell_module);
}

/* A worker has nobody but its master to send to. */
static int send_message(const char *to, const char *type, const char *json)
{
	if (to == NULL)
		return worker_send_custom(type, json);
	errno = ENOTCONN;
	return -1;
}

static void on_custom(const struct wire_message *m, void *arg)
{
	(void)arg;
	message_take("", m);
}

static void on_heard(void *arg)
{
	(void)arg;
	hooks_heartbeat_received();
	take_plan(worker.early_plan);
}

static void on_met(const char *name, int64_t released, void *arg)
{
	(void)arg;
	rendezvous_met(name, released);
}

static void on_flight(const struct wire_flight *f, void *arg)
{
	(void)arg;
	flight_send_asked(f);
}

static void forget_numbers(void)
{
	free(worker.early_plan);
	worker.early_plan = NULL;
	for (size_t i = 0; i < user_class_count(); i++) {
		worker.numbers[i].count = 0;
		users_set_numbers(i, NULL, 0);
	}
}

/* Of the users of a class, the i-th of the order. */
static void take_numbers(const struct wire_spawn *spawn, size_t i,
    size_t class)
{
	struct numbers_list *l = &worker.numbers[class];

	if (spawn->numbers == NULL)
		return;
	if (numbers_decode(l, (size_t)spawn->counts[i].count,
	    spawn->numbers[i].data, spawn->numbers[i].len) == -1)
		log_warn("the master's numbers of users do not fit to those "
		    "before: some users take others");
	users_set_numbers(class, l->at, l->count);
}

static void on_spawn(const struct wire_spawn *spawn, bool first, void *arg)
{
	(void)arg;
	if (worker.quitting)
		return;
	if (first) {
		hooks_test_start();
		gate_clear();
		rendezvous_clear();
		users_new_run();
		forget_numbers();
	}
	take_host(spawn->host);
	take_plan(spawn->plan);
	worker.stop_timeout = spawn->stop_timeout;
	for (size_t i = 0; i < spawn->count; i++) {
		const struct wire_count *c = &spawn->counts[i];
		size_t index = user_class_index(c->name);

		if (index < user_class_count()) {
			take_numbers(spawn, i, index);
			users_set_target(index, (size_t)c->count,
			    spawn->stop_timeout);
		}
		if (index == user_class_count() && c->count > 0)
			log_error("the master wants users of class %s, which "
			    "this worker's scenario does not have", c->name);
	}
}

static void on_stop(void *arg)
{
	(void)arg;
	hooks_test_stopping();
	flight_send_now();
	gate_stop();
	users_stop(worker.stop_timeout);
}

static void on_stop_now(void *arg)
{
	(void)arg;
	users_stop_now();
}

static void quit_limit_fired(struct wheel_timer *t)
{
	(void)t;
	log_warn("%zu users did not end in time", users_alive());
	leave();
}

static void on_quit(void *arg)
{
	(void)arg;
	if (worker.quitting)
		return;
	worker.quitting = true;
	hooks_test_stopping();
	gate_stop();
	worker.quit_limit.fire = quit_limit_fired;
	wheel_add(&worker.quit_limit, clock_now() +
	    (int64_t)((worker.stop_timeout + QUIT_MARGIN) * (double)NS_PER_S));
	users_stop(worker.stop_timeout);
}

static void on_orphaned(const char *why, void *arg)
{
	log_error("%s", why);
	worker.rc = EXIT_WORKERS;
	on_quit(arg);
}

static void on_counts(int64_t *counts, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < user_class_count(); i++)
		counts[i] = (int64_t)users_running(i);
}

static void on_health(struct health *h, struct histogram *delays, void *arg)
{
	struct gate_progress now[WIRE_MAX_EXECUTORS];
	size_t count = gate_progress(now, WIRE_MAX_EXECUTORS);

	(void)delays;
	(void)arg;
	hooks_usage(h->cpu, h->memory);
	for (size_t i = 0; i < count; i++) {
		h->arrivals += (uint64_t)now[i].due;
		h->dropped += (uint64_t)now[i].dropped;
		h->queued += now[i].queued;
	}
}

static void on_signal(evutil_socket_t number, short events, void *arg)
{
	(void)number;
	(void)events;
	if (worker.quitting)
		_exit(130);
	on_quit(arg);
}

static int join_master(struct options *o)
{
	size_t n = user_class_count();
	const char **names = xcalloc(n + 1, sizeof names[0]);
	char *tcp = xasprintf("tcp://%s:%lld", o->master_host,
	    (long long)o->master_port);
	static struct keys keys;
	struct worker_options options = {
		.keys = o->keys != NULL && o->local_worker == NULL ? &keys :
		    NULL,
		.connect = o->local_worker != NULL ? o->local_worker : tcp,
		.local = o->local_worker != NULL,
		.stats = worker.stats,
		.class_count = n,
		.class_names = names,
		.registered = on_registered,
		.spawn = on_spawn,
		.stop = on_stop,
		.stop_now = on_stop_now,
		.quit = on_quit,
		.orphaned = on_orphaned,
		.counts = on_counts,
		.rows = on_rows,
		.health = on_health,
		.plan = on_plan,
		.replay = on_replay,
		.progress = on_progress,
		.met = on_met,
		.reporting = on_reporting,
		.heard = on_heard,
		.flight = on_flight,
		.custom = on_custom,
	};
	int rc;

	if (options.keys != NULL && keys_read(&keys, o->keys, false) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		names[i] = user_class_at(i)->name;
	rc = worker_start(&options);
	free(names);
	free(tcp);
	return rc;
}

/* The master shows a worker's lines, once there is one. */
static void on_log(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	if (worker_registered())
		worker_log((int)level, line);
	if (!worker_registered() || !worker.local)
		fprintf(stderr, "swarm: %s: %s\n", log_level_name(level),
		    line);
}

static void start_users(struct options *o)
{
	struct users_options options = {
		.seed = (uint64_t)o->seed,
		.split_by = (const char *const *)o->split_by.items,
		.stats = worker.stats,
		.reached = on_reached,
		.stopped = on_stopped,
		.stop_test = on_stop_test,
		.progressed = on_progressed,
		.meet = on_meet,
		.raised = on_raised,
		.sampled = hooks_want_samples() ? hooks_sample : NULL,
		.ended = o->request_log != NULL ? request_lines_add : NULL,
	};

	flight_send_start(worker.stats);
	request_lines_start(o->request_log, worker.stats);

	if (options.seed == 0)
		options.seed = (uint64_t)clock_now() ^
		    ((uint64_t)getpid() << 32);
	users_init(&options);
	worker.numbers = xcalloc(user_class_count() + 1,
	    sizeof *worker.numbers);
}

/* A terminal's Ctrl-C reaches the whole group: local workers leave it to
 * their master. */
static void watch_signals(bool local)
{
	if (local) {
		signal(SIGINT, SIG_IGN);
	} else {
		event_add(evsignal_new(loop_base(), SIGINT, on_signal, NULL),
		    NULL);
	}
	event_add(evsignal_new(loop_base(), SIGTERM, on_signal, NULL), NULL);
}

/* Users that did not end in time still hold fibers: then the process's end
 * frees all. */
static void release(void)
{
	stuck_stop();
	flight_send_stop();
	if (users_alive() > 0)
		return;
	users_release();
	for (size_t i = 0; i < user_class_count(); i++)
		free(worker.numbers[i].at);
	free(worker.numbers);
	message_release();
	module_unload_all();
	hooks_release();
	fiber_release();
	stats_free(worker.stats);
	free(worker.host);
	free(worker.early_plan);
}

/* Nobody else is to inherit it. */
static void note_begun(void)
{
	const char *text = getenv(BEGUN_ENV);
	int64_t fd;

	if (worker.local && text != NULL &&
	    parse_int64(text, 3, INT_MAX, &fd) == 0 &&
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0) {
		replay_note_begun((int)fd);
		close((int)fd);
	}
	unsetenv(BEGUN_ENV);
}

int role_worker(struct options *o)
{
	int command;
	int rc;

	crash_init(author_where);
	worker.local = o->local_worker != NULL;
	note_begun();
	worker.keys = o->keys;
	if (!worker.local && plaintext_check_way(o) == -1)
		return EXIT_USAGE;
	/* The master has said what there is to say about modules. */
	if (worker.local)
		log_set_level(LOG_LEVEL_WARN);
	if (loop_init() == -1)
		return EXIT_WORKERS;
	if (fiber_init(&(struct fiber_options){ 0 }) == -1)
		return EXIT_WORKERS;
	module_set_worker(true);
	rc = role_load_modules(o, &command);
	if (rc != EXIT_PASSED)
		return rc;
	hooks_init();
	message_way(send_message);
	worker.stats = stats_new(STATS_DEFAULT_SERIES,
	    STATS_DEFAULT_ERRORS);
	start_users(o);
	if (module_worker_start() == -1)
		return EXIT_MODULE;
	watch_signals(worker.local);
	stuck_start();
	if (join_master(o) == -1)
		return EXIT_WORKERS;
	log_set_sink(on_log, NULL);
	if (worker.local)
		log_set_level(o->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	loop_run();
	hooks_quitting();
	module_worker_stop();
	request_lines_close();
	worker_finish();
	hooks_quit(worker.rc);
	release();
	return worker.rc;
}
