/* Where plugins are looked for and in which order; lists of strings. */
#include "module_kit.h"

#include "module/find.h"

#define PLUGIN(text) \
	"#include <swarm/swarm.h>\nSWARM_MODULE(.summary = \"" text "\");\n"

static void folder(const char *name)
{
	assert_int_equal(mkdir(kit_path(name), 0755), 0);
}

static void test_order(void **state)
{
	char *both = xasprintf("%s/first:%s/second:%s/absent", kit_dir,
	    kit_dir, kit_dir);
	struct names all = { 0 };
	char *path;

	(void)state;
	folder("first");
	folder("second");
	folder("second/nested");
	folder("swarm");
	folder("swarm/plugins");
	kit_build("second/same", PLUGIN("2"));
	kit_build("first/same", PLUGIN("1"));
	kit_build("second/nested/nested", PLUGIN("n"));
	kit_build("swarm/plugins/data", PLUGIN("d"));
	kit_write("second/readme.txt", "");
	setenv("SWARM_PLUGIN_PATH", both, 1);
	module_init(NULL);
	path = find_plugin("same", false);
	assert_string_equal(path, kit_path("first/same.so"));
	free(path);
	path = find_plugin("same.so", false);
	assert_string_equal(path, kit_path("first/same.so"));
	free(path);
	path = find_plugin("nested", false);
	assert_string_equal(path, kit_path("second/nested/nested.so"));
	free(path);
	path = find_plugin("data", false);
	assert_string_equal(path, kit_path("swarm/plugins/data.so"));
	free(path);
	assert_null(find_plugin("readme.txt", false));
	find_plugin_names(&all);
	assert_true(names_has(&all, "same") && names_has(&all, "nested") &&
	    names_has(&all, "data"));
	assert_false(names_has(&all, "readme.txt"));
	names_release(&all);
	/* The last one is the build tree, known by its include-dirs. */
	assert_string_equal(find_dir_at(find_dir_count() - 1)->what,
	    "build tree");
	assert_string_equal(find_dir_at(find_dir_count() - 1)->path,
	    TEST_BINARY_DIR "/plugins");
	find_include_dirs(&all);
	assert_true(names_has(&all, TEST_SOURCE_DIR "/sdk/include"));
	assert_true(names_has(&all, TEST_BINARY_DIR "/sdk/include"));
	names_release(&all);
	free(both);
}

static void test_installed(void **state)
{
	struct names all = { 0 };
	char *path, *exe;

	(void)state;
	folder("prefix");
	folder("prefix/bin");
	folder("prefix/lib");
	folder("prefix/lib/swarm");
	folder("prefix/lib/swarm/plugins");
	folder("prefix/lib/swarm/scenarios");
	exe = kit_write("prefix/bin/swarm", "");
	unsetenv("SWARM_PLUGIN_PATH");
	kit_build("prefix/lib/swarm/plugins/there", PLUGIN("t"));
	kit_build("prefix/lib/swarm/scenarios/tour", PLUGIN("t"));
	module_init(exe);
	path = find_plugin("there", false);
	assert_string_equal(path,
	    kit_path("prefix/lib/swarm/plugins/there.so"));
	free(path);
	path = find_scenario("tour");
	assert_string_equal(path,
	    kit_path("prefix/lib/swarm/scenarios/tour.so"));
	free(path);
	assert_null(find_scenario("there"));
	find_include_dirs(&all);
	assert_true(names_has(&all, kit_path("prefix/include")));
	names_release(&all);
	module_init(NULL);
}

static void test_current_folder(void **state)
{
	char here[4096];
	struct module *m;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	kit_build("local", PLUGIN("here"));
	assert_int_equal(chdir(kit_dir), 0);
	m = module_open_plugin("local");
	assert_int_equal(chdir(here), 0);
	assert_non_null(m);
	assert_string_equal(m->path, kit_path("local.so"));
	kit_said("from the current folder");
	kit_said(kit_path("local.so"));
	/* But not for an import: only what the user named. */
	assert_null(find_plugin("local", false));
}

static void test_unknown_plugin(void **state)
{
	char *plugins = kit_path("plugins");

	(void)state;
	setenv("SWARM_PLUGIN_PATH", plugins, 1);
	module_init(NULL);
	kit_build("plugins/clickhouse", PLUGIN("p"));
	assert_null(module_open_plugin("clickhous"));
	kit_one_error("there is no plugin \"clickhous\"");
	kit_said("did you mean clickhouse?");
	kit_said(plugins);
	kit_clear(NULL);
	assert_null(module_open_plugin("zzzzzz"));
	kit_one_error("there is no plugin \"zzzzzz\"");
	kit_said("install it, or give its path");
	kit_clear(NULL);
	assert_null(module_open_plugin("./zzzzzz.so"));
	kit_one_error("/zzzzzz.so: there is no such file");
}

static void test_words(void **state)
{
	struct names n = { 0 };
	char *joined;

	(void)state;
	names_add_words(&n, "  a 'b c' d\"e f\"g  h\\ i '' ");
	assert_int_equal(n.count, 5);
	assert_string_equal(n.at[0], "a");
	assert_string_equal(n.at[1], "b c");
	assert_string_equal(n.at[2], "de fg");
	assert_string_equal(n.at[3], "h i");
	assert_string_equal(n.at[4], "");
	assert_null(n.at[5]);
	names_release(&n);
	names_add_words(&n, " \t ");
	assert_int_equal(n.count, 0);
	joined = names_join(&n, "none");
	assert_string_equal(joined, "none");
	free(joined);
	assert_null(names_argv(&n)[0]);
	assert_null(names_suggest(&n, "x"));
}

static void test_stems(void **state)
{
	static const char *const cases[][2] = {
		{ "/a/b/x.so", "x" }, { "x.c", "x" }, { "a.b/x", "x" },
		{ "x.so.c", "x.so" }, { "/", "" }, { ".so", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *stem = find_stem(cases[i][0]);

		assert_string_equal(stem, cases[i][1]);
		free(stem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order, kit_clear),
		cmocka_unit_test_setup(test_installed, kit_clear),
		cmocka_unit_test_setup(test_current_folder, kit_clear),
		cmocka_unit_test_setup(test_unknown_plugin, kit_clear),
		cmocka_unit_test_setup(test_words, kit_clear),
		cmocka_unit_test_setup(test_stems, kit_clear),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
