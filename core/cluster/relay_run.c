/*
 * A share of a schedule of arrivals, stripe k of m, becomes n shares: the
 * arrivals with number k modulo m are those with k + m j modulo m n, for j
 * from 0 to n - 1.
 */
#include "cluster/relay_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/handout.h"
#include "cluster/master.h"
#include "cluster/worker.h"
#include "cluster/wire.h"
#include "user/gate.h"
#include "user/quota.h"
#include "user/plan.h"
#include "user/record.h"
#include "user/replay.h"
#include "stats/stats.h"

/* What one worker has of one executor. */
struct part {
	struct quota lease;
	struct wire_progress news;
	int64_t replayed;               /* events it was given */
	int64_t measured;               /* of these, in the figures */
};

/* What we have of it. */
struct whole {
	unsigned lease;                 /* from above */
	int64_t given;
	struct wire_progress gone;      /* of workers that were lost */
};

static struct plan plan;
static struct whole wholes[PLAN_EXECUTORS_MAX];
static unsigned leases;
static struct handout handout;          /* of the replay, if there is one */
static uint64_t next_event;             /* number of the next from above */
static int64_t told;                    /* when the master was, of progress */

static void forget_parts(size_t executor)
{
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct part *parts = master_peer_at(i)->run;

		if (parts != NULL)
			parts[executor] = (struct part){ 0 };
	}
	wholes[executor] = (struct whole){ 0 };
}

/* Executors keep their places: those of a run do not change. */
void relay_run_take(const char *text)
{
	struct plan news;

	if (text == NULL || plan_parse(&news, text) == -1) {
		if (text != NULL)
			log_error("the master sent an unusable plan");
		return;
	}
	for (size_t i = 0; i < news.count; i++) {
		const struct plan_executor *e = &news.executors[i];

		if (e->granted >= 0 && e->lease != wholes[i].lease) {
			forget_parts(i);
			wholes[i].lease = e->lease;
		}
		/* The same start, told again, is off by the way it took. */
		if (i < plan.count && plan.executors[i].open && e->open)
			news.executors[i].arrivals.start =
			    plan.executors[i].arrivals.start;
		worker_common_start(&news.executors[i].arrivals);
	}
	plan_release(&plan);
	plan = news;
}

void relay_run_clear(void)
{
	for (size_t i = 0; i < PLAN_EXECUTORS_MAX; i++)
		wholes[i] = (struct whole){ 0 };
	for (size_t i = 0; i < master_peer_count(); i++) {
		free(master_peer_at(i)->run);
		master_peer_at(i)->run = NULL;
	}
	plan_release(&plan);
	handout_release(&handout);
	next_event = 0;
}

static struct part *parts_of(struct peer *p)
{
	if (p->run == NULL)
		p->run = xcalloc(PLAN_EXECUTORS_MAX, sizeof(struct part));
	return p->run;
}

static int64_t users_of(const struct peer *p)
{
	int64_t sum = 0;

	for (size_t i = 0; i < master_class_count(); i++)
		sum += p->wanted[i];
	return sum;
}

static bool grant(struct peer *p, size_t i, size_t holders)
{
	return quota_grant(&parts_of(p)[i].lease, &wholes[i].given,
	    plan.executors[i].granted, holders, users_of(p));
}

static void share_one(struct peer *p, size_t k, struct plan_executor *e,
    unsigned i, unsigned n)
{
	struct part *part = &parts_of(p)[k];

	if (e->open) {
		e->arrivals.stripe += e->arrivals.stripes * i;
		e->arrivals.stripes *= n;
		e->arrivals.relative = p->pid == 0;
		if (e->arrivals.relative)
			e->arrivals.start -= clock_now();
		else
			e->arrivals.shared = 0;
	}
	if (e->granted < 0)
		return;
	if (part->lease.number == 0)
		part->lease.number = ++leases;
	if (part->lease.granted == 0)
		grant(p, k, n);
	e->granted = part->lease.granted;
	e->lease = part->lease.number;
}

void relay_run_share(struct peer *p, unsigned i, unsigned n)
{
	struct plan mine = plan;

	if (plan.text == NULL)
		return;
	mine.executors = xcalloc(plan.count + 1, sizeof mine.executors[0]);
	for (size_t k = 0; k < plan.count; k++) {
		mine.executors[k] = plan.executors[k];
		share_one(p, k, &mine.executors[k], i, n);
	}
	free(p->plan);
	p->plan = plan_text(&mine);
	free(mine.executors);
}

/* ---- events to replay ---- */

static size_t replaying(void)
{
	size_t i = 0;

	while (i < plan.count && !(plan.executors[i].open &&
	    strncmp(plan.executors[i].arrivals.schedule, REPLAY_SCHEDULE,
	    strlen(REPLAY_SCHEDULE)) == 0))
		i++;
	return i;
}

static void on_gave(struct peer *p, void *arg)
{
	(void)arg;
	parts_of(p)[replaying()].replayed++;
}

static void find_workers(void)
{
	handout.gave = on_gave;
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (p->state != PEER_MISSING && !handout_has(&handout, p))
			handout_join(&handout, p);
	}
}

