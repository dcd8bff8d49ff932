/*
 * A replayed trace on a worker: see the header.
 *
 * What came from the master stays in the blocks it came in until it is due;
 * then one copy goes into an item, which lives until it has been performed.
 * Items come from a free list, so that an event costs a lookup, a copy and the
 * start of a fiber.
 */
#include "user/replay.h"

#include <stdlib.h>
#include <string.h>

#include <swarm/trace.h>
#include <swarm/user.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "stats/stats.h"
#include "user/internal.h"
#include "user/lanes.h"
#include "user/record.h"
#include "user/ticker.h"

#define BATCH     1024                  /* begun in one pass */
#define FAR       (INT64_MAX / 2)
#define TRACES    16
#define WAITING_MAX ((size_t)256 << 20) /* bytes of events that wait */

struct block {
	struct block *next;
	size_t len;
	size_t at;
	char data[];
};

/* Of a simulated user: swarm_data(). */
struct seat {
	uint64_t key;                   /* of the trace's user it was last */
	struct lanes_item *item;        /* to be performed */
	bool begun;
	bool fresh;
};

struct replay {
	struct loop_item again;         /* first: what the loop gives back */
	const struct swarm_trace *trace;
	bool overlap;
	enum arrivals_busy busy;
	enum arrivals_catch_up catch_up;
	int64_t start;                  /* clock_now() of t = 0 */
	int64_t shift;
	bool paused;
	bool stopped;
	struct block *blocks;
	struct block **last_block;
	struct record next;             /* points into the first block */
	bool has_next;
	struct lanes lanes;
	size_t queue_max;
	struct user_list free;          /* waiting longest first */
	uint64_t due;
	uint64_t dropped;
	uint64_t late;
	uint32_t dropped_counter;
	uint32_t late_counter;
	uint32_t lag;
	struct ticker *ticker;          /* NULL: freed */
};

static const struct swarm_trace *traces[TRACES];
static size_t trace_count;
static struct replay *self;             /* the one there is */

/* ---- traces ---- */

void replay_offer(const struct swarm_trace *t)
{
	if (trace_count < TRACES && replay_find(t->name) == NULL)
		traces[trace_count++] = t;
}

const struct swarm_trace *replay_find(const char *name)
{
	for (size_t i = 0; i < trace_count; i++) {
		if (strcmp(traces[i]->name, name) == 0)
			return traces[i];
	}
	return NULL;
}

void replay_each(void (*fn)(const struct swarm_trace *, void *), void *arg)
{
	for (size_t i = 0; i < trace_count; i++)
		fn(traces[i], arg);
}

