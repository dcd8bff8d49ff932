/* What a module says of itself: ABI both ways, structs longer and shorter than
 * this host's, missing entry and symbols, hooks and their order. */
#include "module_kit.h"

#include "user/user.h"

#define HEAD "#include <swarm/swarm.h>\n"
#define TASK HEAD \
	"static void t(struct swarm_user *u) { (void)u; }\n"

/* A module table written by hand, `fields` after the sizes. */
static char *by_hand(const char *name, const char *sizes, const char *fields)
{
	char *text = xasprintf(TASK
	    "static const struct swarm_task tasks[] = { { .name = \"t\", "
	    ".run = t }, { .name = NULL } };\n"
	    "static const struct swarm_user_class users[] = { { .name = "
	    "\"%s-user\", .tasks = tasks }, { .name = NULL } };\n"
	    "static const struct swarm_module m = { .magic = SWARM_MAGIC, "
	    ".abi_major = SWARM_ABI_MAJOR, .abi_minor = SWARM_ABI_MINOR, "
	    ".size = sizeof(m), .user_size = sizeof(users[0]), "
	    ".task_size = sizeof(tasks[0]), "
	    ".option_size = sizeof(struct swarm_option), "
	    ".export_size = sizeof(struct swarm_export), .users = users, "
	    "%s %s };\nSWARM_MODULE_ENTRY_ { return &m; }\n", name, sizes,
	    fields);
	char *so = kit_build_with(name, text, "-Wno-override-init "
	    "-Wno-missing-field-initializers");

	free(text);
	return so;
}

static void refused(const char *path, const char *what, const char *advice)
{
	assert_null(module_open_scenario(path));
	kit_one_error(path);
	kit_said(what);
	kit_said(advice);
	kit_clear(NULL);
}

static void test_good(void **state)
{
	struct module *m = module_open_scenario(kit_build("hello", TASK
	    "SWARM_SCENARIO({ .name = \"web\", .tasks = SWARM_TASKS("
	    "SWARM_TASK(t)) });\n"));

	(void)state;
	assert_non_null(m);
	kit_silent();
	assert_string_equal(m->name, "hello");
	assert_true(m->chosen && m->scenario && !m->loaded);
	assert_int_equal(strlen(m->sha256), 64);
	assert_ptr_equal(module_at(0), m);
	assert_null(module_at(1));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	assert_true(m->loaded);
	assert_non_null(user_class_find("web"));
	/* The same file again is the same module. */
	assert_ptr_equal(module_open_scenario(kit_path("hello.so")), m);
	assert_int_equal(module_count(), 1);
}

static void test_abi(void **state)
{
	(void)state;
	refused(by_hand("newer", ".abi_minor = SWARM_ABI_MINOR + 1,", ""),
	    "newer than the", "update swarm, or rebuild");
	refused(by_hand("major", ".abi_major = SWARM_ABI_MAJOR + 1, "
	    ".abi_minor = 0,", ""), "newer than the",
	    "update swarm, or rebuild");
	refused(by_hand("older", ".abi_major = SWARM_ABI_MAJOR - 1, "
	    ".abi_minor = 900,", ""), "older than the",
	    "rebuild it: cc -shared -fPIC");
	assert_non_null(module_open_scenario(by_hand("first",
	    ".abi_minor = 0,", "")));
	kit_silent();
	refused(by_hand("magic", ".magic = 0x12345678,", ""),
	    "0x12345678 instead", "SWARM_MODULE()");
}

static void test_sizes(void **state)
{
	(void)state;
	refused(by_hand("tiny", ".size = 48,", ""), "impossible sizes",
	    "SWARM_MODULE()");
	refused(by_hand("huge", ".size = 1 << 20,", ""), "impossible sizes",
	    "SWARM_MODULE()");
	refused(by_hand("stride0", ".user_size = 0,", ""),
	    "impossible sizes", "SWARM_MODULE()");
	refused(by_hand("stride9", ".task_size = 41,", ""),
	    "impossible sizes", "SWARM_MODULE()");
	refused(by_hand("stride13", ".executor_size = 13, .executors = "
	    "SWARM_EXECUTORS({ .name = \"all\" }),", ""),
	    "impossible sizes", "SWARM_MODULE()");
}

