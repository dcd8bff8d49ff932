/* Imports and exports: which provider is taken, which is refused and why. */
#include "module_kit.h"

#define HEAD "#include <swarm/swarm.h>\n"

/* A plugin that provides `id` with `minor`. */
static void provider(const char *file, const char *id, unsigned minor)
{
	char *text = xasprintf(HEAD
	    "static const struct swarm_iface x = { 8, %u };\n"
	    "static int size;\nSWARM_MODULE(.exports = SWARM_EXPORTS({ "
	    "\"%s\", &x }), .options = SWARM_OPTIONS(SWARM_OPTION(size, "
	    "\"3\", \"s\")));\n", minor, id);

	kit_build(file, text);
	free(text);
}

/* A module that imports `id`; its load() says the minor it got. */
static char *consumer(const char *file, const char *id, unsigned minor)
{
	char *text = xasprintf(HEAD
	    "struct api { struct swarm_iface head; };\n"
	    "SWARM_IMPORT(api, api_, \"%s\", %u)\n"
	    "static int load(void) { swarm_info(\"got %%u\", "
	    "api_->head.minor); return 0; }\n"
	    "SWARM_MODULE(.load = load);\n", id, minor);
	char *so = kit_build(file, text);

	free(text);
	return so;
}

static void test_found_by_itself(void **state)
{
	char *path;

	(void)state;
	provider("plugins/alpha", "swarm.alpha/1", 2);
	path = consumer("c1", "swarm.alpha/1", 2);
	assert_non_null(module_open_plugin(path));
	assert_int_equal(module_count(), 1);
	assert_int_equal(module_bind(), 0);
	assert_int_equal(module_count(), 2);
	assert_false(module_find("alpha")->chosen);
	assert_int_equal(load_all(), 0);
	assert_string_equal(buf_str(&kit_seen), "[info] c1: got 2\n");
	assert_non_null(module_interface("swarm.alpha/1"));
	assert_null(module_interface("swarm.alpha/2"));
}

/* A stranger's plugin is found by the same rule. */
static void test_other_vendor(void **state)
{
	(void)state;
	provider("plugins/omega", "acme.omega/1", 4);
	assert_non_null(module_open_plugin(consumer("c13", "acme.omega/1",
	    0)));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	kit_said("c13: got 4");
}

static void test_absent(void **state)
{
	char *path = consumer("c2", "swarm.nowhere/1", 0);

	(void)state;
	assert_non_null(module_open_plugin(path));
	assert_int_equal(module_bind(), -1);
	kit_one_error(path);
	kit_said("needs the interface swarm.nowhere/1");
	kit_said("no plugin nowhere.so");
	kit_said(kit_path("plugins"));
	kit_said("--plugin PATH");
	kit_clear(NULL);

	path = consumer("c3", "acme.big.rockets/1", 0);
	assert_non_null(module_open_plugin(path));
	assert_int_equal(module_bind(), -1);
	kit_one_error(path);
	kit_said("name the plugin that does with --plugin");
}

/* NAME.so is there, but of an earlier revision of the interface. */
static void test_other_revision(void **state)
{
	char *path;

	(void)state;
	provider("plugins/beta", "swarm.beta/1", 0);
	path = consumer("c4", "swarm.beta/2", 0);
	assert_non_null(module_open_plugin(path));
	assert_int_equal(module_bind(), -1);
	kit_one_error(path);
	kit_said("needs the interface swarm.beta/2");
}

static void test_older_minor(void **state)
{
	char *path;

	(void)state;
	provider("plugins/gamma", "swarm.gamma/1", 1);
	path = consumer("c5", "swarm.gamma/1", 3);
	assert_non_null(module_open_plugin(path));
	assert_int_equal(module_bind(), -1);
	kit_one_error(path);
	kit_said("swarm.gamma/1 of minor 3");
	kit_said("provides minor 1");
	kit_said("gamma.so");
	kit_said("update that plugin");
}

static void test_fast_is_preferred(void **state)
{
	(void)state;
	provider("plugins/delta", "swarm.delta/1", 0);
	provider("plugins/fastdelta", "swarm.delta/1", 1);
	assert_non_null(module_open_plugin(consumer("c6", "swarm.delta/1",
	    0)));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	kit_said("swarm.delta/1 is provided by fastdelta");
	kit_said("--plugin delta takes the other");
	kit_said("c6: got 1");
	assert_null(module_find("delta"));
}

static void test_user_chooses(void **state)
{
	(void)state;
	provider("plugins/eps", "swarm.eps/1", 0);
	provider("plugins/fasteps", "swarm.eps/1", 1);
	assert_non_null(module_open_plugin(consumer("c7", "swarm.eps/1", 0)));
	assert_non_null(module_open_plugin("eps"));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	assert_string_equal(buf_str(&kit_seen), "[info] c7: got 0\n");
	assert_null(module_find("fasteps"));
}

/* -o eps.x=… would be lost on the fast provider. */
static void test_option_chooses(void **state)
{
	(void)state;
	provider("plugins/zeta", "swarm.zeta/1", 0);
	provider("plugins/fastzeta", "swarm.zeta/1", 1);
	assert_int_equal(module_set_option("zeta.size=9"), 0);
	assert_non_null(module_open_plugin(consumer("c8", "swarm.zeta/1",
	    0)));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	kit_said("swarm.zeta/1 is provided by zeta (-o zeta.size)");
	kit_said("c8: got 0");
}