static void hand_out(const struct wire_replay *events, size_t executor)
{
	const char *at = events->events;
	size_t len = events->len;
	struct record r;
	int64_t n;

	next_event = events->number;
	for (; (n = record_get(&r, at, len)) > 0; next_event++) {
		if (handout_put(&handout, &r, next_event) == -1)
			wholes[executor].gone.dropped++;
		at += n;
		len -= (size_t)n;
	}
	if (n == -1)
		log_error("a malformed batch of events to replay: its rest is "
		    "left out");
}

void relay_run_replay(const struct wire_replay *events, void *arg)
{
	size_t i = replaying();

	(void)arg;
	if (i == plan.count)
		return;
	find_workers();
	handout.hurry = events->hurry;
	hand_out(events, i);
	handout_flush(&handout, clock_now() - plan.shift -
	    plan.executors[i].arrivals.start);
}

bool relay_run_is_urgent(const struct wire_progress *news, size_t count)
{
	int64_t now = clock_now();
	bool urgent = handout.hurry || (replaying() < plan.count &&
	    now - told >= GATE_SOON);

	for (size_t i = 0; i < count; i++)
		urgent = urgent || news[i].lease > 0;
	if (urgent)
		told = now;
	return urgent;
}

/* Of the master's numbers: all below are done with. */
static uint64_t settled(void)
{
	uint64_t oldest = handout_oldest(&handout);

	return oldest < next_event ? oldest : next_event;
}

static size_t index_of(const char *name)
{
	size_t i = 0;

	while (i < plan.count && strcmp(plan.executors[i].name, name) != 0)
		i++;
	return i;
}

bool relay_run_progress(struct peer *p, const struct wire_progress *news,
    size_t count)
{
	bool changed = false;

	for (size_t n = 0; n < count; n++) {
		size_t i = index_of(news[n].name);
		struct part *part = &parts_of(p)[i < plan.count ? i : 0];

		if (i == plan.count || news[n].lease != part->lease.number)
			continue;
		part->news = news[n];
		part->lease.started = news[n].started;
		part->lease.done = news[n].done;
		if (i == replaying())
			handout_settled(&handout, p, news[n].settled);
		if (i == replaying() && news[n].beyond != NULL)
			handout_stopped(&handout, p, news[n].settled,
			    news[n].beyond, news[n].beyond_len);
		part->news.beyond = NULL;
		if (plan.executors[i].granted >= 0)
			changed = grant(p, i, master_peer_count()) || changed;
	}
	return changed;
}

static void add(struct wire_progress *sum, const struct wire_progress *p)
{
	sum->started += p->started;
	sum->done += p->done;
	sum->due += p->due;
	sum->dropped += p->dropped;
	sum->late += p->late;
	sum->queued += p->queued;
	sum->idle += p->idle;
}

static void count_event(struct stats *stats, const char *name, int64_t n)
{
	if (n > 0)
		stats_count(stats, stats_counter(stats, name), n);
}

void relay_run_reported(struct peer *p)
{
	size_t i = replaying();

	if (i < plan.count)
		parts_of(p)[i].measured = parts_of(p)[i].news.done;
}

/* How many of its events others have got. */
static int64_t give_again(struct peer *p, struct stats *stats,
    const struct part *part)
{
	int64_t done = part->news.done;
	struct handout_account a;

	handout_gone(&handout, p, p->ended, &a);
	count_event(stats, "replay: done and not measured", done -
	    part->measured);
	count_event(stats, "replay: given to another worker", a.again);
	count_event(stats, "replay: lost with a worker", a.lost);
	count_event(stats, "replay: in doubt", a.given - a.again - a.lost -
	    done - part->news.dropped);
	return a.again;
}

/* What it had begun and not done is begun again by another. */
void relay_run_lost(struct peer *p, struct stats *stats)
{
	struct handout_account nothing;
	struct part *parts = p->run;

	for (size_t i = 0; parts != NULL && i < plan.count; i++) {
		struct wire_progress news = parts[i].news;

		news.started = news.done;
		news.dropped += news.queued;
		/* Events it may have begun come to nothing. */
		if (parts[i].replayed > 0)
			news.dropped = parts[i].replayed - news.done -
			    give_again(p, stats, &parts[i]);
		news.queued = 0;
		news.idle = 0;
		add(&wholes[i].gone, &news);
		quota_return(&parts[i].lease, &wholes[i].given);
	}
	/* It had none yet. */
	handout_gone(&handout, p, p->ended, &nothing);
	free(parts);
	p->run = NULL;
}

size_t relay_run_collect(struct wire_progress *out)
{
	for (size_t i = 0; i < plan.count; i++) {
		out[i] = wholes[i].gone;
		out[i].settled = i == replaying() ? settled() : 0;
		out[i].lease = wholes[i].lease;
		snprintf(out[i].name, sizeof out[i].name, "%s",
		    plan.executors[i].name);
		for (size_t k = 0; k < master_peer_count(); k++) {
			const struct part *parts = master_peer_at(k)->run;

			if (parts != NULL)
				add(&out[i], &parts[i].news);
		}
	}
	return plan.count;
}
