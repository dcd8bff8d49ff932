/*
 * Reading options: own parser, because getopt_long() accepts abbreviations,
 * and a mistyped --headles must be an error and not a surprise.
 */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "cli/config.h"
#include "module/module.h"

#define TABLE_MAX 128
#define CLASSES_MAX 10000

/* Where a value came from; a later source replaces an earlier one. */
enum source { SOURCE_DEFAULT, SOURCE_COMMAND, SOURCE_CONFIG, SOURCE_ENV,
	SOURCE_ARGS };

static enum source sources[TABLE_MAX];

static const struct option *find(const char *name, size_t len)
{
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		if (strlen(t->name) == len && memcmp(t->name, name, len) == 0)
			return t;
	}
	return NULL;
}

static const struct option *find_letter(char letter)
{
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		if (t->letter == letter)
			return t;
	}
	return NULL;
}

static void list_clear(struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct option_list){ 0 };
}

static void list_add(struct option_list *list, const char *text, size_t len)
{
	list->items = xreallocarray(list->items, list->count + 2,
	    sizeof list->items[0]);
	list->items[list->count++] = xstrndup(text, len);
	list->items[list->count] = NULL;
}

/* Criteria and settings may hold commas; names are separated by them. */
static void list_add_split(const struct option *t, struct option_list *list,
    const char *text)
{
	bool split = t->group != NULL && strcmp(t->group, "Results") != 0 &&
	    strcmp(t->name, "option") != 0 &&
	    strcmp(t->name, "config-users") != 0 &&
	    strcmp(t->name, "executor") != 0;

	while (split && strchr(text, ',') != NULL) {
		size_t len = strcspn(text, ",");

		if (len > 0)
			list_add(list, text, len);
		text += len + 1;
	}
	if (text[0] != '\0')
		list_add(list, text, strlen(text));
}

static int bad_value(const struct option *t, const char *where,
    const char *text)
{
	static const char *const forms[] = {
		[OPTION_FLAG] = "true or false",
		[OPTION_TEXT] = "text",
		[OPTION_INTEGER] = "a whole number",
		[OPTION_NUMBER] = "a number",
		[OPTION_TIME] = "a time such as 30, 90s, 500ms or 1h30m",
		[OPTION_LIST] = "text",
	};

	if (errno == ERANGE && t->kind != OPTION_TIME) {
		log_error("%s: \"%s\" is out of range for --%s: from %g to %g",
		    where, text, t->name, t->min, t->max);
	} else {
		log_error("%s: \"%s\" is no value for --%s: it takes %s",
		    where, text, t->name, forms[t->kind]);
	}
	return -1;
}

static int store(struct options *o, const struct option *t, enum source source,
    const char *where, const char *text)
{
	void *at = (char *)o + t->offset;
	enum source *was = &sources[t - options_table()];
	int rc = 0;

	if (source < *was)
		return 0;
	errno = 0;
	switch (t->kind) {
	case OPTION_FLAG:
		rc = parse_bool(text, at);
		break;
	case OPTION_TEXT:
		free(*(char **)at);
		*(char **)at = xstrdup(text);
		break;
	case OPTION_INTEGER:
		rc = parse_int64(text, (int64_t)t->min, (int64_t)t->max, at);
		break;
	case OPTION_NUMBER:
		rc = parse_double(text, t->min, t->max, at);
		break;
	case OPTION_TIME:
		rc = parse_duration(text, at);
		break;
	case OPTION_LIST:
		if (*was != source)
			list_clear(at);
		list_add_split(t, at, text);
		break;
	}
	if (rc == -1)
		return bad_value(t, where, text);
	*was = source;
	return 0;
}

static int unknown(const char *where, const char *what)
{
	const char *names[TABLE_MAX + 1];
	char *word = xstrndup(what, strcspn(what, "="));
	const char *near;
	size_t n = 0;

	for (const struct option *t = options_table(); t->name != NULL; t++) {
		if (t->group != NULL)
			names[n++] = t->name;
	}
	names[n] = NULL;
	near = parse_suggest(word, names);
	if (near != NULL)
		log_error("%s: unknown option --%s; did you mean --%s?",
		    where, word, near);
	else
		log_error("%s: unknown option --%s; see swarm --help", where,
		    word);
	free(word);
	return -1;
}

static int set_defaults(struct options *o)
{
	memset(sources, 0, sizeof sources);
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		if (t->deflt != NULL && store(o, t, SOURCE_DEFAULT, "defaults",
		    t->deflt) == -1)
			return -1;
	}
	return 0;
}

/* LOCUST_USER_CLASSES: names separated by blanks, when none are given. */
static void classes_from_environment(struct options *o)
{
	const char *names = getenv("LOCUST_USER_CLASSES");

	while (names != NULL && o->classes.count < CLASSES_MAX) {
		size_t len;

		names += strspn(names, " \t");
		len = strcspn(names, " \t");
		if (len == 0)
			return;
		list_add(&o->classes, names, len);
		names += len;
	}
}

static int read_environment(struct options *o)
{
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		const char *text = t->env != NULL ? getenv(t->env) : NULL;

		if (text != NULL && text[0] != '\0' &&
		    store(o, t, SOURCE_ENV, t->env, text) == -1)
			return -1;
	}
	return 0;
}

