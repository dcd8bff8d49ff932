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

#define CPU_HIGH 90.0                   /* percent of one core */

/* Of a module, beside its hooks. */
struct owner {
	const char *module;
	bool said;                      /* with the report that comes */
};

static struct {
	struct swarm_hooks *at;
	struct owner *owners;
	size_t count;
	bool ready;
	bool cpu_high;
	int exit_code;
	struct wheel_timer tick;
	int64_t started;                /* ns; of the running test */
	bool running;
	bool stopping;
	bool quitting;
	bool samples;
	bool intervals;
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

	(void)arg;
	hooks.owners = xreallocarray(hooks.owners, hooks.count + 1,
	    sizeof(hooks.owners[0]));
	hooks.owners[hooks.count] = (struct owner){ .module = m->name };
	hooks.at = xreallocarray(hooks.at, hooks.count + 1,
	    sizeof(hooks.at[0]));
	h = &hooks.at[hooks.count++];
	memset(h, 0, sizeof(*h));
	memcpy(h, iface, iface->size < sizeof(*h) ? iface->size : sizeof(*h));
	hooks.samples = hooks.samples || h->sample;
	hooks.intervals = hooks.intervals || h->interval;
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
	hooks.exit_code = -1;
}

void hooks_release(void)
{
	wheel_del(&hooks.tick);
	free(hooks.at);
	free(hooks.owners);
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

bool hooks_want_intervals(void)
{
	return hooks.intervals;
}

void hooks_interval(const struct swarm_sink_interval *i)
{
	EACH(interval, i);
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

void hooks_ready(void)
{
	if (hooks.ready)
		return;
	hooks.ready = true;
	EACH(init);
}

void hooks_worker_connect(const char *worker)
{
	EACH(worker_connect, worker);
}

void hooks_worker_lost(const char *worker, const char *why)
{
	EACH(worker_lost, worker, why);
}

void hooks_gather(void (*say)(const char *module, const void *data,
    size_t len))
{
	static char data[SWARM_REPORT_MAX];

	for (size_t i = 0; i < hooks.count; i++) {
		size_t len = hooks.at[i].report_to_master != NULL ?
		    hooks.at[i].report_to_master(data, sizeof data) : 0;

		if (len > 0 && len <= sizeof data)
			say(hooks.owners[i].module, data, len);
	}
}

void hooks_worker_data(const char *worker, const char *module,
    const void *data, size_t len)
{
	for (size_t i = 0; i < hooks.count; i++) {
		if (strcmp(hooks.owners[i].module, module) != 0)
			continue;
		hooks.owners[i].said = true;
		if (hooks.at[i].worker_report != NULL)
			hooks.at[i].worker_report(worker, data, len);
	}
}

void hooks_worker_report(const char *worker)
{
	for (size_t i = 0; i < hooks.count; i++) {
		if (hooks.at[i].worker_report != NULL &&
		    !hooks.owners[i].said)
			hooks.at[i].worker_report(worker, NULL, 0);
		hooks.owners[i].said = false;
	}
}

void hooks_reset_stats(void)
{
	EACH(reset_stats);
}

void hooks_usage(double cpu_percent, int64_t memory)
{
	bool high = cpu_percent > CPU_HIGH;

	EACH(usage_monitor, cpu_percent, memory);
	if (high && !hooks.cpu_high)
		EACH(cpu_warning, cpu_percent);
	hooks.cpu_high = high;
}

void hooks_heartbeat_sent(const char *worker)
{
	EACH(heartbeat_sent, worker);
}

void hooks_heartbeat_received(void)
{
	EACH(heartbeat_received);
}

int hooks_exit_code(void)
{
	return hooks.exit_code;
}

void hooks_quit(int exit_code)
{
	EACH(quit, exit_code);
}

SWARM_API void swarm_exit_code(int code)
{
	hooks.exit_code = code & 255;
}
