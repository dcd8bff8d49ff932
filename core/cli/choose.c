/* See the header. */
#include "cli/choose.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/shape.h>
#include <swarm/user.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cli/playback.h"
#include "module/module.h"
#include "run/spec.h"
#include "user/plan.h"
#include "user/replay.h"

/* Options about load that say what a plain run does. */
static const char *const plain[] = { "users", "spawn-rate", "shape", "rate",
	"iterations", "user-iterations" };

/* An address of a log may be a whole office: its events wait for each other. */
#define REPLAY_QUEUE 100000
/* Users of arrivals whose rate is not known before. */
#define HOLD_POOL 1000

#define PLAIN (sizeof plain / sizeof plain[0])

static const struct swarm_shape *found_shape;

static void note_shape(struct module *m, const struct swarm_iface *iface,
    void *name)
{
	const struct swarm_shape *s = (const void *)iface;

	(void)m;
	if (name == NULL || strcmp(s->name, name) == 0)
		found_shape = s;
}

static const struct swarm_shape *find_shape(const char *name)
{
	found_shape = NULL;
	module_each_export(SWARM_SHAPE_ID, note_shape, (void *)(uintptr_t)name);
	return found_shape;
}

/* What all executors have unless they say otherwise. */
static int read_defaults(const struct options *o, struct spec *s)
{
	spec_init(s);
	s->poisson = o->poisson;
	s->queue = o->queue;
	if (arrivals_busy_parse(o->when_busy, &s->busy) == -1) {
		log_error("--when-busy %s: use queue or drop", o->when_busy);
		return -1;
	}
	if (arrivals_catch_up_parse(o->catch_up, &s->catch_up) == -1) {
		log_error("--catch-up %s: use burst, spread or drop",
		    o->catch_up);
		return -1;
	}
	return 0;
}

static struct spec *add(struct run_options *run)
{
	run->specs = xreallocarray(run->specs, run->spec_count + 1,
	    sizeof run->specs[0]);
	return &run->specs[run->spec_count++];
}

static int check_names(const struct run_options *run)
{
	for (size_t i = 0; i < run->spec_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(run->specs[i].name,
			    run->specs[k].name) != 0)
				continue;
			log_error("two executors are named \"%s\"",
			    run->specs[i].name);
			return -1;
		}
	}
	if (run->spec_count <= PLAN_EXECUTORS_MAX)
		return 0;
	log_error("%zu executors: there may be %d", run->spec_count,
	    PLAN_EXECUTORS_MAX);
	return -1;
}

static int take_options(const struct options *o, struct run_options *run,
    const struct spec *deflt)
{
	for (size_t i = 0; i < PLAIN; i++) {
		if (!options_given(plain[i]))
			continue;
		log_error("--%s says what a run without executors does: with "
		    "--executor it belongs into one, as %s=...", plain[i],
		    plain[i]);
		return -1;
	}
	for (size_t i = 0; i < o->executors.count; i++) {
		if (spec_parse(add(run), o->executors.items[i], deflt) == -1) {
			run->spec_count--;
			return -1;
		}
	}
	return 0;
}

/* One after the other, as strides tell. */
static int take_modules(struct run_options *run, const struct spec *deflt)
{
	for (size_t i = 0; i < module_count(); i++) {
		const struct module *m = module_at(i);
		struct swarm_executor one;

		for (size_t k = 0; module_executor_at(m, k, &one); k++) {
			if (spec_take(add(run), &one, deflt, m->name) == -1) {
				run->spec_count--;
				return -1;
			}
		}
	}
	return 0;
}

static bool any_plain(void)
{
	for (size_t i = 0; i < PLAIN; i++) {
		if (options_given(plain[i]))
			return true;
	}
	return false;
}

static int take_plain(const struct options *o, struct run_options *run,
    const struct spec *deflt)
{
	struct spec *s = add(run);

	*s = *deflt;
	s->name = xstrdup("");
	s->iterations = o->iterations;
	s->user_iterations = o->user_iterations;
	if (o->rate != NULL)
		s->rate = xstrdup(o->rate);
	if (o->shape != NULL)
		s->shape = xstrdup(o->shape);
	else if (!o->capacity && o->rate == NULL && o->iterations == 0 &&
	    o->user_iterations == 0 && find_shape(NULL) != NULL)
		s->shape = xstrdup(found_shape->name);
	if (options_given("users"))
		s->users = o->users;
	else if (o->hold != NULL && o->rate != NULL)
		s->users = HOLD_POOL;
	if (options_given("spawn-rate"))
		s->spawn_rate = o->spawn_rate;
	return spec_complete(s);
}

/* An executor of its own, beside those of a scenario. */
static int take_replay(const struct options *o, struct run_options *run,
    const struct spec *deflt)
{
	struct spec *s;

	if (o->rate != NULL || o->shape != NULL || o->iterations > 0 ||
	    o->user_iterations > 0) {
		log_error("a trace says itself what is to be done and when: "
		    "leave out --rate, --shape and iterations, or give them "
		    "to a scenario beside it with --executor");
		return -1;
	}
	s = add(run);
	*s = *deflt;
	s->name = xstrdup(o->executors.count > 0 ? "replay" : "");
	s->classes = xcalloc(2, sizeof s->classes[0]);
	s->classes[0] = xstrdup(REPLAY_CLASS);
	if (!options_given("queue"))
		s->queue = REPLAY_QUEUE;
	if (options_given("users"))
		s->users = o->users;
	if (options_given("spawn-rate"))
		s->spawn_rate = o->spawn_rate;
	s->replay = playback_plan(o);
	if (s->replay == NULL || spec_complete(s) == -1)
		return -1;
	run->trace = playback_trace();
	return 0;
}

static void show_totals(struct options *o, const struct run_options *run)
{
	int64_t users = 0;
	bool open = false;

	for (size_t i = 0; i < run->spec_count; i++) {
		users += run->specs[i].users;
		open = open || run->specs[i].rate != NULL ||
		    run->specs[i].replay != NULL;
	}
	o->users = users;
	if (run->spec_count == 1)
		o->spawn_rate = run->specs[0].spawn_rate;
	/* Arrivals' users may finish what they began. */
	if (open && !options_given("stop-timeout"))
		o->stop_timeout = 10;
}

int choose_load(struct options *o, struct run_options *run)
{
	struct spec deflt;
	int rc = read_defaults(o, &deflt);

	run->find_shape = find_shape;
	if (rc == 0 && o->replay != NULL)
		rc = take_replay(o, run, &deflt);
	if (rc == 0 && o->executors.count > 0)
		rc = take_options(o, run, &deflt);
	else if (rc == 0 && (o->replay != NULL || !any_plain()))
		rc = take_modules(run, &deflt);
	if (rc == 0 && run->spec_count == 0)
		rc = take_plain(o, run, &deflt);
	spec_release(&deflt);
	if (rc == 0)
		rc = check_names(run);
	if (rc == 0) {
		show_totals(o, run);
		return 0;
	}
	for (size_t i = 0; i < run->spec_count; i++)
		spec_release(&run->specs[i]);
	free(run->specs);
	run->specs = NULL;
	run->spec_count = 0;
	return -1;
}

int choose_most_users(const struct run_options *run)
{
	int64_t users = 0;

	for (size_t i = 0; i < run->spec_count; i++) {
		if (run->specs[i].shape != NULL)
			return INT_MAX;
		users += run->specs[i].users;
	}
	return users < INT_MAX ? (int)users : INT_MAX;
}