/* Settings inside [module] are that module's; others are swarm's own. */
static int config_setting(const struct config_setting *s, void *arg)
{
	struct options *o = arg;
	const struct option *t;

	if (s->section != NULL && strcmp(s->section, "swarm") != 0) {
		if (s->element) {
			log_error("%s: an option of a module takes one value",
			    s->where);
			return -1;
		}
		module_set_config(s->section, s->key, s->value, s->where);
		return 0;
	}
	t = find(s->key, strlen(s->key));
	if (t == NULL || t->group == NULL)
		return unknown(s->where, s->key);
	if (s->element && t->kind != OPTION_LIST) {
		log_error("%s: --%s takes one value, not several", s->where,
		    t->name);
		return -1;
	}
	return store(o, t, SOURCE_CONFIG, s->where, s->value);
}

static int read_configs(struct options *o, int argc, char **argv)
{
	const char *home = getenv("HOME");
	const char *given = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			given = argv[i + 1];
		else if (strncmp(argv[i], "--config=", 9) == 0)
			given = argv[i] + 9;
	}
	if (home != NULL) {
		char *path = xasprintf("%s/.swarm.conf", home);
		int rc = config_read(path, false, config_setting, o);

		free(path);
		if (rc == -1)
			return -1;
	}
	if (config_read("swarm.conf", false, config_setting, o) == -1 ||
	    config_read("swarm.toml", false, config_setting, o) == -1)
		return -1;
	return given != NULL ? config_read(given, true, config_setting, o) : 0;
}

/* Stores a flag, or the value in `rest` or in the next argument. */
static int take(struct options *o, const struct option *t, const char *rest,
    int *i, int argc, char **argv)
{
	if (t->kind == OPTION_FLAG && rest == NULL)
		rest = "true";
	if (rest == NULL && *i + 1 >= argc) {
		log_error("--%s needs a value: --%s %s", t->name, t->name,
		    t->value);
		return -1;
	}
	if (rest == NULL)
		rest = argv[++*i];
	return store(o, t, SOURCE_ARGS, "command line", rest);
}

static int read_long(struct options *o, int *i, int argc, char **argv)
{
	const char *arg = argv[*i] + 2;
	size_t len = strcspn(arg, "=");
	const struct option *t = find(arg, len);

	if (t == NULL)
		return unknown("command line", arg);
	return take(o, t, arg[len] == '=' ? arg + len + 1 : NULL, i, argc,
	    argv);
}

static int read_short(struct options *o, int *i, int argc, char **argv)
{
	for (const char *arg = argv[*i] + 1; *arg != '\0'; arg++) {
		const struct option *t = find_letter(*arg);

		if (t == NULL) {
			log_error("command line: unknown option -%c; see "
			    "swarm --help", *arg);
			return -1;
		}
		if (t->kind != OPTION_FLAG)
			return take(o, t, arg[1] != '\0' ? arg + 1 : NULL, i,
			    argc, argv);
		if (store(o, t, SOURCE_ARGS, "command line", "true") == -1)
			return -1;
	}
	return 0;
}

static int read_arguments(struct options *o, int argc, char **argv)
{
	bool only_names = false;

	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		int rc = 0;

		if (only_names || arg[0] != '-' || arg[1] == '\0')
			list_add(&o->classes, arg, strlen(arg));
		else if (strcmp(arg, "--") == 0)
			only_names = true;
		else if (arg[1] == '-')
			rc = read_long(o, &i, argc, argv);
		else
			rc = read_short(o, &i, argc, argv);
		if (rc == -1)
			return -1;
	}
	return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	memset(o, 0, sizeof *o);
	if (set_defaults(o) == -1 || read_configs(o, argc, argv) == -1 ||
	    read_environment(o) == -1 || read_arguments(o, argc, argv) == -1)
		return -1;
	if (o->classes.count == 0)
		classes_from_environment(o);
	o->headless = o->headless && !o->headful;
	return 0;
}

int options_default(struct options *o, const char *name, const char *value)
{
	const struct option *t = find(name, strlen(name));

	if (t == NULL)
		return unknown("command", name);
	return store(o, t, SOURCE_COMMAND, "command", value);
}

bool options_given(const char *name)
{
	const struct option *t = find(name, strlen(name));

	return t != NULL && sources[t - options_table()] >= SOURCE_COMMAND;
}

static char *text_of(const struct options *o, const struct option *t)
{
	const void *at = (const char *)o + t->offset;

	switch (t->kind) {
	case OPTION_FLAG:
		return xstrdup(*(const bool *)at ? "true" : "false");
	case OPTION_TEXT:
		return xstrdup(*(char *const *)at ? *(char *const *)at : "");
	case OPTION_INTEGER:
		return xasprintf("%lld", (long long)*(const int64_t *)at);
	case OPTION_NUMBER:
		return xasprintf("%.9g", *(const double *)at);
	case OPTION_TIME:
		return xasprintf("%.9g s", *(const double *)at);
	case OPTION_LIST:
		break;
	}
	return NULL;
}

char **options_of_group(const struct options *o, const char *group)
{
	char **all = xcalloc(1, sizeof all[0]);
	size_t n = 0;

	for (const struct option *t = options_table(); t->name != NULL; t++) {
		char *text;

		if (t->group == NULL || strcmp(t->group, group) != 0 ||
		    !options_given(t->name) || (text = text_of(o, t)) == NULL)
			continue;
		all = xreallocarray(all, n + 3, sizeof all[0]);
		all[n++] = xstrdup(t->name);
		all[n++] = text;
		all[n] = NULL;
	}
	return all;
}

void options_release(struct options *o)
{
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		void *at = (char *)o + t->offset;

		if (t->kind == OPTION_TEXT)
			free(*(char **)at);
		else if (t->kind == OPTION_LIST)
			list_clear(at);
	}
	list_clear(&o->classes);
	memset(o, 0, sizeof *o);
}
