/* Options: sources, precedence, mistakes, help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/options.h"

static char said[1024];

static void sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(said, sizeof said, "%s", line);
}

#define PARSE(o, ...) parse(o, (char *[]){ (char[]){ "swarm" }, \
	__VA_ARGS__, NULL })

static int parse(struct options *o, char **argv)
{
	int argc = 0;

	said[0] = '\0';
	while (argv[argc] != NULL)
		argc++;
	return options_parse(o, argc, argv);
}

#define A(text) ((char[]){ text })

static void test_forms(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(&o, A("-f"), A("a.so,b.c"), A("--users=20"),
	    A("-r2.5"), A("-t"), A("1m30s"), A("--headless"), A("-H"),
	    A("http://h"), A("Fast"), A("--"), A("-Odd")), 0);
	assert_int_equal(o.scenarios.count, 2);
	assert_string_equal(o.scenarios.items[1], "b.c");
	assert_int_equal(o.users, 20);
	assert_float_equal(o.spawn_rate, 2.5, 0);
	assert_float_equal(o.run_time, 90, 0);
	assert_true(o.headless);
	assert_int_equal(o.classes.count, 2);
	assert_string_equal(o.classes.items[1], "-Odd");
	assert_true(options_given("users"));
	assert_false(options_given("seed"));
	options_release(&o);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *arg;
		const char *text;
	} cases[] = {
		{ "--headles", "did you mean --headless?" },
		{ "--user=5", "did you mean --users?" },
		{ "--users=many", "\"many\" is no value for --users" },
		{ "--users=-1", "out of range" },
		{ "--run-time=5q", "a time such as" },
		{ "--spawn-rate=nan", "no value for --spawn-rate" },
		{ "--csv", "--csv needs a value" },
		{ "-Q", "unknown option -Q" },
		{ "--headless=maybe", "true or false" },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *arg = strdup(cases[i].arg);

		assert_int_equal(PARSE(&o, arg), -1);
		if (strstr(said, cases[i].text) == NULL)
			fail_msg("%s: %s", cases[i].arg, said);
		options_release(&o);
		free(arg);
	}
}

/* Defaults, a command's, configuration, environment, arguments. */
static void test_precedence(void **state)
{
	char path[] = "/tmp/swarm-options-XXXXXX";
	char config[64];
	int fd = mkstemp(path);
	struct options o;

	(void)state;
	assert_true(fd >= 0);
	dprintf(fd, "# comment\nusers = 10\nspawn-rate: 4\nheadless true\n"
	    "[mqtt]\nkeepalive = 30\n[swarm]\nrun-time 5s\n");
	close(fd);
	snprintf(config, sizeof config, "--config=%s", path);
	setenv("LOCUST_SPAWN_RATE", "7", 1);
	assert_int_equal(PARSE(&o, config, A("--run-time=9s")), 0);
	assert_int_equal(o.users, 10);
	assert_float_equal(o.spawn_rate, 7, 0);
	assert_float_equal(o.run_time, 9, 0);
	assert_true(o.headless);
	/* A section is its module's, not a setting of ours. */
	assert_int_equal(o.settings.count, 0);
	/* A command's default gives way to all of them. */
	assert_int_equal(options_default(&o, "users", "99"), 0);
	assert_int_equal(options_default(&o, "seed", "5"), 0);
	assert_int_equal(o.users, 10);
	assert_int_equal(o.seed, 5);
	options_release(&o);
	unsetenv("LOCUST_SPAWN_RATE");
	unlink(path);
}

static void test_bad_config(void **state)
{
	char path[] = "/tmp/swarm-options-XXXXXX";
	char config[64];
	char where[64];
	int fd = mkstemp(path);
	struct options o;

	(void)state;
	dprintf(fd, "users = 10\nuserz = 3\n");
	close(fd);
	snprintf(config, sizeof config, "--config=%s", path);
	snprintf(where, sizeof where, "%s:2", path);
	assert_int_equal(PARSE(&o, config), -1);
	assert_non_null(strstr(said, where));
	assert_non_null(strstr(said, "did you mean --users?"));
	options_release(&o);
	unlink(path);
	assert_int_equal(PARSE(&o, config), -1);
	assert_non_null(strstr(said, "cannot read"));
	options_release(&o);
}

/* Every visible option is in the help, which fits a terminal. */
static void test_help(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	options_print_help(out, false);
	fclose(out);
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		char name[64];

		snprintf(name, sizeof name, "--%s", t->name);
		if ((strstr(text, name) != NULL) != (t->group != NULL))
			fail_msg("%s", name);
	}
	for (char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		if (len > 80)
			fail_msg("%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
	free(text);
}

/* Names and letters are used once. */
static void test_table(void **state)
{
	(void)state;
	for (const struct option *a = options_table(); a->name != NULL; a++) {
		for (const struct option *b = a + 1; b->name != NULL; b++) {
			assert_string_not_equal(a->name, b->name);
			assert_true(a->letter == 0 || a->letter != b->letter);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_bad_config),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_table),
	};

	log_set_sink(sink, NULL);
	setenv("HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