void replay_names(struct buf *out)
{
	for (size_t i = 0; i < trace_count; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", traces[i]->name);
}

/* ---- performing ---- */

static void perform(struct swarm_user *u)
{
	struct seat *seat = u->data;
	const struct lanes_item *item = seat->item;
	struct swarm_trace_event e = { .size = sizeof e };

	if (item == NULL || self == NULL)
		return;
	seat->begun = true;
	e.flags = seat->fresh ? SWARM_TRACE_FRESH : 0;
	e.user = item->data;
	e.user_len = item->user_len;
	e.payload = item->data + item->user_len;
	e.payload_len = item->payload_len;
	swarm_observe(self->lag, u->lag, 0);
	self->trace->perform(u, &e);
}

/* `u` is to do it next; its state is complete before it runs. */
static void seat_item(struct swarm_user *u, struct lanes_item *item)
{
	struct seat *seat = u->data;
	struct lanes *lanes = &self->lanes;

	if (seat->key != item->key)
		lanes_forget(lanes, seat->key, u);
	seat->fresh = item->key != 0 && seat->key != item->key;
	seat->key = item->key;
	seat->item = item;
	seat->begun = false;
	lanes_begin(lanes, item->key, u);
}

/* The one who did the last of this user's, if it is free, else the one who is
 * free longest. */
static struct swarm_user *take_free(struct replay *r, uint64_t key)
{
	struct swarm_user *u = lanes_user(&r->lanes, key);

	if (u == NULL || u->list != &r->free || u->list_prev == NULL)
		return user_list_take(&r->free);
	user_list_remove(u);
	return u;
}

static void drop(struct replay *r)
{
	r->dropped++;
	stats_count(users.options.stats, r->dropped_counter, 1);
}

static bool has_room(const struct replay *r)
{
	return r->busy == ARRIVALS_QUEUE && r->lanes.waiting < r->queue_max &&
	    r->lanes.bytes < WAITING_MAX;
}

/* What waits for nothing but a user, while there are some. */
static void serve(struct replay *r)
{
	while (!r->paused && r->free.first != NULL) {
		struct lanes_item *item = lanes_take_ready(&r->lanes);
		struct swarm_user *u;

		if (item == NULL)
			return;
		u = take_free(r, item->key);
		seat_item(u, item);
		user_run_at(u, r->start + r->shift + item->due);
	}
}

static void start_one(struct replay *r, const struct record *rec, int64_t now)
{
	int64_t due = r->start + r->shift + rec->due;
	struct lanes_item *item;
	struct swarm_user *u;
	bool held = lanes_held(&r->lanes, rec->key);

	r->due++;
	if (now - due > ARRIVALS_LATE) {
		r->late++;
		stats_count(users.options.stats, r->late_counter, 1);
		if (r->catch_up == ARRIVALS_SKIP) {
			drop(r);
			return;
		}
	}
	u = held ? NULL : take_free(r, rec->key);
	if (u == NULL && !has_room(r)) {
		drop(r);
		return;
	}
	item = lanes_item(&r->lanes, rec);
	if (u == NULL) {
		lanes_add(&r->lanes, item);
		return;
	}
	seat_item(u, item);
	user_run_at(u, due);
}

/* ---- what comes from the master ---- */

/* The next record, over empty blocks. */
static void look(struct replay *r)
{
	r->has_next = false;
	while (r->blocks != NULL) {
		struct block *b = r->blocks;
		int64_t n = record_get(&r->next, b->data + b->at,
		    b->len - b->at);

		if (n > 0) {
			r->has_next = true;
			b->at += (size_t)n;
			return;
		}
		if (n < 0)
			log_error("a malformed batch of events to replay: "
			    "its rest is left out");
		r->blocks = b->next;
		if (r->blocks == NULL)
			r->last_block = &r->blocks;
		free(b);
	}
}

static void arm(struct replay *r)
{
	if (!r->has_next || r->paused || r->stopped)
		ticker_disarm(r->ticker);
	else
		ticker_arm(r->ticker, r->start + r->shift + r->next.due);
}

static void start_due(struct replay *r)
{
	int64_t now = clock_now();
	int budget = BATCH;

	while (r->has_next && r->start + r->shift + r->next.due <= now &&
	    budget-- > 0) {
		/* The record is copied before its block may go. */
		start_one(r, &r->next, now);
		look(r);
	}
	if (r->has_next && r->start + r->shift + r->next.due <= now)
		loop_defer(&r->again);
	else
		arm(r);
}

static void on_again(struct loop_item *item)
{
	struct replay *r = (struct replay *)(void *)item;

	if (r->ticker == NULL)
		free(r);                /* freed while it was queued */
	else if (!r->stopped && !r->paused)
		start_due(r);
}

static void on_timer(void *arg)
{
	struct replay *r = arg;

	if (!r->stopped && !r->paused)
		start_due(r);
}

void replay_take(const void *data, size_t len)
{
	struct replay *r = self;
	struct block *b;

	if (r == NULL || r->stopped || len == 0)
		return;
	b = xmalloc(sizeof *b + len);
	*b = (struct block){ .len = len };
	memcpy(b->data, data, len);
	*r->last_block = b;
	r->last_block = &b->next;
	if (r->has_next)
		return;
	look(r);
	arm(r);
}

/* ---- life ---- */

static void forget_blocks(struct replay *r)
{
	while (r->blocks != NULL) {
		struct block *b = r->blocks;

		r->blocks = b->next;
		free(b);
	}
	r->last_block = &r->blocks;
	r->has_next = false;
}

struct replay *replay_new(const struct arrivals_plan *plan)
{
	const char *name = strchr(plan->schedule, ':');
	const struct swarm_trace *trace = name != NULL ?
	    replay_find(name + 1) : NULL;
	struct ticker *ticker;
	struct replay *r;

	if (trace == NULL || self != NULL) {
		log_error("the master replays a trace (%s) that no module "
		    "here can: start this worker as `swarm replay`, with the "
		    "same plugins", plan->schedule);
		return NULL;
	}
	r = xcalloc(1, sizeof *r);
	ticker = ticker_new(on_timer, r);
	if (ticker == NULL) {
		free(r);
		return NULL;
	}
	r->again.run = on_again;
	r->ticker = ticker;
	r->trace = trace;
	r->overlap = strstr(plan->schedule, ",overlap:") != NULL;
	r->busy = plan->busy;
	r->catch_up = plan->catch_up;
	r->start = plan->start;
	r->queue_max = plan->queue_max > 0 ? plan->queue_max : 1;
	r->last_block = &r->blocks;
	lanes_init(&r->lanes, r->overlap);
	user_list_init(&r->free);
	r->dropped_counter = stats_counter(users.options.stats,
	    "dropped arrivals");
	r->late_counter = stats_counter(users.options.stats, "late arrivals");
	r->lag = swarm_series(REPLAY_TYPE, REPLAY_LAG);
	self = r;
	return r;
}

void replay_free(struct replay *r)
{
	if (r == NULL)
		return;
	while (user_list_take(&r->free) != NULL)
		;
	ticker_free(r->ticker);
	r->ticker = NULL;
	forget_blocks(r);
	lanes_release(&r->lanes);
	self = NULL;
	if (!r->again.queued)
		free(r);
}

void replay_pause(struct replay *r, bool paused, int64_t shift)
{
	r->shift = shift;
	r->paused = paused;
	if (r->stopped)
		return;
	serve(r);
	arm(r);
}

void replay_stop(struct replay *r)
{
	r->stopped = true;
	for (size_t n = lanes_clear(&r->lanes); n > 0; n--)
		drop(r);
	forget_blocks(r);
	arm(r);
}

/* The item of `u`, if any, is done with, or there for others. */
static void finish_item(struct replay *r, struct seat *seat)
{
	if (seat->item == NULL)
		return;
	lanes_end(&r->lanes, seat->key);
	if (seat->begun || r->stopped)
		lanes_item_free(&r->lanes, seat->item);
	else
		lanes_put_back(&r->lanes, seat->item);
	seat->item = NULL;
}

bool replay_next(struct replay *r, struct swarm_user *u)
{
	struct seat *seat = u->data;
	struct lanes_item *item = NULL;

	finish_item(r, seat);
	if (!r->paused)
		item = lanes_take_of(&r->lanes, seat->key);
	if (item == NULL && !r->paused)
		item = lanes_take_ready(&r->lanes);
	if (item == NULL) {
		lanes_wait(&r->lanes, seat->key);
		user_list_add(&r->free, u);
		return false;
	}
	seat_item(u, item);
	u->intended = r->start + r->shift + item->due;
	return true;
}

/* A simulated user ends: others take over what it had before it. */
static void leave(struct swarm_user *u)
{
	struct seat *seat = u->data;

	if (seat == NULL)
		return;
	if (self == NULL) {
		free(seat->item);
		seat->item = NULL;
		return;
	}
	finish_item(self, seat);
	lanes_forget(&self->lanes, seat->key, u);
	serve(self);
}

int replay_add_class(void)
{
	static const struct swarm_task tasks[] = {
		{ .name = "replay", .run = perform }, { .name = NULL } };
	static const struct swarm_user_class class = {
		.name = REPLAY_CLASS,
		.data_size = sizeof(struct seat),
		.stop = leave,
		.tasks = tasks,
	};

	user_class_set_owner("swarm", NULL);
	return swarm_class_add(&class) == -1 ? -1 : 0;
}

void replay_status(const struct replay *r, struct arrivals_status *s)
{
	*s = (struct arrivals_status){
		.due = r->due,
		.dropped = r->dropped,
		.late = r->late,
		.queued = r->lanes.waiting,
		.free_users = r->free.count,
		.ended = !r->has_next && r->lanes.waiting == 0,
	};
}
