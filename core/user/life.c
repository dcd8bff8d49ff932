/*
 * The life of users: started and stopped to the count wanted of each class.
 *
 * A user holds a fiber only while start(), a task or stop() runs.  Between two
 * tasks it is an entry on the timer wheel: a million of them fit in memory,
 * and waking one is a pooled fiber's start.  Starting many users is spread
 * over loop passes, so that those already running are not held up.
 *
 * Stopping: an idle user ends at once.  A busy one ends after its task, or,
 * when the stop timeout has passed, has its waits cancelled.  Then stop()
 * runs, within a grace of its own; what still hangs after that is cancelled
 * again.
 */
#include "user/user.h"

#include <stdlib.h>
#include <string.h>

#include <swarm/fiber.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "stats/stats.h"
#include "user/feed.h"
#include "user/flight.h"
#include "user/gate.h"
#include "user/internal.h"

#define START_BATCH 512                 /* users started in a loop pass */
#define STOP_GRACE  (2 * NS_PER_S)      /* for stop() at least */

struct users_class {
	struct swarm_user *list;        /* running, last started first */
	size_t running;
	size_t retired;                 /* ended by themselves */
	size_t target;
	const uint32_t *numbers;        /* by the order of their start */
	size_t number_count;
};

struct users users;

static double stop_timeout;             /* of the latest order, seconds */
static struct swarm_user *lingering;
static bool reach_pending;
static struct loop_item start_item;
static uint32_t task_counter;

static void user_run(void *arg);

static void link_user(struct swarm_user *u, struct swarm_user **list)
{
	u->next = *list;
	u->prev = list;
	if (*list != NULL)
		(*list)->prev = &u->next;
	*list = u;
}

static void unlink_user(struct swarm_user *u)
{
	*u->prev = u->next;
	if (u->next != NULL)
		u->next->prev = u->prev;
}

static void list_add(struct swarm_user *u)
{
	struct users_class *c = &users.classes[u->class_index];

	link_user(u, &c->list);
	c->running++;
	u->listed = true;
}

static void list_remove(struct swarm_user *u)
{
	if (!u->listed)
		return;
	unlink_user(u);
	users.classes[u->class_index].running--;
	u->listed = false;
}

/* Of those that are to stop and have the time to end their task. */
static void linger(struct swarm_user *u, bool on)
{
	if (on)
		link_user(u, &lingering);
	else if (u->lingering)
		unlink_user(u);
	u->lingering = on;
}

static void notify_if_stopped(void)
{
	if (!users.stopped_pending || users.alive != 0)
		return;
	users.stopped_pending = false;
	if (users.options.stopped != NULL)
		users.options.stopped(users.options.arg);
}

/* The fiber has ended: either the user waits on the wheel, or it is over. */
static void fiber_ended(void *arg)
{
	struct swarm_user *u = arg;

	if (u->state == USER_IDLE)
		return;
	wheel_del(&u->timer);
	arena_clear(&u->arena);
	measure_free(u);
	user_drop_queue(u, 0);
	free(u->frames);
	free(u->data);
	ids_give(&users.ids, u->id);
	free(u);
	users.alive--;
	notify_if_stopped();
}

static void cancel(struct swarm_user *u, bool on)
{
	u->cancelled = on;
	fiber_group_cancel(&u->group, on);
}

/* stop(), then the helper fibers, then the slots; on the user's fiber. */
static void end_user(struct swarm_user *u)
{
	int64_t grace = (int64_t)(stop_timeout * (double)NS_PER_S);
	bool own_end = u->listed;

	if (own_end) {
		list_remove(u);
		users.classes[u->class_index].retired++;
	}
	linger(u, false);
	u->state = USER_ENDING;
	u->stopping = true;
	cancel(u, false);
	wheel_add(&u->timer,
	    clock_now() + (grace > STOP_GRACE ? grace : STOP_GRACE));
	u->intended = 0;
	u->lag = 0;
	while (u->depth > 1)
		user_leave_set(u);
	if (u->class->def.stop != NULL) {
		user_step(u, "stop");
		u->task = "stop";
		u->task_data = u->class->def.data;
		u->class->def.stop(u);
		user_end_task(u);
	}
	/* Helpers first: they may use what the slots hold. */
	fiber_group_cancel(&u->group, true);
	fiber_group_wait(&u->group, INT64_MAX);
	fiber_group_cancel(&u->group, false);
	user_release_slots(u);
	user_end_task(u);
}