/* The fast one does not know what the scenario's header asks for. */
static void test_fast_too_old(void **state)
{
	(void)state;
	provider("plugins/eta", "swarm.eta/1", 4);
	provider("plugins/fasteta", "swarm.eta/1", 1);
	assert_non_null(module_open_plugin(consumer("c9", "swarm.eta/1", 4)));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	kit_said("fasteta.so is too old a provider of swarm.eta/1");
	kit_said("c9: got 4");
}

/* A fastNAME that provides something else altogether. */
static void test_fast_is_another(void **state)
{
	(void)state;
	provider("plugins/theta", "swarm.theta/1", 2);
	provider("plugins/fasttheta", "acme.theta/1", 7);
	assert_non_null(module_open_plugin(consumer("c10", "swarm.theta/1",
	    0)));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	kit_said("c10: got 2");
}

static void test_only_fast(void **state)
{
	(void)state;
	provider("plugins/fastiota", "swarm.iota/1", 6);
	assert_non_null(module_open_plugin(consumer("c11", "swarm.iota/1",
	    0)));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	kit_said("c11: got 6");
}

/* A provider may include its own header. */
static void test_own_interface(void **state)
{
	(void)state;
	assert_non_null(module_open_plugin(kit_build("own", HEAD
	    "struct api { struct swarm_iface head; };\n"
	    "SWARM_IMPORT(api, api_, \"swarm.kappa/1\", 0)\n"
	    "static const struct api mine = { SWARM_IFACE(struct api, 3) };\n"
	    "static int load(void) { return api_ == &mine ? 0 : -1; }\n"
	    "SWARM_MODULE(.load = load, .exports = SWARM_EXPORTS({ "
	    "\"swarm.kappa/1\", &mine.head }));\n")));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
}

/* One id twice (two source files), another's id, and a chain of plugins. */
static void test_chain(void **state)
{
	(void)state;
	provider("plugins/lambda", "swarm.lambda/1", 1);
	kit_build("plugins/mu", HEAD
	    "struct api { struct swarm_iface head; };\n"
	    "SWARM_IMPORT(api, lambda_, \"swarm.lambda/1\", 0)\n"
	    "SWARM_IMPORT(api, again_, \"swarm.lambda/1\", 1)\n"
	    "static const struct swarm_iface x = { 8, 0 };\n"
	    "static int load(void) { return lambda_ && lambda_ == again_ ? "
	    "0 : -1; }\nSWARM_MODULE(.load = load, .exports = SWARM_EXPORTS("
	    "{ \"swarm.mu/1\", &x }, { \"swarm.hooks/1\", &x }));\n");
	assert_non_null(module_open_plugin(consumer("c12", "swarm.mu/1",
	    0)));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(module_count(), 3);
	assert_int_equal(load_all(), 0);
}

static void count_export(struct module *m, const struct swarm_iface *x,
    void *arg)
{
	unsigned *sum = arg;

	assert_non_null(m);
	*sum += x->minor;
}

static void test_each_export(void **state)
{
	unsigned sum = 0;

	(void)state;
	provider("nu1", "swarm.sink/1", 10);
	provider("nu2", "swarm.sink/1", 200);
	assert_non_null(module_open_plugin(kit_path("nu1.so")));
	assert_non_null(module_open_plugin(kit_path("nu2.so")));
	module_each_export("swarm.sink/1", count_export, &sum);
	assert_int_equal(sum, 210);
	/* Of several, the one that the user named first. */
	assert_int_equal(module_interface("swarm.sink/1")->minor, 10);
}

static void test_bad_exports(void **state)
{
	static const char *const wrong[] = { "http", "http/1", "swarm.x/",
		"swarm.x/one", "swarm x.y/1" };
	char *path;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		char *file = xasprintf("wrong%zu", i);
		char *so = xasprintf("%s.so", file);

		provider(file, wrong[i], 0);
		assert_null(module_open_plugin(kit_path(so)));
		kit_one_error("cannot be an interface's id");
		kit_said(wrong[i]);
		kit_clear(NULL);
		free(so);
		free(file);
	}
	path = kit_build("nosize", HEAD
	    "static const struct swarm_iface x = { 0, 1 };\n"
	    "SWARM_MODULE(.exports = SWARM_EXPORTS({ \"swarm.x/1\", &x }));");
	assert_null(module_open_plugin(path));
	kit_one_error(path);
	kit_said("SWARM_IFACE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_found_by_itself, kit_clear),
		cmocka_unit_test_setup(test_other_vendor, kit_clear),
		cmocka_unit_test_setup(test_absent, kit_clear),
		cmocka_unit_test_setup(test_other_revision, kit_clear),
		cmocka_unit_test_setup(test_older_minor, kit_clear),
		cmocka_unit_test_setup(test_fast_is_preferred, kit_clear),
		cmocka_unit_test_setup(test_user_chooses, kit_clear),
		cmocka_unit_test_setup(test_option_chooses, kit_clear),
		cmocka_unit_test_setup(test_fast_too_old, kit_clear),
		cmocka_unit_test_setup(test_fast_is_another, kit_clear),
		cmocka_unit_test_setup(test_only_fast, kit_clear),
		cmocka_unit_test_setup(test_own_interface, kit_clear),
		cmocka_unit_test_setup(test_chain, kit_clear),
		cmocka_unit_test_setup(test_each_export, kit_clear),
		cmocka_unit_test_setup(test_bad_exports, kit_clear),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
