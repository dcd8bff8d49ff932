/*
 * The executors that a module declares, as data and in words.  What a field
 * means is the business of run; here only those that were set are told, under
 * the names that `--executor` gives them.
 */
#include "module/internal.h"

#include <swarm/user.h>

#include <inttypes.h>
#include <stdio.h>

bool module_executor_at(const struct module *m, size_t i,
    struct swarm_executor *out)
{
	list_element(out, sizeof(*out), m->def.executors,
	    m->def.executor_size, i);
	return out->name != NULL;
}

static void tell_text(const char *name, const char *value,
    void (*tell)(const char *name, const char *value, void *), void *arg)
{
	if (value)
		tell(name, value, arg);
}

static void tell_count(const char *name, uint64_t value,
    void (*tell)(const char *name, const char *value, void *), void *arg)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	if (value)
		tell(name, text, arg);
}

static void tell_number(const char *name, double value, const char *unit,
    void (*tell)(const char *name, const char *value, void *), void *arg)
{
	char text[40];

	snprintf(text, sizeof(text), "%g%s", value, unit);
	if (value != 0)
		tell(name, text, arg);
}

void module_executor_fields(const struct swarm_executor *e,
    void (*tell)(const char *name, const char *value, void *), void *arg)
{
	tell_text("classes", e->classes, tell, arg);
	tell_count("users", e->users, tell, arg);
	tell_number("spawn-rate", e->spawn_rate, "", tell, arg);
	tell_text("shape", e->shape, tell, arg);
	tell_text("rate", e->rate, tell, arg);
	tell_text("poisson", e->poisson ? "true" : NULL, tell, arg);
	tell_text("when-busy", e->when_busy, tell, arg);
	tell_text("catch-up", e->catch_up, tell, arg);
	tell_count("queue", e->queue, tell, arg);
	tell_count("iterations", e->iterations, tell, arg);
	tell_count("user-iterations", e->user_iterations, tell, arg);
	tell_number("start", e->start, "s", tell, arg);
	tell_number("time", e->time, "s", tell, arg);
}