/* The stop timeout, or the grace of stop(), has passed. */
static void limit_fired(struct wheel_timer *t)
{
	cancel((struct swarm_user *)(void *)t, true);
}

/* Of an idle one.  Called on a fiber it runs only later, and may be told to
 * stop before. */
static void go_on(struct swarm_user *u)
{
	u->state = USER_BUSY;
	u->timer.fire = limit_fired;
	fiber_start_in(&u->group, u, user_run, u, fiber_ended);
}

static void idle_fired(struct wheel_timer *t)
{
	go_on((struct swarm_user *)(void *)t);
}

void user_step(struct swarm_user *u, const char *task)
{
	if (u->trying && users.options.step != NULL)
		users.options.step(u->class->name, task, users.options.arg);
}

static void begin_task(struct swarm_user *u, const char *name,
    const void *data)
{
	user_step(u, name);
	u->task = name;
	u->task_data = data;
	u->task_start = clock_now();
	u->lag = 0;
	if (u->intended != 0 && u->task_start > u->intended)
		u->lag = u->task_start - u->intended;
	u->intended = 0;
}

void user_run_at(struct swarm_user *u, int64_t intended)
{
	u->intended = intended;
	go_on(u);
}

static void run_start(struct swarm_user *u)
{
	u->state = USER_BUSY;
	begin_task(u, "start", u->class->def.data);
	if (u->class->def.data_size > 0)
		u->data = xcalloc(1, u->class->def.data_size);
	if (u->class->def.start != NULL) {
		u->class->def.start(u);
		if (u->measure != NULL)
			measure_end_task(u, true);
		user_end_task(u);
	}
}

/*
 * Waits for the next task: on the wheel, or among the free users of an open
 * executor.  False: the next one is due now.
 */
static bool go_idle(struct swarm_user *u)
{
	double wait;

	if (u->trying)
		return false;
	if (gate_open(u)) {
		if (gate_next(u))
			return false;
		u->no_wait = false;
		u->state = USER_IDLE;
		return true;
	}
	wait = u->no_wait ? 0 : user_wait(u);
	u->no_wait = false;
	/* The negation catches a NaN too. */
	if (!(wait > 0))
		return false;
	u->state = USER_IDLE;
	u->timer.fire = idle_fired;
	wheel_add(&u->timer, swarm_in(wait));
	return true;
}

/* False: the user waits for permission, or has come to its end. */
static bool may_go(struct swarm_user *u)
{
	switch (u->trying ? GATE_GO : gate_enter(u)) {
	case GATE_GO:
		return true;
	case GATE_WAIT:
		u->state = USER_IDLE;
		return false;
	case GATE_END:
		break;
	}
	u->stopping = true;
	return false;
}

/* The fiber's body: tasks until one is followed by a wait, or by the end. */
static void user_run(void *arg)
{
	struct swarm_user *u = arg;
	const struct user_task *task;
	uint64_t turn;

	if (u->state == USER_NEW) {
		run_start(u);
		if (!u->stopping && gate_open(u) && go_idle(u))
			return;
	}
	while (!u->stopping) {
		if (!may_go(u)) {
			if (u->stopping)
				break;
			return;
		}
		task = user_pick(u);
		if (task == NULL)
			break;
		begin_task(u, task->name, task->data);
		turn = fiber_turn();
		task->run(u);
		user_end_task(u);
		stats_count(users.options.stats, task_counter, 1);
		gate_leave(u);
		if (u->stopping)
			break;
		if (u->leaving)
			user_leave_set(u);
		if (go_idle(u))
			return;
		/* A task that has waited let the others run; to give way once
		 * more would keep its next request back until they have. */
		if (turn == fiber_turn())
			fiber_yield();
	}
	end_user(u);
}

/* Users that ended by themselves keep their place in the list. */
static uint64_t number_of(const struct users_class *c, unsigned id)
{
	size_t at = c->running + c->retired;

	if (at < c->number_count && c->numbers[at] != UINT32_MAX)
		return c->numbers[at];
	return id;
}

static void start_user(size_t class_index, bool trying)
{
	struct swarm_user *u = xcalloc(1, sizeof *u);

	u->class = user_class_at(class_index);
	u->class_index = class_index;
	u->id = ids_take(&users.ids);
	u->number = number_of(&users.classes[class_index], u->id);
	rng_seed(&u->rng, users.options.seed, u->number);
	u->state = USER_NEW;
	u->timer.fire = limit_fired;
	u->trying = trying;
	users.alive++;
	list_add(u);
	fiber_start_in(&u->group, u, user_run, u, fiber_ended);
}

