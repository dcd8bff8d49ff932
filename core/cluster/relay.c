/*
 * A relay.
 *
 * The order from above is absolute: so many users of each class, which
 * relay_share.c gives to workers.  When a worker joins or is lost the same
 * order is shared out again.
 */
#include "cluster/relay.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/master.h"
#include "cluster/meeting.h"
#include "cluster/relay_numbers.h"
#include "cluster/relay_rows.h"
#include "cluster/relay_run.h"
#include "cluster/relay_share.h"
#include "cluster/worker.h"
#include "fiber/loop.h"
#include "stats/stats.h"

#define MARGIN 8.0                      /* seconds beyond the stop timeout */

static struct {
	struct relay_options o;
	char *connect;
	char *bind;
	struct stats *stats;            /* of all workers since the report */
	unsigned span;                  /* indexes for workers */
	bool joined;                    /* knows the master above */
	bool open;                      /* workers are let in */
	int64_t first;                  /* index of theirs */
	bool renumbering;
	bool active;                    /* there is an order */
	bool reached;                   /* and it was answered */
	size_t awaited;                 /* workers still stopping */
	bool stopping;
	bool leaving;
	const char *why;
	int64_t *target;                /* users of each class */
	char *host;
	double stop_timeout;
} relay;

static void on_end(struct loop_item *item);
static void leave(const char *why);

/* The loop may hold it when the rest is released. */
static struct loop_item end_item = { .run = on_end };

/* ---- sharing out ---- */

/* All get their part of the plan, or one worker alone. */
static void share_plans(const struct peer *only, void (*tell)(struct peer *))
{
	unsigned n = 0;
	unsigned at = 0;

	for (size_t i = 0; i < master_peer_count(); i++)
		n += master_peer_at(i)->state != PEER_MISSING;
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (p->state == PEER_MISSING)
			continue;
		if (only == NULL || p == only) {
			relay_run_share(p, at, n);
			tell(p);
		}
		at++;
	}
}

static void send_spawn(struct peer *p)
{
	master_send_spawn(p, relay.host, relay.stop_timeout);
}

static void share_out(void)
{
	relay.reached = false;
	relay_share_users(relay.target, relay.o.class_count);
	master_number_users(relay.stop_timeout);
	share_plans(NULL, send_spawn);
}

static bool all_there(void)
{
	return relay_share_reached(relay.target, relay.o.class_count);
}

/* One more has stopped, or is gone; each counts once. */
static void count_stopped(const struct peer *p)
{
	if (p != NULL && p->awaited && relay.awaited > 0)
		relay.awaited--;
	if (!relay.stopping || relay.awaited > 0)
		return;
	relay.stopping = false;
	worker_stopped(relay.stop_timeout);
}

/* ---- from below ---- */

static void on_joined(struct peer *p, void *arg)
{
	(void)arg;
	if (p->away > 0)
		worker_tell_below(&(struct wire_below){ .index = p->index,
		    .ago = p->away, .back = true });
	if (relay.active)
		share_out();
}

/* For the results, which are the master's. */
static void tell_lost(const struct peer *p, const char *why, bool crashed)
{
	struct wire_below b = { .index = p->index,
		.ago = clock_now() - p->last_seen, .crashed = crashed };

	if (p->left || p->index == -1)
		return;
	snprintf(b.why, sizeof b.why, "%s", why);
	worker_tell_below(&b);
}

static void on_lost(struct peer *p, const char *why, bool crashed, void *arg)
{
	(void)arg;
	relay_run_lost(p, relay.stats);
	meeting_lost(p);
	if (relay.leaving || relay.renumbering)
		return;
	tell_lost(p, why, crashed);
	relay_rows_lost(p);
	if (p->index == -1 && !relay.joined) {
		log_error("a worker process could not start: %s", why);
		leave("a worker process could not start");
		return;
	}
	log_warn("worker %lld below is lost: %s", (long long)p->index, why);
	if (relay.active)
		share_out();
	if (relay.stopping)
		count_stopped(p);
}

static void on_spawned(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	if (!relay.active || relay.reached || !all_there())
		return;
	relay.reached = true;
	worker_spawned();
}

static void on_reported(struct peer *p, void *arg)
{
	(void)arg;
	relay_run_reported(p);
}

static void on_stopped(struct peer *p, void *arg)
{
	(void)arg;
	if (relay.stopping)
		count_stopped(p);
}

static void on_log(struct peer *p, int level, const char *line, void *arg)
{
	char *text = xasprintf("worker %lld: %s", (long long)p->index, line);

	(void)arg;
	worker_log(level, text);
	free(text);
}

static void on_exception(struct peer *p, const char *message,
    const char *traceback, void *arg)
{
	(void)p;
	(void)arg;
	worker_exception(message, traceback);
}

static void on_stop_test(struct peer *p, const char *why, void *arg)
{
	(void)p;
	(void)arg;
	worker_stop_test(why);
}

static void on_progress(struct peer *p, const struct wire_progress *news,
    size_t count, void *arg)
{
	(void)arg;
	if (relay_run_progress(p, news, count))
		share_plans(p, master_send_plan);
	if (relay_run_is_urgent(news, count))
		worker_tell_progress();
}

