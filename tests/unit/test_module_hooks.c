/* Events of a run: to whom, in which order, and only when they make sense. */
#include "module_kit.h"

#include <swarm/hooks.h>

#include "base/clock.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "module/hooks.h"

/* A module whose hooks say what they were called with. */
static void load_hooks(const char *name, const char *fields)
{
	char *text = xasprintf("#include <swarm/swarm.h>\n"
	    "#include <swarm/hooks.h>\n"
	    "static void start(void) { swarm_info(\"start\"); }\n"
	    "static void spawned(uint64_t n) { swarm_info(\"spawned %%d\", "
	    "(int)n); }\n"
	    "static void stopping(void) { swarm_info(\"stopping\"); }\n"
	    "static void stop(void) { swarm_info(\"stop\"); }\n"
	    "static void tick(double s) { swarm_info(\"tick %%.1f\", s); }\n"
	    "static void sample(const struct swarm_sample *s) { swarm_info("
	    "\"%%s %%s %%d %%d %%s\", s->type, s->name, (int)s->service_ns, "
	    "(int)s->bytes, s->error ? s->error : \"ok\"); }\n"
	    "static void raised(const char *m, const char *w) { swarm_info("
	    "\"%%s at %%s\", m, w); }\n"
	    "static void quit(void) { swarm_info(\"quit\"); }\n"
	    "static const struct swarm_hooks all __attribute__((used)) = { "
	    "SWARM_IFACE(struct swarm_hooks, 0), start, spawned, stopping, "
	    "stop, tick, sample, raised, quit };\n"
	    "static const struct swarm_hooks h = { %s };\n"
	    "SWARM_MODULE(.exports = SWARM_EXPORTS({ SWARM_HOOKS_ID, "
	    "&h.head }));\n", fields);

	assert_non_null(module_open_plugin(kit_build_with(name, text,
	    "-Wno-missing-field-initializers")));
	free(text);
}

#define EVERY "SWARM_IFACE(struct swarm_hooks, 0), start, spawned, " \
	"stopping, stop, tick, sample, raised, quit"

static void said(const char *lines)
{
	assert_string_equal(buf_str(&kit_seen), lines);
	buf_clear(&kit_seen);
}

static void begin(void)
{
	assert_int_equal(loop_init(), 0);
	assert_int_equal(load_all(), 0);
	hooks_init();
}

static void end(void)
{
	hooks_release();
	loop_release();
}

static void test_a_run(void **state)
{
	(void)state;
	load_hooks("h1", EVERY);
	load_hooks("h2", EVERY);
	clock_freeze(1000);
	begin();
	hooks_test_start();
	said("[info] h1: start\n[info] h2: start\n");
	hooks_test_start();
	said("");
	hooks_spawning_complete(3);
	said("[info] h1: spawned 3\n[info] h2: spawned 3\n");
	clock_advance(NS_PER_S + NS_PER_MS);
	wheel_advance(clock_now());
	said("[info] h1: tick 1.0\n[info] h2: tick 1.0\n");
	assert_true(hooks_want_samples());
	hooks_sample("GET", "/x", 5, 7, "late", "k=v", NULL);
	said("[info] h1: GET /x 5 7 late\n[info] h2: GET /x 5 7 late\n");
	hooks_raised("oops", "x.c:1");
	said("[info] h1: oops at x.c:1\n[info] h2: oops at x.c:1\n");
	hooks_test_stopping();
	hooks_test_stopping();
	said("[info] h1: stopping\n[info] h2: stopping\n");
	hooks_spawning_complete(0);
	hooks_test_stop();
	hooks_test_stop();
	said("[info] h2: stop\n[info] h1: stop\n");
	clock_advance(5 * NS_PER_S);
	wheel_advance(clock_now());
	said("");
	/* A second test in the same process, ended by the process's end. */
	hooks_test_start();
	said("[info] h1: start\n[info] h2: start\n");
	hooks_quitting();
	hooks_quitting();
	said("[info] h1: stopping\n[info] h2: stopping\n"
	    "[info] h2: stop\n[info] h1: stop\n"
	    "[info] h2: quit\n[info] h1: quit\n");
	end();
	clock_thaw();
}

/* Nothing before a test; fields left out; a table of an older SDK. */
static void test_parts(void **state)
{
	(void)state;
	load_hooks("h3", "SWARM_IFACE(struct swarm_hooks, 0), "
	    ".test_stop = stop");
	load_hooks("h4", ".head = { offsetof(struct swarm_hooks, "
	    "test_stopping), 0 }, .test_start = start, .quitting = quit");
	begin();
	assert_false(hooks_want_samples());
	hooks_spawning_complete(1);
	hooks_test_stop();
	said("");
	hooks_test_start();
	hooks_quitting();
	said("[info] h4: start\n[info] h3: stop\n");
	end();
}

static void test_role(void **state)
{
	(void)state;
	assert_false(swarm_is_worker());
	module_set_worker(true);
	assert_true(swarm_is_worker());
	module_set_worker(false);
}

/* CPU is warned of once until it has been low; what a module says in a worker
 * comes to the same module, and nothing to who said nothing. */
static void test_machine(void **state)
{
	(void)state;
	assert_non_null(module_open_plugin(kit_build_with("machine",
	    "#include <swarm/swarm.h>\n"
	    "#include <swarm/hooks.h>\n"
	    "static void cpu(double c) { swarm_info(\"high %.0f\", c); }\n"
	    "static void reset(void) { swarm_info(\"reset\"); }\n"
	    "static void gone(const char *w, const char *why) { "
	    "swarm_info(\"%s gone: %s\", w, why); }\n"
	    "static void report(const char *w, const void *d, size_t n) { "
	    "swarm_info(\"%s said %.*s.\", w, (int)n, (const char *)d); }\n"
	    "static void quit(int c) { swarm_info(\"quit %d\", c); }\n"
	    "static const struct swarm_hooks h = { "
	    "SWARM_IFACE(struct swarm_hooks, 0), .cpu_warning = cpu, "
	    ".reset_stats = reset, .worker_lost = gone, "
	    ".worker_report = report, .quit = quit };\n"
	    "SWARM_MODULE(.exports = SWARM_EXPORTS({ SWARM_HOOKS_ID, "
	    "&h.head }));\n", "-Wno-missing-field-initializers")));
	begin();
	buf_clear(&kit_seen);
	hooks_usage(50, 1);
	hooks_usage(95, 1);
	hooks_usage(96, 1);
	hooks_usage(10, 1);
	hooks_usage(91, 1);
	hooks_reset_stats();
	hooks_worker_lost("w1", "quit");
	hooks_worker_data("w1", "machine", "abc", 3);
	hooks_worker_report("w1");
	hooks_worker_report("w2");
	hooks_worker_data("w2", "other", "abc", 3);
	assert_int_equal(hooks_exit_code(), -1);
	hooks_quit(7);
	said("[info] machine: high 95\n"
	    "[info] machine: high 91\n"
	    "[info] machine: reset\n"
	    "[info] machine: w1 gone: quit\n"
	    "[info] machine: w1 said abc.\n"
	    "[info] machine: w2 said .\n"
	    "[info] machine: quit 7\n");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_run, kit_clear),
		cmocka_unit_test_setup(test_parts, kit_clear),
		cmocka_unit_test_setup(test_role, kit_clear),
		cmocka_unit_test_setup(test_machine, kit_clear),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