/* A module of an older SDK: its struct ends before setup, so what lies behind
 * it in memory must not be taken for a hook. */
static void test_shorter(void **state)
{
	struct module *m = module_open_scenario(by_hand("shorter",
	    ".size = offsetof(struct swarm_module, worker_start), "
	    ".worker_start = (int (*)(void))1, .setup = (int (*)(void))1,",
	    ""));

	(void)state;
	assert_non_null(m);
	assert_null(m->def.worker_start);
	assert_null(m->def.setup);
	assert_int_equal(load_all(), 0);
	assert_int_equal(module_worker_start(), 0);
}

/* A module of a newer SDK: longer elements, walked with its strides. */
static void test_longer(void **state)
{
	static const char text[] = TASK
	    "static void s(struct swarm_user *u) { (void)u; }\n"
	    "static int keep; static bool yes;\n"
	    "struct new_task { struct swarm_task t; long more[3]; };\n"
	    "struct new_user { struct swarm_user_class c; long more; };\n"
	    "struct new_option { struct swarm_option o; long more[2]; };\n"
	    "struct new_export { struct swarm_export x; long more; };\n"
	    "struct new_module { struct swarm_module m; long more[9]; };\n"
	    "static const struct new_task tasks[] = {\n"
	    "  { { .name = \"one\", .run = t }, { 7, 7, 7 } },\n"
	    "  { { .name = \"two\", .run = s, .weight = 3 }, { 7, 7, 7 } },\n"
	    "  { { .name = NULL }, { 0 } } };\n"
	    "static const struct new_user users[] = {\n"
	    "  { { .name = \"long-a\", .tasks = &tasks[0].t }, 9 },\n"
	    "  { { .name = \"long-b\", .weight = 2, .tasks = &tasks[1].t }, "
	    "9 },\n  { { .name = NULL }, 0 } };\n"
	    "static const struct new_option options[] = {\n"
	    "  { SWARM_OPTION(keep, \"5\", \"k\"), { 1, 2 } },\n"
	    "  { SWARM_OPTION(yes, \"true\", \"y\"), { 1, 2 } },\n"
	    "  { { .name = NULL }, { 0 } } };\n"
	    "static const struct swarm_iface a = { 8, 4 }, b = { 8, 5 };\n"
	    "static const struct new_export exports[] = {\n"
	    "  { { \"kit.long-a/1\", &a }, 3 }, { { \"kit.long-b/2\", &b }, "
	    "3 },\n  { { NULL, NULL }, 0 } };\n"
	    "static int load(void) { return keep == 5 && yes ? 0 : -1; }\n"
	    "static const struct new_module m = { { .magic = SWARM_MAGIC,\n"
	    "  .abi_major = SWARM_ABI_MAJOR, .abi_minor = SWARM_ABI_MINOR,\n"
	    "  .size = sizeof(m), .user_size = sizeof(users[0]),\n"
	    "  .task_size = sizeof(tasks[0]),\n"
	    "  .option_size = sizeof(options[0]),\n"
	    "  .export_size = sizeof(exports[0]), .users = &users[0].c,\n"
	    "  .options = &options[0].o, .exports = &exports[0].x,\n"
	    "  .load = load }, { 1 } };\n"
	    "SWARM_MODULE_ENTRY_ { return &m.m; }\n";
	struct module *m = module_open_scenario(kit_build("longer", text));
	struct swarm_user_class c;
	struct swarm_task task;

	(void)state;
	assert_non_null(m);
	assert_int_equal(module_interface("kit.long-b/2")->minor, 5);
	assert_int_equal(load_all(), 0);
	assert_true(module_user_at(m, 0, &c));
	assert_string_equal(c.name, "long-a");
	assert_true(module_task_at(m, &c, 1, &task));
	assert_string_equal(task.name, "two");
	assert_int_equal(task.weight, 3);
	assert_false(module_task_at(m, &c, 2, &task));
	assert_true(module_user_at(m, 1, &c));
	assert_string_equal(c.name, "long-b");
	assert_true(c.weight == 2);
	assert_true(module_task_at(m, &c, 0, &task));
	assert_string_equal(task.name, "two");
	assert_false(module_user_at(m, 2, &c));
}