static void on_meet(struct peer *p, const struct wire_meet *news, void *arg)
{
	(void)arg;
	meeting_take(p, news);
}

/* As ours: the master knows none of those below. */
static void on_module(struct peer *p, const struct wire_module *news,
    void *arg)
{
	(void)p;
	(void)arg;
	worker_tell_module(news);
}

/* Likewise; what is asked above is asked of all below. */
static void on_flight_below(struct peer *p, const struct wire_flight *f,
    void *arg)
{
	(void)p;
	(void)arg;
	worker_tell_flight(f);
}

static void on_flight_above(const struct wire_flight *f, void *arg)
{
	(void)arg;
	for (size_t i = 0; relay.open && i < master_peer_count(); i++)
		master_send_flight(master_peer_at(i), f);
}

/* Both ways as it came: who is below is not known above. */
static void on_custom_below(struct peer *p, const struct wire_message *m,
    void *arg)
{
	(void)p;
	(void)arg;
	worker_forward_custom(m);
}

static void on_custom_above(const struct wire_message *m, void *arg)
{
	(void)arg;
	if (relay.open)
		master_forward_custom(m);
}

static void send_up(const struct wire_meet *news)
{
	worker_meet(news);
}

/* Workers below follow the clock of the master above all. */
static bool on_clock(int64_t *offset, int64_t *error, void *arg)
{
	(void)arg;
	return worker_master_clock(offset, error);
}

static void on_end(struct loop_item *item)
{
	(void)item;
	if (relay.joined)
		worker_finish();
	relay.o.ended(relay.why, relay.o.arg);
}

/* Not at once: the order to leave may come from within the worker's side. */
static void on_all_left(void *arg)
{
	(void)arg;
	loop_defer(&end_item);
}

/* ---- from above ---- */

static void leave(const char *why)
{
	if (relay.leaving)
		return;
	relay.leaving = true;
	relay.active = false;
	relay.why = why;
	master_quit(relay.stop_timeout + MARGIN, on_all_left, NULL);
}

/* Another master may have given the numbers that ours had to others. */
static void renumber(const struct wire_ack *ack)
{
	log_info("the master has other numbers for the workers below: they "
	    "register again");
	relay.renumbering = true;
	master_reopen(ack->first, relay.span, ack);
	relay.renumbering = false;
}

static void on_registered(const struct wire_ack *ack, void *arg)
{
	(void)arg;
	if (relay.leaving)
		return;
	if (!worker_master_is_swarm()) {
		log_error("a relay needs a swarm master above it; this one "
		    "is Locust's");
		leave("the master is not swarm's");
		return;
	}
	if (ack->first < 0) {
		log_error("the master at %s has no numbers for this relay's "
		    "workers: its log says why", relay.connect);
		leave("the master has no numbers for workers");
		return;
	}
	if (relay.open && ack->first != relay.first)
		renumber(ack);
	else if (!relay.open)
		master_open(ack->first, relay.span, ack);
	relay.open = true;
	relay.first = ack->first;
}

static size_t class_index(const char *name)
{
	size_t i = 0;

	while (i < relay.o.class_count &&
	    strcmp(relay.o.class_names[i], name) != 0)
		i++;
	return i;
}

static void replace(char **to, const char *text)
{
	free(*to);
	*to = text == NULL ? NULL : xstrdup(text);
}

static void take_numbers(const struct wire_spawn *spawn)
{
	for (size_t i = 0; spawn->numbers != NULL && i < spawn->count; i++) {
		size_t class = class_index(spawn->counts[i].name);

		if (class < relay.o.class_count)
			relay_numbers_take(class,
			    (size_t)spawn->counts[i].count,
			    &spawn->numbers[i]);
	}
}

static void on_spawn(const struct wire_spawn *spawn, bool first, void *arg)
{
	(void)arg;
	if (relay.leaving)
		return;
	for (size_t i = 0; i < spawn->count; i++) {
		size_t class = class_index(spawn->counts[i].name);

		if (class < relay.o.class_count)
			relay.target[class] = spawn->counts[i].count;
	}
	if (first) {
		relay_rows_forget();
		relay_numbers_forget();
		relay_run_clear();
		meeting_clear();
	}
	take_numbers(spawn);
	replace(&relay.host, spawn->host);
	relay_run_take(spawn->plan);
	relay.stop_timeout = spawn->stop_timeout;
	relay.active = true;
	share_out();
	if (all_there()) {
		relay.reached = true;
		worker_spawned();
	}
}

static void on_plan(const char *text, void *arg)
{
	(void)arg;
	relay_run_take(text);
	if (relay.active)
		share_plans(NULL, master_send_plan);
}

static size_t on_collect(struct wire_progress *out, void *arg)
{
	(void)arg;
	return relay.open ? relay_run_collect(out) : 0;
}

static void on_met(const char *name, int64_t released, void *arg)
{
	(void)arg;
	meeting_release(name, released);
}

static void forget_order(void)
{
	relay.active = false;
	memset(relay.target, 0, relay.o.class_count * sizeof *relay.target);
	for (size_t i = 0; i < master_peer_count(); i++)
		memset(master_peer_at(i)->wanted, 0,
		    relay.o.class_count * sizeof *relay.target);
}

