/*
 * What a person, a shape or a program changes in a run that goes on: the load,
 * its workers, where it goes.
 */
#include "run/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cluster/master.h"
#include "run/executor.h"
#include "run/replay.h"

/* NULL with *why when it is not clear which. */
static struct executor *named(const char *executor, const char **why)
{
	struct executor *e = run.count == 1 ? run.executors[0] : NULL;

	for (size_t i = 0; executor != NULL && i < run.count; i++) {
		if (strcmp(executor_spec(run.executors[i])->name, executor) ==
		    0)
			e = run.executors[i];
	}
	if (e == NULL)
		*why = executor != NULL ? "there is no executor of that name" :
		    "there are several executors: name one";
	return e;
}

int run_set_load(const char *executor, int64_t users, double spawn_rate,
    const char **why)
{
	struct executor *e = named(executor, why);

	if (e == NULL)
		return -1;
	executor_set_load(e, users, spawn_rate, run_now());
	run_go_on(true);
	return 0;
}

int run_set_rate(const char *executor, double rate, const char **why)
{
	struct executor *e = named(executor, why);

	if (e == NULL)
		return -1;
	if (!executor_set_rate(e, rate, run_now())) {
		*why = "users wait for their answers: there is no rate to set";
		return -1;
	}
	run_go_on(true);
	return 0;
}

int run_take_over(const char *executor, const char **why)
{
	struct executor *e = named(executor, why);

	if (e == NULL)
		return -1;
	if (run_active() && executor_take_over(e))
		return 0;
	*why = "no shape has a say in the load now";
	return -1;
}

void run_classes_changed(void)
{
	for (size_t i = 0; i < run.count; i++)
		executor_update_classes(run.executors[i]);
}

int run_drain(struct peer *p, bool on, const char **why)
{
	if (p->drained == on || p->dismissed) {
		*why = on ? "the worker takes no users already" :
		    "the worker takes users already";
		return -1;
	}
	if (p->state == PEER_STOPPING) {
		*why = "the worker is still stopping its users";
		return -1;
	}
	p->drained = on;
	if (!run_active())
		return 0;
	if (on)
		replay_feed_leaves(p);
	fleet_drop(p);
	if (on)
		master_send_stop(p);
	fleet_update();
	run_go_on(true);
	return 0;
}

void run_set_host(const char *host)
{
	free(run.host);
	run.host = host != NULL && host[0] != '\0' ? xstrdup(host) : NULL;
}

void run_set_run_time(double seconds)
{
	run.options.run_time = seconds;
}
