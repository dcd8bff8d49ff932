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

static void write_config(char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_toml(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} wrong[] = {
		{ "users = 10 20\n", ":1:12: something follows" },
		{ "users 10\n", ":1:7: = belongs here" },
		{ "\nhost = \"a\n", ":2:10: the string is not closed" },
		{ "host = http\n", ":1:8: no value" },
		{ "users = 0x10\n", ":1:9: no value" },
		{ "users = 010\n", ":1:9: no value" },
		{ "users = 1_\n", ":1:9: no value" },
		{ "host = \"\\q\"\n", ":1:10: an unknown escape" },
		{ "host = \"\\ud800\"\n", ":1:10: this is no character" },
		{ "[[a]]\n", ":1:1: tables in arrays" },
		{ "[a.b]\n", ":1:3: sections have no parts" },
		{ "a.b = 1\n", ":1:2: names have no parts" },
		{ "a = { b = 1 }\n", ":1:5: inline tables" },
		{ "a = [[1]]\n", ":1:6: arrays in arrays" },
		{ "tags = [\"a\" \"b\"]\n", ":1:13: a comma or ]" },
		{ "host = \"\"\"x\"\"\"\n", ":1:8: strings over several" },
		{ "users = [1, 2]\n", ":1: --users takes one value" },
		{ "[mqtt]\nqos = [1]\n", ":2: an option of a module" },
		{ "userz = 1\n", "did you mean --users?" },
		{ "users = \"many\"\n", ":1: \"many\" is no value" },
		{ "when = 2024-01-01\n", ":1:8: no value" },
	};
	char path[] = "/tmp/swarm-options-XXXXXX.toml";
	char config[64];
	struct options o;

	(void)state;
	close(mkstemps(path, 5));
	snprintf(config, sizeof config, "--config=%s", path);
	write_config(path, "# all of it\r\nusers = 1_000 # many\n"
	    "'spawn-rate' = 2.5e1\nheadless = true\nposition = 1\n");
	assert_int_equal(PARSE(&o, config), -1);
	options_release(&o);
	write_config(path, "# all of it\r\nusers = 1_000 # many\n"
	    "'spawn-rate' = 2.5e1\nheadless = true\n\n"
	    "host = \"http://h/\\u00e9\\t\\\"\"\n"
	    "tags = [\n  \"a\", # one\n  'b\\',\n]\n"
	    "[mqtt]\nqos = 1\n[ swarm ]\nrun-time = '1m'\n");
	assert_int_equal(PARSE(&o, config), 0);
	assert_int_equal(o.users, 1000);
	assert_float_equal(o.spawn_rate, 25, 0);
	assert_true(o.headless);
	assert_string_equal(o.host, "http://h/\xc3\xa9\t\"");
	assert_int_equal(o.tags.count, 2);
	assert_string_equal(o.tags.items[1], "b\\");
	assert_float_equal(o.run_time, 60, 0);
	options_release(&o);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		write_config(path, wrong[i].text);
		if (PARSE(&o, config) != -1)
			fail_msg("taken: %s", wrong[i].text);
		if (strstr(said, wrong[i].message) == NULL)
			fail_msg("%s: %s", wrong[i].text, said);
		options_release(&o);
	}
	unlink(path);
}

/* ~/.swarm.conf, ./swarm.conf, ./swarm.toml, --config, variable, argument:
 * each hides those before. */
static void test_order(void **state)
{
	char folder[] = "/tmp/swarm-order-XXXXXX";
	char here[4096];
	struct options o;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_non_null(getcwd(here, sizeof here));
	assert_int_equal(chdir(folder), 0);
	setenv("HOME", folder, 1);
	write_config((char[]){ ".swarm.conf" }, "users=1\nqueue=1\nseed=1\n"
	    "web-port=1\nmaster-port=1\nexpect-workers=1\nheadless=true\n");
	write_config((char[]){ "swarm.conf" }, "queue=2\nseed=2\nweb-port=2\n"
	    "master-port=2\nexpect-workers=2\nheadless=false\n");
	write_config((char[]){ "swarm.toml" }, "seed=3\nweb-port=3\n"
	    "master-port=3\nexpect-workers=3\n");
	write_config((char[]){ "mine" }, "web-port=4\nmaster-port=4\n"
	    "expect-workers=4\n");
	setenv("LOCUST_MASTER_NODE_PORT", "5", 1);
	setenv("LOCUST_EXPECT_WORKERS", "5", 1);
	assert_int_equal(PARSE(&o, A("--config=mine"),
	    A("--expect-workers=6")), 0);
	assert_int_equal(o.users, 1);
	assert_int_equal(o.queue, 2);
	assert_int_equal(o.seed, 3);
	assert_int_equal(o.web_port, 4);
	assert_int_equal(o.master_port, 5);
	assert_int_equal(o.expect_workers, 6);
	assert_false(o.headless);
	options_release(&o);
	unsetenv("LOCUST_MASTER_NODE_PORT");
	unsetenv("LOCUST_EXPECT_WORKERS");
	setenv("HOME", "/nonexistent", 1);
	unlink(".swarm.conf");
	unlink("swarm.conf");
	unlink("swarm.toml");
	unlink("mine");
	assert_int_equal(chdir(here), 0);
	rmdir(folder);
}

static void test_classes(void **state)
{
	struct options o;

	(void)state;
	setenv("LOCUST_USER_CLASSES", " Slow  Fast ", 1);
	assert_int_equal(PARSE(&o, A("--headless"), A("--headful")), 0);
	assert_false(o.headless);
	assert_int_equal(o.classes.count, 2);
	assert_string_equal(o.classes.items[1], "Fast");
	options_release(&o);
	assert_int_equal(PARSE(&o, A("Other")), 0);
	assert_int_equal(o.classes.count, 1);
	options_release(&o);
	unsetenv("LOCUST_USER_CLASSES");
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
		cmocka_unit_test(test_toml),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_table),
	};

	log_set_sink(sink, NULL);
	setenv("HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
