/*
 * Hooks are kept in one array, copied to this host's size, in the order in
 * which their modules were loaded.
 */
#include "module/hooks.h"

#include <swarm/hooks.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "fiber/wheel.h"
#include "module/module.h"

#include <stdlib.h>
#include <string.h>

static struct {
	struct swarm_hooks *at;
	size_t count;
	struct wheel_timer tick;
	int64_t started;                /* ns; of the running test */
	bool running;
	bool stopping;
	bool quitting;
	bool samples;
} hooks;

/* Each hook that is there; in reverse where later modules lean on earlier. */
#define EACH(field, ...) \
	do { \
		for (size_t i_ = 0; i_ < hooks.count; i_++) \
			if (hooks.at[i_].field) \
				hooks.at[i_].field(__VA_ARGS__); \
	} while (0)
#define EACH_BACKWARDS(field, ...) \
	do { \
		for (size_t i_ = hooks.count; i_-- > 0;) \
			if (hooks.at[i_].field) \
				hooks.at[i_].field(__VA_ARGS__); \
	} while (0)

static void add(struct module *m, const struct swarm_iface *iface, void *arg)
{
	struct swarm_hooks *h;

	(void)m;
	(void)arg;
	hooks.at = xreallocarray(hooks.at, hooks.count + 1,
	    sizeof(hooks.at[0]));
	h = &hooks.at[hooks.count++];
	memset(h, 0, sizeof(*h));
	memcpy(h, iface, iface->size < sizeof(*h) ? iface->size : sizeof(*h));
	hooks.samples = hooks.samples || h->sample;
}

static void tick_fired(struct wheel_timer *t)
{
	wheel_add(t, t->when + NS_PER_S);
	EACH(tick, (double)(clock_now() - hooks.started) / (double)NS_PER_S);
}

void hooks_init(void)
{
	module_each_loaded_export(SWARM_HOOKS_ID, add, NULL);
	hooks.tick.fire = tick_fired;
}

void hooks_release(void)
{
	wheel_del(&hooks.tick);
	free(hooks.at);
	memset(&hooks, 0, sizeof(hooks));
}

void hooks_test_start(void)
{
	if (hooks.running)
		return;
	hooks.running = true;
	hooks.stopping = false;
	hooks.started = clock_now();
	EACH(test_start);
	if (hooks.count > 0)
		wheel_add(&hooks.tick, hooks.started + NS_PER_S);
}

void hooks_spawning_complete(uint64_t users)
{
	if (hooks.running && !hooks.stopping)
		EACH(spawning_complete, users);
}

void hooks_test_stopping(void)
{
	if (!hooks.running || hooks.stopping)
		return;
	hooks.stopping = true;
	EACH(test_stopping);
}

void hooks_test_stop(void)
{
	if (!hooks.running)
		return;
	hooks_test_stopping();
	hooks.running = false;
	wheel_del(&hooks.tick);
	EACH_BACKWARDS(test_stop);
}

void hooks_quitting(void)
{
	if (hooks.quitting)
		return;
	hooks.quitting = true;
	hooks_test_stop();
	EACH_BACKWARDS(quitting);
}

bool hooks_want_samples(void)
{
	return hooks.samples;
}

void hooks_sample(const char *type, const char *name, int64_t service_ns,
    size_t bytes, const char *error, const char *tags, void *unused)
{
	const struct swarm_sample sample = { type, name, service_ns, bytes,
		error, tags };

	(void)unused;
	EACH(sample, &sample);
}

void hooks_raised(const char *message, const char *where)
{
	EACH(raised, message, where);
}
