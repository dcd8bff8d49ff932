/*
 * A replayed trace on a worker: see the header.
 *
 * What came from the master stays in the blocks it came in until it is due
 * (pending.c); then one copy goes into an item, which lives until it has been
 * performed.  Items come from a free list, so that an event costs a lookup, a
 * copy and the start of a fiber.
 */
#include "user/replay.h"

#include <stdlib.h>
#include <string.h>

#include <swarm/trace.h>
#include <swarm/user.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "stats/stats.h"
#include "user/begun.h"
#include "user/gate.h"
#include "user/internal.h"
#include "user/lanes.h"
#include "user/pace.h"
#include "user/pending.h"
#include "user/tally.h"

#define TRACES    16
#define WAITING_MAX ((size_t)256 << 20) /* bytes of events that wait */
#define BEYOND_MAX  8192                /* bytes of what is told at the end */

/* Of a simulated user: swarm_data(). */
struct seat {
	uint64_t key;                   /* of the trace's user it was last */
	struct lanes_item *item;        /* to be performed */
	bool begun;
	bool fresh;
};

struct replay {
	struct pace pace;               /* first */
	const struct swarm_trace *trace;
	struct pending pending;
	uint64_t number;                /* that is expected next */
	struct tally tally;             /* of what is done with */
	bool hurry;
	size_t left;                    /* waited when it was stopped */
	struct lanes lanes;
	size_t queue_max;
	uint32_t lag;
};

static const struct swarm_trace *traces[TRACES];
static size_t trace_count;
static struct replay *self;             /* the one there is */
static struct begun *begun;             /* NULL: nobody looks */

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
	if (begun != NULL)
		begun_mark(begun, item->number);
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

	if (u == NULL || u->list != &r->pace.idle || u->list_prev == NULL)
		return user_list_take(&r->pace.idle);
	user_list_remove(u);
	return u;
}

static void done_with(struct replay *r, uint64_t number)
{
	uint64_t low = r->tally.low;

	tally_done(&r->tally, number);
	if (r->hurry && r->tally.low != low)
		gate_tell();
	else
		gate_tell_soon();
}

static void drop(struct replay *r, uint64_t number)
{
	pace_drop(&r->pace);
	if (begun != NULL)
		begun_mark(begun, number);
	done_with(r, number);
}

static bool has_room(const struct replay *r)
{
	return r->pace.busy == ARRIVALS_QUEUE && r->lanes.waiting < r->queue_max &&
	    r->lanes.bytes < WAITING_MAX;
}

/* What waits for nothing but a user, while there are some. */
static void serve(struct replay *r)
{
	while (!r->pace.paused && r->pace.idle.first != NULL) {
		struct lanes_item *item = lanes_take_ready(&r->lanes);
		struct swarm_user *u;

		if (item == NULL)
			return;
		u = take_free(r, item->key);
		seat_item(u, item);
		user_run_at(u, pace_at(&r->pace, item->due));
	}
}

static void start_one(struct replay *r, const struct record *rec,
    uint64_t number, int64_t at, bool late)
{
	struct lanes_item *item;
	struct swarm_user *u;
	bool held = lanes_held(&r->lanes, rec->key);

	if (late && r->pace.catch_up == ARRIVALS_SKIP) {
		drop(r, number);
		return;
	}
	u = held ? NULL : take_free(r, rec->key);
	if (u == NULL && !has_room(r)) {
		drop(r, number);
		return;
	}
	item = lanes_item(&r->lanes, rec, number);
	if (u == NULL) {
		lanes_add(&r->lanes, item);
		return;
	}
	seat_item(u, item);
	user_run_at(u, at);
}

/* ---- what comes from the master ---- */

static int64_t next_of(const struct pace *p)
{
	const struct replay *r = (const void *)p;
	const struct record *next = pending_first(&r->pending);

	return next == NULL ? PACE_NEVER : next->due;
}