static void test_symbols(void **state)
{
	char *path;

	(void)state;
	path = kit_build("future", HEAD "int swarm_levitate(void);\n"
	    "int swarm_teleport(void);\nstatic int load(void) { return "
	    "swarm_levitate() + swarm_teleport(); }\n"
	    "SWARM_MODULE(.load = load);\n");
	assert_null(module_open_plugin(path));
	kit_one_error(path);
	kit_said("swarm_levitate");
	kit_said("swarm_teleport");
	kit_said("needs a newer swarm");
	kit_clear(NULL);

	path = kit_build("nolink", HEAD "int sqlite3_sleep(int);\nstatic int "
	    "load(void) { return sqlite3_sleep(1); }\n"
	    "SWARM_MODULE(.load = load);\n");
	assert_null(module_open_plugin(path));
	kit_one_error(path);
	kit_said("nothing defines sqlite3_sleep");
	kit_said("-lNAME");
	kit_clear(NULL);

	kit_build("plugins/carrier", HEAD "SWARM_MODULE(.name = \"carrier\");");
	path = kit_build("undeclared", HEAD "int carrier_send(int);\n"
	    "static int load(void) { return carrier_send(1); }\n"
	    "SWARM_MODULE(.load = load);\n");
	assert_null(module_open_plugin(path));
	kit_one_error(path);
	kit_said("carrier_send()");
	kit_said("#include <swarm/carrier.h>");
}

static void test_missing_library(void **state)
{
	char *path, *flags;

	(void)state;
	kit_build("libabsent", "int absent(void);\nint absent(void) "
	    "{ return 0; }\n");
	flags = xasprintf("%s", kit_path("libabsent.so"));
	path = kit_build_with("needy", HEAD "int absent(void);\nstatic int "
	    "load(void) { return absent(); }\nSWARM_MODULE(.load = load);\n",
	    flags);
	free(flags);
	unlink(kit_path("libabsent.so"));
	assert_null(module_open_plugin(path));
	kit_one_error(path);
	kit_said("needs the library");
	kit_said("libabsent.so, which is not installed");
}

static void test_names(void **state)
{
	char *path;
	struct module *m;

	(void)state;
	path = kit_build("bad", HEAD "SWARM_MODULE(.name = \"a.b\");\n");
	assert_null(module_open_plugin(path));
	kit_one_error("\"a.b\" cannot be a module's name");
	kit_clear(NULL);

	assert_non_null(module_open_plugin(kit_build("twin1",
	    HEAD "SWARM_MODULE(.name = \"twin\");\n")));
	assert_null(module_open_plugin(kit_build("twin2",
	    HEAD "SWARM_MODULE(.name = \"twin\");\n")));
	kit_one_error("two modules are called \"twin\"");
	kit_said("twin1.so");
	kit_said("twin2.so");
	kit_clear(NULL);

	/* A scenario called like a plugin gives way, in either order. */
	kit_build("plugins/postal", HEAD "SWARM_MODULE(.summary = \"p\");\n");
	path = kit_build("postal", TASK "SWARM_SCENARIO({ .name = \"p\", "
	    ".tasks = SWARM_TASKS(SWARM_TASK(t)) });\n");
	m = module_open_scenario(path);
	assert_non_null(m);
	assert_string_equal(m->name, "postal");
	assert_non_null(module_open_plugin("postal"));
	assert_string_equal(m->name, "postal-scenario");
	assert_string_equal(module_at(1)->name, "postal");
	kit_silent();
}

static void test_no_users(void **state)
{
	char *path = kit_build("nobody", HEAD "SWARM_MODULE(.summary = "
	    "\"x\");\n");

	(void)state;
	assert_null(module_open_scenario(path));
	kit_one_error(path);
	kit_said("--plugin");
}

static void test_duplicate_classes(void **state)
{
	char *path = kit_build("dup", TASK "SWARM_SCENARIO("
	    "{ .name = \"dup\", .tasks = SWARM_TASKS(SWARM_TASK(t)) }, "
	    "{ .name = \"dup\", .tasks = SWARM_TASKS(SWARM_TASK(t)) });\n");

	(void)state;
	assert_non_null(module_open_scenario(path));
	assert_int_equal(load_all(), -1);
	kit_one_error("dup: there are two user classes named \"dup\"");
}

