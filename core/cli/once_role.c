/*
 * One user in one process, for commands that are no load and for a debugger:
 * no workers, no master, one class with one task.
 */
#include "cli/role.h"

#include "base/clock.h"
#include "cli/options.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "module/module.h"
#include "stats/stats.h"
#include "user/user.h"

static struct {
	int (*fn)(struct swarm_user *);
	size_t class;
	int rc;
} once;

int role_alone(const struct users_options *o, void (*begin)(void))
{
	if (loop_init() == -1 ||
	    fiber_init(&(struct fiber_options){ 0 }) == -1)
		return EXIT_MODULE;
	users_init(o);
	if (module_worker_start() == -1)
		return EXIT_MODULE;
	begin();
	loop_run();
	module_worker_stop();
	users_release();
	module_unload_all();
	fiber_release();
	loop_release();
	stats_free(o->stats);
	return 0;
}

static void run_once(struct swarm_user *u)
{
	once.rc = once.fn(u);
	swarm_stop_user(u);
}

static void on_reached(void *arg)
{
	(void)arg;
}

static void on_stopped(void *arg)
{
	(void)arg;
	loop_stop();
}

static void begin_once(void)
{
	users_set_target(once.class, 1, 0);
	users_when_empty();
}

int role_once(struct options *o, int (*fn)(struct swarm_user *))
{
	struct users_options options = {
		.host = o->host,
		.seed = (uint64_t)(o->seed != 0 ? o->seed : clock_now()),
		.stats = stats_new(100, 100),
		.reached = on_reached,
		.stopped = on_stopped,
	};
	const struct swarm_task tasks[] = {
		{ .name = "once", .run = run_once }, { .name = NULL },
	};
	int class = swarm_class_add(&(struct swarm_user_class){
	    .name = "(once)", .tasks = tasks });

	if (class == -1)
		return EXIT_MODULE;
	once.fn = fn;
	once.class = (size_t)class;
	return role_alone(&options, begin_once) == 0 ? once.rc : EXIT_MODULE;
}
