/*
 * One table of options: --help, the manual, completion, the environment and
 * both kinds of configuration file say and take the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/completion.h"
#include "cli/options.h"

static char said[2048];
static char *manual;

static void sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(said, sizeof said, "%s", line);
}

/* A value that the option takes and that is not its default, and how it is
 * written when it is read back; NULL for what is not to be set here. */
static const char *value_of(const struct option *t)
{
	static char text[64];

	switch (t->kind) {
	case OPTION_FLAG:
		return "true";
	case OPTION_INTEGER:
		snprintf(text, sizeof text, "%d", t->max < 4321 ? 200 : 4321);
		return text;
	case OPTION_NUMBER:
		return "7.5";
	case OPTION_TIME:
		return "1m30s";
	case OPTION_TEXT:
	case OPTION_LIST:
		return "some text";
	}
	return NULL;
}

/* Whether `o` has the value of value_of(). */
static bool has_value(const struct options *o, const struct option *t)
{
	const void *at = (const char *)o + t->offset;
	const struct option_list *list = at;

	switch (t->kind) {
	case OPTION_FLAG:
		return *(const bool *)at;
	case OPTION_INTEGER:
		return *(const int64_t *)at == (t->max < 4321 ? 200 : 4321);
	case OPTION_NUMBER:
		return *(const double *)at == 7.5;
	case OPTION_TIME:
		return *(const double *)at == 90;
	case OPTION_TEXT:
		return *(char *const *)at != NULL &&
		    strcmp(*(char *const *)at, "some text") == 0;
	case OPTION_LIST:
		return list->count == 1 &&
		    strcmp(list->items[0], "some text") == 0;
	}
	return false;
}

/* --config names a file, and flags that cancel another are not seen alone. */
static bool settable(const struct option *t)
{
	return strcmp(t->name, "config") != 0;
}

static int parse(struct options *o, const char *arg)
{
	char *copy = arg != NULL ? strdup(arg) : NULL;
	char name[] = "swarm";
	char *argv[] = { name, copy, NULL };
	int rc;

	said[0] = '\0';
	rc = options_parse(o, copy != NULL ? 2 : 1, argv);
	free(copy);
	return rc;
}

static void test_command_line(void **state)
{
	(void)state;
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		char arg[256];
		struct options o;

		snprintf(arg, sizeof arg, "--%s=%s", t->name, value_of(t));
		if (!settable(t))
			continue;
		if (parse(&o, arg) == -1 || !has_value(&o, t))
			fail_msg("%s: %s", arg, said);
		options_release(&o);
	}
}

static void test_environment(void **state)
{
	(void)state;
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		struct options o;

		if (t->env == NULL)
			continue;
		setenv(t->env, value_of(t), 1);
		if (parse(&o, NULL) == -1 || !has_value(&o, t))
			fail_msg("%s: %s", t->env, said);
		options_release(&o);
		unsetenv(t->env);
	}
}

static void check_config(const char *suffix, bool toml)
{
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		char path[64], arg[128];
		bool quoted = t->kind == OPTION_TEXT || t->kind == OPTION_LIST
		    || t->kind == OPTION_TIME;
		struct options o;
		FILE *f;
		int rc;

		snprintf(path, sizeof path, "/tmp/swarm-agree-%d%s",
		    (int)getpid(), suffix);
		snprintf(arg, sizeof arg, "--config=%s", path);
		f = fopen(path, "we");
		assert_non_null(f);
		if (toml)
			fprintf(f, quoted ? "[swarm]\n%s = \"%s\"\n" :
			    "%s = %s\n", t->name, value_of(t));
		else
			fprintf(f, "%s = %s\n", t->name, value_of(t));
		fclose(f);
		rc = parse(&o, arg);
		if (t->group == NULL)
			assert_int_equal(rc, -1);
		else if (settable(t) && (rc == -1 || !has_value(&o, t)))
			fail_msg("%s in %s: %s", t->name, suffix, said);
		options_release(&o);
		unlink(path);
	}
}

static void test_config(void **state)
{
	(void)state;
	check_config(".conf", false);
	check_config(".toml", true);
}

/* ---- what is printed ---- */

static char *printed(void (*print)(FILE *, const char *), const char *arg)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print(out, arg);
	fclose(out);
	return text;
}

static void print_help(FILE *out, const char *arg)
{
	(void)arg;
	options_print_help(out, false);
}

/* The command writes to standard output. */
static char *completion(const char *shell)
{
	char path[] = "/tmp/swarm-agree-XXXXXX";
	char name[] = "completion";
	char *argv[] = { name, strdup(shell), NULL };
	char *text = calloc(1, 1 << 20);
	int own = dup(STDOUT_FILENO);
	int fd = mkstemp(path);

	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	assert_int_equal(completion_main(2, argv), 0);
	fflush(stdout);
	dup2(own, STDOUT_FILENO);
	assert_true(pread(fd, text, (1 << 20) - 1, 0) > 0);
	close(own);
	close(fd);
	unlink(path);
	free(argv[1]);
	return text;
}