/* A plugin is loaded before the scenario and before who imports from it. */
static void test_order(void **state)
{
	(void)state;
	kit_build("plugins/base1", "#include <stdlib.h>\n" HEAD
	    "#include <swarm/log.h>\n"
	    "static int load(void) { swarm_info(\"load\"); return 0; }\n"
	    "static void unload(void) { swarm_info(\"unload\"); }\n"
	    "static int ws(void) { swarm_info(\"start\"); return 0; }\n"
	    "static void we(void) { swarm_info(\"stop\"); }\n"
	    "static const struct swarm_iface x = { 8, 0 };\n"
	    "SWARM_MODULE(.load = load, .unload = unload, "
	    ".worker_start = ws, .worker_stop = we, "
	    ".exports = SWARM_EXPORTS({ \"swarm.base1/1\", &x }));\n");
	assert_non_null(module_open_scenario(kit_build("top", TASK
	    "struct base1 { struct swarm_iface head; };\n"
	    "SWARM_IMPORT(base1, b, \"swarm.base1/1\", 0)\n"
	    "static int load(void) { swarm_info(\"load %d\", b != 0); "
	    "return 0; }\n"
	    "static int setup(void) { swarm_info(\"setup\"); return 0; }\n"
	    "static int ws(void) { swarm_info(\"start\"); return 0; }\n"
	    "static void we(void) { swarm_info(\"stop\"); }\n"
	    "static void unload(void) { swarm_info(\"unload\"); }\n"
	    "SWARM_MODULE(.load = load, .setup = setup, .unload = unload, "
	    ".worker_start = ws, .worker_stop = we, .users = SWARM_USERS({ "
	    ".name = \"top\", .tasks = SWARM_TASKS(SWARM_TASK(t)) }));\n")));
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	assert_int_equal(module_worker_start(), 0);
	module_worker_stop();
	module_unload_all();
	assert_string_equal(buf_str(&kit_seen),
	    "[info] base1: load\n[info] top: load 1\n[info] top: setup\n"
	    "[info] base1: start\n[info] top: start\n"
	    "[info] top: stop\n[info] base1: stop\n"
	    "[info] top: unload\n[info] base1: unload\n");
}

static void test_failing_hooks(void **state)
{
	char *path;

	(void)state;
	path = kit_build("mute", HEAD "static int load(void) { return -1; }\n"
	    "SWARM_MODULE(.load = load);\n");
	assert_non_null(module_open_plugin(path));
	assert_int_equal(load_all(), -1);
	kit_one_error(path);
	kit_said("load() failed without saying why");
	kit_clear(NULL);

	path = kit_build("vocal", HEAD "#include <errno.h>\n"
	    "static int load(void) { errno = ENOENT; swarm_error(\"cannot "
	    "read x: %m\"); return -1; }\nSWARM_MODULE(.load = load);\n");
	assert_non_null(module_open_plugin(path));
	assert_int_equal(load_all(), -1);
	kit_one_error("vocal: cannot read x: No such file or directory");
}

static void test_by_address(void **state)
{
	struct module *m = module_open_plugin(kit_build("where", HEAD
	    "static int load(void) { return 0; }\n"
	    "SWARM_MODULE(.load = load);\n"));
	int local = 0;

	(void)state;
	assert_non_null(m);
	assert_true(m->base != 0);
	assert_ptr_equal(module_by_address((const void *)(uintptr_t)
	    m->def.load), m);
	assert_null(module_by_address((const void *)(uintptr_t)&module_count));
	assert_null(module_by_address(&local));
	assert_null(module_by_address(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, kit_clear),
		cmocka_unit_test_setup(test_abi, kit_clear),
		cmocka_unit_test_setup(test_sizes, kit_clear),
		cmocka_unit_test_setup(test_shorter, kit_clear),
		cmocka_unit_test_setup(test_longer, kit_clear),
		cmocka_unit_test_setup(test_symbols, kit_clear),
		cmocka_unit_test_setup(test_missing_library, kit_clear),
		cmocka_unit_test_setup(test_names, kit_clear),
		cmocka_unit_test_setup(test_no_users, kit_clear),
		cmocka_unit_test_setup(test_duplicate_classes, kit_clear),
		cmocka_unit_test_setup(test_order, kit_clear),
		cmocka_unit_test_setup(test_failing_hooks, kit_clear),
		cmocka_unit_test_setup(test_by_address, kit_clear),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