static void begin_stop(struct swarm_user *u)
{
	int64_t limit = (int64_t)(stop_timeout * (double)NS_PER_S);

	list_remove(u);
	u->stopping = true;
	if (u->state == USER_IDLE) {
		wheel_del(&u->timer);
		user_list_remove(u);
		go_on(u);
	} else if (u->state == USER_BUSY && limit > 0) {
		wheel_add(&u->timer, clock_now() + limit);
		linger(u, true);
	} else if (u->state == USER_BUSY) {
		cancel(u, true);
	}
}

static size_t missing(const struct users_class *c)
{
	size_t have = c->running + c->retired;

	return c->target > have ? c->target - have : 0;
}

/* Starts a batch; comes back in the next pass while some are missing. */
static void start_some(struct loop_item *item)
{
	size_t budget = START_BATCH;
	bool more = false;

	for (size_t i = 0; i < user_class_count(); i++) {
		struct users_class *c = &users.classes[i];

		while (budget > 0 && missing(c) > 0) {
			start_user(i, false);
			budget--;
		}
		more = more || missing(c) > 0;
	}
	if (more) {
		loop_defer(item);
	} else if (reach_pending) {
		reach_pending = false;
		if (users.options.reached != NULL)
			users.options.reached(users.options.arg);
	}
}

void users_init(const struct users_options *options)
{
	users.options = *options;
	users.classes = xcalloc(user_class_count() + 1,
	    sizeof users.classes[0]);
	users.alive = 0;
	ids_begin(&users.ids, options->first_id, IDS_WIDE_SIZE);
	start_item.run = start_some;
	gate_init();
	task_counter = stats_counter(options->stats, "tasks");
	measure_init(options->split_by);
	feed_new_run(options->seed);
}

void users_release(void)
{
	measure_release();
	gate_clear();
	ids_release(&users.ids);
	free(users.classes);
	users.classes = NULL;
}

void users_set_host(const char *host)
{
	users.options.host = host;
}

void users_set_stats(struct stats *stats)
{
	users.options.stats = stats;
}

void users_set_ids(uint32_t first, uint32_t count)
{
	ids_begin(&users.ids, first, count);
}

void users_set_seed(uint64_t seed)
{
	users.options.seed = seed;
}

void users_set_split_by(const char *keys)
{
	char *copy = xstrdup(keys);
	const char *list[MEASURE_KEYS + 1] = { NULL };
	size_t n = 0;
	char *save = NULL;

	for (char *key = strtok_r(copy, ",", &save);
	    key != NULL && n < MEASURE_KEYS; key = strtok_r(NULL, ",", &save))
		list[n++] = key;
	measure_init(list);
	free(copy);
}

void users_set_numbers(size_t class_index, const uint32_t *numbers,
    size_t count)
{
	users.classes[class_index].numbers = numbers;
	users.classes[class_index].number_count = count;
}

void users_new_run(void)
{
	for (size_t i = 0; i < user_class_count(); i++)
		users.classes[i].retired = 0;
	flight_forget();
	feed_new_run(users.options.seed);
}

void users_set_target(size_t class_index, size_t count, double timeout)
{
	struct users_class *c = &users.classes[class_index];

	stop_timeout = timeout;
	c->target = count;
	while (c->running > c->target)
		begin_stop(c->list);
	reach_pending = true;
	loop_defer(&start_item);
}

void users_stop(double timeout)
{
	stop_timeout = timeout;
	users.stopped_pending = true;
	for (size_t i = 0; i < user_class_count(); i++) {
		users.classes[i].target = 0;
		while (users.classes[i].list != NULL)
			begin_stop(users.classes[i].list);
	}
	notify_if_stopped();
}

void users_stop_now(void)
{
	stop_timeout = 0;
	while (lingering != NULL) {
		struct swarm_user *u = lingering;

		linger(u, false);
		wheel_del(&u->timer);
		cancel(u, true);
	}
}

void users_try(size_t class_index)
{
	start_user(class_index, true);
}

void users_when_empty(void)
{
	users.stopped_pending = true;
}

size_t users_running(size_t class_index)
{
	return users.classes[class_index].running;
}

size_t users_alive(void)
{
	return users.alive;
}

bool users_where(struct user_where *where)
{
	struct fiber *f = fiber_self();
	struct swarm_user *u = f != NULL ? fiber_user(f) : NULL;

	if (u == NULL)
		return false;
	where->module = u->class->module;
	where->user_class = u->class->name;
	where->task = u->task != NULL ? u->task : "";
	where->id = u->id;
	return true;
}
