/* -f x.c: compiled once, again when anything it is made of changes, by one
 * process of many, and every way it fails. */
#include "module_kit.h"

#include <fcntl.h>

#define SCENARIO \
	"#include <swarm/swarm.h>\n" \
	"static void t(struct swarm_user *u) { (void)u; }\n" \
	"SWARM_SCENARIO({ .name = \"a\", .tasks = SWARM_TASKS(" \
	"SWARM_TASK(t)) });\n"

/* A compiler that notes each of its runs. */
static void count_runs(void)
{
	char *script = xasprintf("#!/bin/sh\necho run >> %s\nexec cc \"$@\"\n",
	    kit_path("runs"));
	char *path = kit_write("countcc", script);

	chmod(path, 0755);
	unlink(kit_path("runs"));
	setenv("CC", path, 1);
	free(script);
}

static int runs(void)
{
	FILE *f = fopen(kit_path("runs"), "r");
	char line[16];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

static struct module *open_c(const char *name)
{
	module_forget_all();
	buf_clear(&kit_seen);
	return module_open_scenario(kit_path(name));
}

static void test_compiled_once(void **state)
{
	char before[65];
	struct module *m;

	(void)state;
	count_runs();
	kit_write("once.c", SCENARIO);
	m = open_c("once.c");
	assert_non_null(m);
	kit_silent();
	assert_string_equal(m->name, "once");
	assert_string_equal(m->source, kit_path("once.c"));
	assert_non_null(strstr(m->path, "/swarm/once-"));
	assert_int_equal(runs(), 1);
	snprintf(before, sizeof(before), "%s", m->sha256);
	m = open_c("once.c");
	assert_non_null(m);
	assert_int_equal(runs(), 1);
	assert_string_equal(m->sha256, before);
}

static void test_compiled_again(void **state)
{
	(void)state;
	count_runs();
	kit_write("part.h", "#define NAME \"one\"\n");
	kit_write("again.c", "#include \"part.h\"\n" SCENARIO);
	assert_non_null(open_c("again.c"));
	assert_non_null(open_c("again.c"));
	assert_int_equal(runs(), 1);
	/* A header of it. */
	kit_write("part.h", "#define NAME \"two\"\n");
	assert_non_null(open_c("again.c"));
	assert_non_null(open_c("again.c"));
	assert_int_equal(runs(), 2);
	/* Itself. */
	kit_write("again.c", "#include \"part.h\"\n\n" SCENARIO);
	assert_non_null(open_c("again.c"));
	assert_int_equal(runs(), 3);
	/* Flags. */
	setenv("CFLAGS", "-DX=1 -O0", 1);
	assert_non_null(open_c("again.c"));
	assert_int_equal(runs(), 4);
	unsetenv("CFLAGS");
	/* And back: still there. */
	assert_non_null(open_c("again.c"));
	assert_int_equal(runs(), 4);
}

/* The master and its workers. */
static void test_many_at_once(void **state)
{
	pid_t pids[4];
	int status;

	(void)state;
	count_runs();
	kit_write("many.c", SCENARIO);
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(open_c("many.c") ? 0 : 1);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(runs(), 1);
}

static void test_script_line(void **state)
{
	struct module *m;

	(void)state;
	kit_write("part2.h", "#define WEIGHT 3\n");
	kit_write("script.c", "#!/usr/bin/env -S swarm -f\n"
	    "#include \"part2.h\"\n" SCENARIO
	    "_Static_assert(__LINE__ == 6 && WEIGHT == 3, \"lines\");\n");
	m = open_c("script.c");
	assert_non_null(m);
	assert_string_equal(m->name, "script");
}

static void test_own_flags(void **state)
{
	(void)state;
	kit_write("own.c", "/* swarm: cflags=-DDEPTH=3 -lm '-DTEXT=\"a b\"' */"
	    "\n#include <math.h>\nstatic const char text[] = TEXT;\n"
	    "_Static_assert(DEPTH == 3 && sizeof(text) == 4, \"flags\");\n"
	    "double f(double x);\ndouble f(double x) { return tgamma(x); }\n"
	    "static const char *use(void) { return text; }\n"
	    "const char *(*g)(void) = use;\n" SCENARIO);
	assert_non_null(open_c("own.c"));
	kit_silent();
}

/* Opens a source that must fail; what the compiler wrote is in "stderr". */
static void fails(const char *name, const char *text)
{
	int saved = dup(STDERR_FILENO);
	int fd = open(kit_path("stderr"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct module *m;

	kit_write(name, text);
	dup2(fd, STDERR_FILENO);
	m = open_c(name);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	assert_null(m);
	kit_one_error(kit_path(name));
}

static void compiler_said(const char *text)
{
	static char all[65536];
	FILE *f = fopen(kit_path("stderr"), "r");
	size_t n;

	assert_non_null(f);
	n = fread(all, 1, sizeof(all) - 1, f);
	fclose(f);
	all[n] = '\0';
	if (!strstr(all, text))
		fail_msg("no \"%s\" in: %s", text, all);
}

static void test_errors(void **state)
{
	(void)state;
	fails("syntax.c", "int x = ;\n");
	compiler_said("syntax.c:1:9: error: expected expression");
	kit_said("first message above");
	fails("implicit.c", "int f(void); int f(void) { return g(); }\n");
	compiler_said("implicit declaration");
	fails("nohdr.c", "#include <librocket/rocket.h>\n");
	compiler_said("librocket/rocket.h");
	kit_said("there is no librocket/rocket.h; install the package");
	fails("noplugin.c", "#include <swarm/carrierpigeon.h>\n");
	kit_said("the plugin \"carrierpigeon\" is not installed");
	kit_said("swarm plugins");
	setenv("CFLAGS", "-lrocketscience", 1);
	fails("nolib.c", SCENARIO);
	unsetenv("CFLAGS");
	kit_said("the library rocketscience is not installed");
	kit_said("-dev package");
	fails("entry.c", "int nothing;\n");
	kit_said("not a swarm module");
}

static void test_no_compiler(void **state)
{
	char *path = xstrdup(getenv("PATH"));

	(void)state;
	setenv("CC", "no-such-compiler -O3", 1);
	fails("nocc.c", SCENARIO);
	kit_said("CC is \"no-such-compiler -O3\"");
	kit_said("correct or unset CC");
	unsetenv("CC");
	setenv("PATH", kit_dir, 1);
	fails("nocc.c", SCENARIO);
	kit_said("there is no C compiler");
	kit_said("apt install gcc");
	setenv("PATH", path, 1);
	free(path);
}

/* No home that can be written to: a private folder in $TMPDIR. */
static void test_cache_elsewhere(void **state)
{
	struct module *m;
	char *dir;

	(void)state;
	unsetenv("CC");
	setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
	setenv("TMPDIR", kit_dir, 1);
	kit_write("else.c", SCENARIO);
	m = open_c("else.c");
	assert_non_null(m);
	dir = xasprintf("%s/swarm-%u/else-", kit_dir, (unsigned)geteuid());
	assert_non_null(strstr(m->path, dir));
	/* Somebody else could have made it. */
	dir[strlen(dir) - 6] = '\0';
	assert_int_equal(chmod(dir, 0777), 0);
	fails("else.c", SCENARIO);
	kit_said("set XDG_CACHE_HOME");
	assert_int_equal(chmod(dir, 0700), 0);
	setenv("XDG_CACHE_HOME", kit_dir, 1);
	unsetenv("TMPDIR");
	free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_compiled_once, kit_clear),
		cmocka_unit_test_setup(test_compiled_again, kit_clear),
		cmocka_unit_test_setup(test_many_at_once, kit_clear),
		cmocka_unit_test_setup(test_script_line, kit_clear),
		cmocka_unit_test_setup(test_own_flags, kit_clear),
		cmocka_unit_test_setup(test_errors, kit_clear),
		cmocka_unit_test_setup(test_no_compiler, kit_clear),
		cmocka_unit_test_setup(test_cache_elsewhere, kit_clear),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
