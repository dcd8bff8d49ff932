/*
 * What a module offers to swarm itself: tables whose layout is known here, so
 * that a missing function is told by its name rather than by a crash during a
 * run.  Functions are looked at through the size that the module states.
 */
#include "module/check.h"

#include <swarm/command.h>
#include <swarm/feeder.h>
#include <swarm/hooks.h>
#include <swarm/shape.h>
#include <swarm/sink.h>
#include <swarm/test.h>
#include <swarm/trace.h>

#include "module/internal.h"

#include <string.h>

/* A field that must not be NULL. */
struct needed {
	const char *id;
	const char *name;
	size_t at;
	const char *or_name;            /* or this one instead */
	size_t or_at;
};

#define FIELD(type, field) #field, offsetof(struct type, field)

static const struct needed needed[] = {
	{ SWARM_SINK_ID, FIELD(swarm_sink, name), NULL, 0 },
	{ SWARM_SINK_ID, FIELD(swarm_sink, help), NULL, 0 },
	{ SWARM_SINK_ID, FIELD(swarm_sink, start), NULL, 0 },
	{ SWARM_SINK_ID, FIELD(swarm_sink, interval), NULL, 0 },
	{ SWARM_SHAPE_ID, FIELD(swarm_shape, name), NULL, 0 },
	{ SWARM_SHAPE_ID, FIELD(swarm_shape, help), NULL, 0 },
	{ SWARM_SHAPE_ID, FIELD(swarm_shape, tick), NULL, 0 },
	{ SWARM_COMMAND_ID, FIELD(swarm_command, name), NULL, 0 },
	{ SWARM_COMMAND_ID, FIELD(swarm_command, summary), NULL, 0 },
	{ SWARM_COMMAND_ID, FIELD(swarm_command, help), NULL, 0 },
	{ SWARM_COMMAND_ID, FIELD(swarm_command, setup),
	  FIELD(swarm_command, once) },
	{ SWARM_FEEDER_ID, FIELD(swarm_feeder, name), NULL, 0 },
	{ SWARM_FEEDER_ID, FIELD(swarm_feeder, help), NULL, 0 },
	{ SWARM_FEEDER_ID, FIELD(swarm_feeder, fetch), NULL, 0 },
	{ SWARM_TRACE_ID, FIELD(swarm_trace, name), NULL, 0 },
	{ SWARM_TRACE_ID, FIELD(swarm_trace, help), NULL, 0 },
	{ SWARM_TRACE_ID, FIELD(swarm_trace, open), NULL, 0 },
	{ SWARM_TRACE_ID, FIELD(swarm_trace, next), NULL, 0 },
	{ SWARM_TRACE_ID, FIELD(swarm_trace, close), NULL, 0 },
	{ SWARM_TRACE_ID, FIELD(swarm_trace, perform), NULL, 0 },
	{ SWARM_TEST_ID, FIELD(swarm_tests, cases), NULL, 0 },
};

static bool is_set(const struct swarm_iface *table, size_t at)
{
	const void *value = NULL;

	if (at + sizeof(value) > table->size)
		return false;
	memcpy(&value, (const char *)table + at, sizeof(value));
	return value != NULL;
}

static int mistakes_in(const struct swarm_export *x)
{
	int mistakes = 0;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		const struct needed *n = &needed[i];

		if (strcmp(n->id, x->id) != 0 || is_set(x->iface, n->at) ||
		    (n->or_name && is_set(x->iface, n->or_at)))
			continue;
		check_say("its table of %s has no %s%s%s", x->id, n->name,
		    n->or_name ? " and no " : "",
		    n->or_name ? n->or_name : "");
		mistakes++;
	}
	return mistakes;
}

/* A hooks table of which nothing is called is one that was forgotten. */
static int hooks_mistakes(const struct swarm_export *x)
{
	if (strcmp(x->id, SWARM_HOOKS_ID) != 0)
		return 0;
	for (size_t at = sizeof(struct swarm_iface);
	    at + sizeof(void *) <= x->iface->size; at += sizeof(void *))
		if (is_set(x->iface, at))
			return 0;
	check_say("its table of %s has no hook", x->id);
	return 1;
}

int check_offers(const struct check_subject *s)
{
	struct module *m = check_open(s, false);
	struct swarm_export x;
	int mistakes = 0;

	if (!m)
		return CHECK_SKIP;
	if (!m->def.exports) {
		check_say("it offers nothing");
		return CHECK_SKIP;
	}
	for (size_t i = 0; bind_export_at(m, i, &x); i++)
		mistakes += mistakes_in(&x) + hooks_mistakes(&x);
	return mistakes ? CHECK_BAD : CHECK_OK;
}