/* The word, ended by no character of a name. */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (text = strstr(text, word); text != NULL;
	    text = strstr(text + 1, word)) {
		if (!isalnum((unsigned char)text[len]) && text[len] != '-' &&
		    text[len] != '_')
			return true;
	}
	return false;
}

static void test_help(void **state)
{
	char *help = printed(print_help, NULL);

	(void)state;
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		char word[128];

		snprintf(word, sizeof word, "--%s", t->name);
		if (has_word(help, word) != (t->group != NULL))
			fail_msg("--help and %s", word);
		if (t->group == NULL)
			continue;
		snprintf(word, sizeof word, "[%s]",
		    t->env != NULL ? t->env : "");
		if (t->env != NULL && strstr(help, word) == NULL)
			fail_msg("--help lacks %s", word);
	}
	free(help);
}

static void test_completion(void **state)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char *text = completion(shells[i]);

		for (const struct option *t = options_table();
		    t->name != NULL; t++) {
			char word[128];

			snprintf(word, sizeof word, i == 2 ? "-l %s" : "--%s",
			    t->name);
			if (has_word(text, word) != (t->group != NULL))
				fail_msg("%s and %s", shells[i], t->name);
		}
		assert_true(has_word(text, "inspect"));
		free(text);
	}
}

/* ---- the manual ---- */

/* Without mdoc's backslashes. */
static void read_manual(void)
{
	FILE *f = fopen(TEST_SOURCE_DIR "/docs/man/swarm.1", "re");
	size_t len = 0;
	int c;

	assert_non_null(f);
	manual = calloc(1, 1 << 20);
	while ((c = fgetc(f)) != EOF) {
		if (c != '\\')
			manual[len++] = (char)c;
	}
	fclose(f);
}

/* The entry of an option: from its .It to the next; NULL when missing. */
static char *entry(const struct option *t)
{
	char head[128];

	snprintf(head, sizeof head, "Fl -%s", t->name);
	for (char *at = strstr(manual, "\n.It Fl "); at != NULL;
	    at = strstr(at + 1, "\n.It Fl ")) {
		char *line_end = strchr(at + 1, '\n');
		char *line = strndup(at + 1, (size_t)(line_end - at - 1));
		bool found = has_word(line, head);
		char *end = strstr(line_end, "\n.It ");
		char *list_end = strstr(line_end, "\n.El");

		free(line);
		if (end == NULL || (list_end != NULL && list_end < end))
			end = list_end;
		if (found)
			return strndup(at + 1, (size_t)(end - at));
	}
	return NULL;
}

static void test_manual(void **state)
{
	(void)state;
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		char *text = entry(t);
		char word[256];

		if ((text != NULL) != (t->group != NULL))
			fail_msg("swarm.1 and --%s", t->name);
		if (text == NULL)
			continue;
		snprintf(word, sizeof word, ".It Fl %c , Fl -", t->letter);
		if (t->letter != 0 && strstr(text, word) == NULL)
			fail_msg("swarm.1: --%s lacks -%c", t->name,
			    t->letter);
		snprintf(word, sizeof word, ".Ev %s ",
		    t->env != NULL ? t->env : "");
		if (t->env != NULL && strstr(text, word) == NULL)
			fail_msg("swarm.1: --%s lacks %s", t->name, t->env);
		if (t->env == NULL && strstr(text, "\nAlso\n.Ev") != NULL)
			fail_msg("swarm.1: --%s has a variable", t->name);
		snprintf(word, sizeof word, "Default: %s.",
		    t->deflt != NULL ? t->deflt : "");
		if (t->deflt != NULL && strstr(text, word) == NULL)
			fail_msg("swarm.1: --%s lacks \"%s\"", t->name, word);
		free(text);
	}
}

/* No option is in the manual that does not exist. */
static void test_manual_back(void **state)
{
	(void)state;
	for (char *at = strstr(manual, "\n.It Fl "); at != NULL;
	    at = strstr(at + 1, "\n.It Fl ")) {
		char *name = strstr(at, "Fl -") + 4;
		size_t len = strcspn(name, " \n");
		const struct option *t = options_table();

		while (t->name != NULL && (strlen(t->name) != len ||
		    memcmp(t->name, name, len) != 0))
			t++;
		if (t->name == NULL)
			fail_msg("swarm.1: --%.*s does not exist", (int)len,
			    name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_manual_back),
	};
	int rc;

	log_set_sink(sink, NULL);
	setenv("HOME", "/nonexistent", 1);
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		if (t->env != NULL)
			unsetenv(t->env);
	}
	read_manual();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	free(manual);
	return rc;
}