static void begin(struct pace *p, int64_t at, bool late)
{
	struct replay *r = (struct replay *)(void *)p;

	start_one(r, pending_first(&r->pending), pending_number(&r->pending),
	    at, late);
	pending_drop(&r->pending);
}

static void release(struct pace *p)
{
	free(p);
}

void replay_take(const void *data, size_t len, uint64_t number, bool hurry)
{
	struct replay *r = self;
	int64_t n = -1;

	if (r == NULL || r->pace.stopped)
		return;
	r->hurry = hurry;
	if (number != r->number)
		tally_begin(&r->tally, number);
	n = pending_add(&r->pending, data, len, number);
	if (n == -1)
		log_error("a malformed batch of events to replay: its rest "
		    "is left out");
	else
		r->number = number + (uint64_t)n;
	pace_arm(&r->pace);
	if (hurry)
		gate_tell();
}

void replay_note_begun(int fd)
{
	begun_free(begun);
	begun = begun_open(fd);
}

/* ---- life ---- */

struct replay *replay_new(const struct arrivals_plan *plan)
{
	const char *name = strchr(plan->schedule, ':');
	const struct swarm_trace *trace = name != NULL ?
	    replay_find(name + 1) : NULL;
	struct replay *r;

	if (trace == NULL || self != NULL) {
		log_error("the master replays a trace (%s) that no module "
		    "here can: start this worker as `swarm replay`, with the "
		    "same plugins", plan->schedule);
		return NULL;
	}
	r = xcalloc(1, sizeof *r);
	r->pace.next = next_of;
	r->pace.begin = begin;
	r->pace.free = release;
	if (pace_init(&r->pace, plan) == -1) {
		free(r);
		return NULL;
	}
	r->trace = trace;
	r->queue_max = plan->queue_max > 0 ? plan->queue_max : 1;
	lanes_init(&r->lanes, strstr(plan->schedule, ",overlap:") != NULL);
	r->lag = swarm_series(REPLAY_TYPE, REPLAY_LAG);
	self = r;
	return r;
}

void replay_free(struct replay *r)
{
	if (r == NULL)
		return;
	pending_release(&r->pending);
	tally_release(&r->tally);
	lanes_release(&r->lanes);
	self = NULL;
	pace_free(&r->pace);
}

void replay_pause(struct replay *r, bool paused, int64_t shift)
{
	r->pace.shift = shift;
	r->pace.paused = paused;
	if (r->pace.stopped)
		return;
	serve(r);
	pace_arm(&r->pace);
}

void replay_stop(struct replay *r)
{
	r->pace.stopped = true;
	r->left = lanes_clear(&r->lanes);
	pending_release(&r->pending);
	pace_arm(&r->pace);
}

/* The item of `u`, if any, is done with, or there for others. */
static void finish_item(struct replay *r, struct seat *seat)
{
	if (seat->item == NULL)
		return;
	lanes_end(&r->lanes, seat->key);
	if (seat->begun)
		done_with(r, seat->item->number);
	if (seat->begun || r->pace.stopped)
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
	if (!r->pace.paused)
		item = lanes_take_of(&r->lanes, seat->key);
	if (item == NULL && !r->pace.paused)
		item = lanes_take_ready(&r->lanes);
	if (item == NULL) {
		lanes_wait(&r->lanes, seat->key);
		user_list_add(&r->pace.idle, u);
		return false;
	}
	seat_item(u, item);
	u->intended = pace_at(&r->pace, item->due);
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
	pace_status(&r->pace, s);
	s->queued = r->lanes.waiting + r->left;
}

uint64_t replay_settled(const struct replay *r)
{
	return r->tally.low;
}

bool replay_beyond(const struct replay *r, const void **bits, size_t *len)
{
	static uint8_t beyond[BEYOND_MAX];
	int64_t n;

	if (!r->pace.stopped || users_alive() > 0)
		return false;
	n = tally_beyond(&r->tally, beyond, sizeof beyond);
	*bits = beyond;
	*len = n > 0 ? (size_t)n : 0;
	return n >= 0;
}
