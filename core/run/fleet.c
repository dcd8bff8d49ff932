/*
 * The run's workers: which share of each executor they have, and the plans
 * and counts they are sent.
 */
#include "run/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/master.h"
#include "run/executor.h"
#include "user/plan.h"
#include "user/user.h"

unsigned fleet_present(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < master_peer_count(); i++)
		n += master_peer_at(i)->state != PEER_MISSING &&
		    !master_peer_at(i)->dismissed;
	return n;
}

/* A Locust worker knows nothing of arrivals or numbers of iterations: it would
 * run users on its own account. */
bool fleet_takes_part(const struct peer *p)
{
	return p->state != PEER_MISSING && !p->dismissed && !p->drained &&
	    (!run.needs_swarm || p->swarm);
}

void fleet_drop(struct peer *p)
{
	struct share **shares = p->run;

	for (size_t i = 0; shares != NULL && i < run.count; i++) {
		executor_lose(run.executors[i], shares[i]);
		share_release(shares[i]);
	}
	free(shares);
	p->run = NULL;
}

static struct share **shares_of(struct peer *p)
{
	struct share **shares = p->run;

	if (shares != NULL)
		return shares;
	shares = xcalloc(run.count, sizeof(struct share *));
	for (size_t i = 0; i < run.count; i++)
		shares[i] = share_new(user_class_count());
	p->run = shares;
	return shares;
}

/* The workers there are now get the users that are wanted now. */
void fleet_update(void)
{
	size_t n = master_peer_count();
	struct share **shares = xcalloc(n + 1, sizeof(struct share *));
	const char **ids = xcalloc(n + 1, sizeof ids[0]);

	for (size_t k = 0; k < run.count; k++) {
		size_t count = 0;

		for (size_t i = 0; i < n; i++) {
			struct peer *p = master_peer_at(i);

			if (!fleet_takes_part(p))
				continue;
			ids[count] = p->id;
			shares[count++] = shares_of(p)[k];
		}
		executor_set_workers(run.executors[k], shares, ids, count,
		    run_now());
	}
	free(shares);
	free(ids);
}

/* Local workers share our clock. */
static void make_plan(struct peer *p, unsigned stripe, unsigned stripes)
{
	struct share **shares = p->run;
	struct plan plan = {
		.paused = run.status.paused,
		.shift = run.shift,
		.count = run.count,
	};

	plan.executors = xcalloc(run.count, sizeof plan.executors[0]);
	for (size_t i = 0; i < run.count; i++) {
		struct plan_executor *e = &plan.executors[i];

		executor_plan(run.executors[i], shares[i], stripe, stripes,
		    run.status.started, e);
		e->arrivals.relative = p->pid == 0;
		if (e->arrivals.relative) {
			e->arrivals.shared = e->arrivals.start;
			e->arrivals.start -= clock_now();
		}
	}
	free(p->plan);
	p->plan = plan_text(&plan);
	free(plan.executors);
	if (p->plan == NULL)
		log_error("the plan for worker %s is too long to be sent: "
		    "fewer executors, or simpler rates, would do", p->id);
}

void fleet_make_plans(void)
{
	unsigned stripes = 0;
	unsigned stripe = 0;

	for (size_t i = 0; i < master_peer_count(); i++)
		stripes += fleet_takes_part(master_peer_at(i));
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (fleet_takes_part(p) && p->run != NULL)
			make_plan(p, stripe++, stripes);
	}
}

void fleet_send(void)
{
	size_t n = user_class_count();

	fleet_make_plans();
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);
		struct share **shares = p->run;

		if (!fleet_takes_part(p) || shares == NULL)
			continue;
		memset(p->wanted, 0, n * sizeof p->wanted[0]);
		for (size_t k = 0; k < run.count; k++) {
			for (size_t c = 0; c < n; c++)
				p->wanted[c] += shares[k]->wanted[c];
		}
	}
	master_number_users(run.options.stop_timeout);
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (fleet_takes_part(p) && p->run != NULL)
			master_send_spawn(p, run.host,
			    run.options.stop_timeout);
	}
}

/* Who has which users now; classes belong to one executor each. */
void fleet_take_counts(struct peer *p)
{
	struct share **shares = p->run;

	for (size_t k = 0; shares != NULL && k < run.count; k++) {
		for (size_t c = 0; c < user_class_count(); c++) {
			if (executor_has_class(run.executors[k], c))
				shares[k]->running[c] = p->running[c];
		}
	}
}
