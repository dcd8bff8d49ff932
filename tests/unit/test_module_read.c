/* Scenarios that are no shared objects: files that another module reads, and
 * the data that tell one function which of its tasks it is to run. */
#include "module_kit.h"

#include <swarm/user.h>

#include "user/user.h"

#define HEAD "#include <swarm/swarm.h>\n#include <stdio.h>\n" \
	"#include <string.h>\n"

/* Reads "x NAME" files: a class of that name, and an import when the file is
 * called so. */
static const char reader[] = HEAD
	"static struct swarm_import wish = { \"swarm.gamma/1\", 0, "
	"(const struct swarm_iface **)&(const struct swarm_iface *){ 0 }, "
	"NULL };\n"
	"static char names[2][32]; static int count;\n"
	"static void run(struct swarm_user *u) { (void)u; }\n"
	"static int read_one(const char *path) {\n"
	"FILE *f = fopen(path, \"r\"); int n = f ? fscanf(f, \"x %31s\", "
	"names[count]) : 0;\n"
	"if (f) fclose(f);\n"
	"if (strstr(path, \"mute\")) return -1;\n"
	"if (n != 1) { swarm_error(\"%s is no .toy file\", path); return -1; "
	"}\n"
	"if (strstr(path, \"wish\")) swarm_import(&wish);\n"
	"count++; return 0; }\n"
	"static int setup(void) { for (int i = 0; i < count; i++) {\n"
	"struct swarm_user_class c = { .name = names[i], .data = names[i], "
	".tasks = SWARM_TASKS(SWARM_TASK(run, .data = &names[i][1])) };\n"
	"if (swarm_class_add(&c) == -1) return -1; } return 0; }\n"
	"SWARM_MODULE(.name = \"toy\", .reads = \".toy\", .read = read_one, "
	".setup = setup);\n";

static void test_found_by_its_ending(void **state)
{
	struct user_class *c;
	struct module *m;

	(void)state;
	kit_build("plugins/toy", reader);
	m = module_open_scenario(kit_write("one.toy", "x anna\n"));
	assert_non_null(m);
	assert_string_equal(m->name, "one");
	assert_string_equal(m->reader->name, "toy");
	assert_int_equal(strlen(m->sha256), 64);
	assert_ptr_equal(module_open_scenario(kit_path("one.toy")), m);
	assert_int_equal(module_count(), 2);
	assert_int_equal(module_bind(), 0);
	assert_int_equal(load_all(), 0);
	kit_silent();
	c = user_class_find("anna");
	assert_non_null(c);
	assert_string_equal(c->def.data, "anna");
	assert_string_equal(c->root.tasks[0].data, "nna");
}

static void test_named_reader_wins(void **state)
{
	struct module *named;

	(void)state;
	kit_build("plugins/toy", reader);
	named = module_open_plugin(kit_build("other", HEAD
	    "static int read_one(const char *p) { swarm_info(\"%s\", p); "
	    "return 0; }\nstatic int setup(void) { return 0; }\n"
	    "SWARM_MODULE(.reads = \".toy\", .read = read_one, .setup = "
	    "setup);\n"));
	assert_non_null(named);
	assert_ptr_equal(module_open_scenario(kit_write("two.toy",
	    "anything"))->reader, named);
	kit_said("two.toy");
}

static void test_refused(void **state)
{
	char *path;

	(void)state;
	kit_build("plugins/toy2", reader);
	path = kit_write("bad.toy2", "nothing");
	/* A plugin of that name which does not read such files. */
	assert_null(module_open_scenario(path));
	kit_one_error(path);
	kit_clear(NULL);

	kit_build("plugins/toy", reader);
	path = kit_write("bad.toy", "nothing");
	assert_null(module_open_scenario(path));
	kit_one_error(path);
	kit_said("is no .toy file");
	kit_clear(NULL);

	path = kit_write("mute.toy", "x m");
	assert_null(module_open_scenario(path));
	kit_one_error(path);
	kit_said("does not say why");
	kit_clear(NULL);

	path = kit_write("open.toy", "x m");
	chmod(path, 0666);
	assert_null(module_open_scenario(path));
	kit_one_error(path);
	kit_said("everybody on this machine");
}

static void test_its_imports(void **state)
{
	char *path = kit_write("wish.toy", "x w");

	(void)state;
	kit_build("plugins/toy", reader);
	assert_non_null(module_open_scenario(path));
	assert_int_equal(module_bind(), -1);
	kit_one_error(path);
	kit_said("needs the interface swarm.gamma/1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_found_by_its_ending, kit_clear),
		cmocka_unit_test_setup(test_named_reader_wins, kit_clear),
		cmocka_unit_test_setup(test_refused, kit_clear),
		cmocka_unit_test_setup(test_its_imports, kit_clear),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