static void on_stop(void *arg)
{
	(void)arg;
	forget_order();
	relay.stopping = true;
	relay.awaited = master_peer_count();
	for (size_t i = 0; i < master_peer_count(); i++)
		master_send_stop(master_peer_at(i));
	if (relay.awaited == 0)
		count_stopped(NULL);
}

static void on_stop_now(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (p->swarm && p->state == PEER_STOPPING)
			master_send_stop(p);
	}
}

static void on_quit(void *arg)
{
	(void)arg;
	leave(NULL);
}

static void on_orphaned(const char *why, void *arg)
{
	(void)arg;
	log_error("%s", why);
	leave("the master is gone");
}

static void on_counts(int64_t *counts, void *arg)
{
	(void)arg;
	for (size_t i = 0; relay.open && i < master_peer_count(); i++) {
		for (size_t c = 0; c < relay.o.class_count; c++)
			counts[c] += master_peer_at(i)->running[c];
	}
}

static void on_ramp_complete(int64_t users, void *arg)
{
	(void)arg;
	if (relay.open)
		master_ramp_complete(users);
}

/* The worst of those below counts: the master wants to know whether its load
 * is true. */
static void on_health(struct health *h, struct histogram *delays, void *arg)
{
	(void)arg;
	for (size_t i = 0; relay.open && i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		health_add(h, &p->health);
		histogram_merge(delays, &p->delays);
		histogram_clear(&p->delays);
	}
}

/* ---- life ---- */

static int join_master(void)
{
	const struct worker_options above = { .connect = relay.connect,
		.keys = relay.o.keys_above,
		.class_count = relay.o.class_count,
		.class_names = relay.o.class_names, .stats = relay.stats,
		.registered = on_registered, .spawn = on_spawn,
		.stop = on_stop, .stop_now = on_stop_now, .quit = on_quit,
		.orphaned = on_orphaned,
		.counts = on_counts, .ramp_complete = on_ramp_complete,
		.plan = on_plan, .progress = on_collect, .met = on_met,
		.health = on_health, .rows = relay_rows_came, .custom = on_custom_above,
		.relay_span = relay.span,
		.flight = on_flight_above,
		.replay = relay_run_replay };

	return worker_start(&above);
}

static void on_knocked(size_t workers, void *arg)
{
	(void)arg;
	if (relay.joined || workers < relay.o.expect)
		return;
	relay.joined = true;
	if (join_master() == -1)
		leave("cannot reach for the master");
}

static int open_below(void)
{
	const struct master_options below = { .bind = relay.bind,
		.keys = relay.o.keys_below, .processes = relay.o.processes,
		.worker_argv = relay.o.worker_argv,
		.class_count = relay.o.class_count,
		.class_names = relay.o.class_names, .report_interval = 1,
		.stats = relay.stats, .closed = true, .knocked = on_knocked,
		.joined = on_joined, .lost = on_lost, .spawned = on_spawned,
		.reported = on_reported, .stopped = on_stopped,
		.log = on_log, .exception = on_exception, .stop_test = on_stop_test,
		.progress = on_progress, .meet = on_meet, .module = on_module,
		.flight = on_flight_below,
		.custom = on_custom_below, .clock = on_clock,
		.rows = relay_rows_wanted };

	return master_start(&below);
}

/* Room for as many as are expected to come anew, under other ids. */
static unsigned span_for(const struct relay_options *o)
{
	size_t most = o->expect > (size_t)o->processes ? o->expect :
	    (size_t)o->processes;

	return 2 * most < RELAY_SPAN ? RELAY_SPAN :
	    2 * most < UINT_MAX ? (unsigned)(2 * most) : RELAY_SPAN;
}

int relay_start(const struct relay_options *o)
{
	char **names = xcalloc(o->class_count + 1, sizeof *names);

	for (size_t i = 0; i < o->class_count; i++)
		names[i] = xstrdup(o->class_names[i]);
	relay.o = *o;
	relay.o.class_names = (const char *const *)names;
	relay.connect = xstrdup(o->connect);
	relay.bind = xstrdup(o->bind);
	relay.target = xcalloc(o->class_count + 1, sizeof *relay.target);
	relay_numbers_init(o->class_count);
	meeting_init(send_up);
	relay.span = span_for(o);
	relay.stats = stats_new(STATS_DEFAULT_SERIES, STATS_DEFAULT_ERRORS);
	if (open_below() == 0)
		return 0;
	relay_release();
	return -1;
}

void relay_leave(void)
{
	leave(NULL);
}

void relay_release(void)
{
	relay_run_clear();
	meeting_clear();
	master_release();
	for (size_t i = 0; i < relay.o.class_count; i++)
		free((char *)relay.o.class_names[i]);
	relay_numbers_release();
	relay_rows_forget();
	free((char **)relay.o.class_names);
	stats_free(relay.stats);
	free(relay.connect);
	free(relay.bind);
	free(relay.target);
	free(relay.host);
	memset(&relay, 0, sizeof relay);
}
