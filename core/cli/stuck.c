/*
 * Users of a worker that wait, and users that block: a signal shows what every
 * fiber waits for, and the watchdog names the task that does not give way, for
 * nobody but its author can mend it.
 */
#include "cli/stuck.h"

#include <signal.h>
#include <stdio.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "user/user.h"

#define STUCK (2 * NS_PER_S)

static void dump_fiber(const struct fiber_info *info, void *arg)
{
	char who[128] = "no user";

	(void)arg;
	if (info->user != NULL)
		snprintf(who, sizeof who, "user %u of %s, task %s",
		    swarm_user_id(info->user),
		    swarm_user_class_name(info->user),
		    swarm_task_name(info->user));
	log_info("fiber: %s: %s%s", who, fiber_cause_name(info->cause),
	    info->cancelled ? ", cancelled" : "");
}

/* SIGUSR1: who waits for what. */
static void on_dump(evutil_socket_t number, short events, void *arg)
{
	struct fiber_stats stats;

	(void)number;
	(void)events;
	(void)arg;
	fiber_stats(&stats);
	log_info("%zu fibers, %zu users", stats.alive, users_alive());
	fiber_dump(dump_fiber, NULL);
}

static void stuck(struct swarm_user *u, int64_t ran_ns)
{
	struct user_where where;

	(void)u;
	if (users_where(&where))
		log_warn("task %s of user class %s (%s) has not given way for "
		    "%lld ms: it blocks every user of this worker; use the "
		    "waits of <swarm/fiber.h> or swarm_offload()", where.task,
		    where.user_class, where.module,
		    (long long)(ran_ns / NS_PER_MS));
}

void stuck_start(void)
{
	event_add(evsignal_new(loop_base(), SIGUSR1, on_dump, NULL), NULL);
	fiber_watchdog(STUCK, stuck);
}

void stuck_stop(void)
{
	fiber_watchdog(0, NULL);
}
