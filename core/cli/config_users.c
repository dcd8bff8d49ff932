/*
 * --config-users, as Locust has it: objects that name a class and give it
 * attributes.  Those of swarm's classes are weight, fixed_count, host and
 * tasks (the names of those to keep); another one is an error, for a class in
 * C has no attributes that could be made up.
 */
#include "cli/config_users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "user/user.h"

static const char *const known[] = { "user_class_name", "weight",
	"fixed_count", "host", "tasks", NULL };

static int wrong(const char *class, const char *key, const char *what)
{
	log_error("--config-users: %s of %s: %s", key, class, what);
	return -1;
}

static int set_weight(struct user_class *c, const json_t *v)
{
	double weight = json_number_value(v);

	if (!json_is_number(v) || weight <= 0)
		return wrong(c->name, "weight", "a number above 0 is needed");
	c->def.weight = weight;
	return 0;
}

static int set_fixed_count(struct user_class *c, const json_t *v)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || n > 1000000000)
		return wrong(c->name, "fixed_count", "a whole number of 0 or "
		    "more is needed");
	c->def.fixed_count = (unsigned)n;
	return 0;
}

static int set_host(struct user_class *c, const json_t *v)
{
	if (!json_is_string(v))
		return wrong(c->name, "host", "text is needed");
	free((char *)(uintptr_t)c->def.host);
	c->def.host = xstrdup(json_string_value(v));
	return 0;
}

static int set_tasks(struct user_class *c, const json_t *v)
{
	size_t n = json_array_size(v);
	const char **names;
	int rc;

	if (!json_is_array(v) || n == 0)
		return wrong(c->name, "tasks", "an array of names is needed");
	names = xcalloc(n + 1, sizeof names[0]);
	for (size_t i = 0; i < n; i++) {
		names[i] = json_string_value(json_array_get(v, i));
		if (names[i] == NULL)
			break;
	}
	rc = names[n - 1] == NULL ? wrong(c->name, "tasks", "an array of "
	    "names is needed") : user_class_keep_tasks(c, names);
	free(names);
	return rc;
}

static int set_one(struct user_class *c, const char *key, const json_t *v)
{
	const char *near;

	if (strcmp(key, "user_class_name") == 0)
		return 0;
	if (strcmp(key, "weight") == 0)
		return set_weight(c, v);
	if (strcmp(key, "fixed_count") == 0)
		return set_fixed_count(c, v);
	if (strcmp(key, "host") == 0)
		return set_host(c, v);
	if (strcmp(key, "tasks") == 0)
		return set_tasks(c, v);
	near = parse_suggest(key, known);
	log_error("--config-users: a class has no attribute \"%s\"%s%s%s; "
	    "there are weight, fixed_count, host and tasks", key,
	    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?" : "");
	return -1;
}

static int apply_object(const json_t *o)
{
	const char *name = json_string_value(json_object_get(o,
	    "user_class_name"));
	struct user_class *c;
	const char *key;
	json_t *value;

	if (!json_is_object(o) || name == NULL) {
		log_error("--config-users: an object with \"user_class_name\" "
		    "is needed");
		return -1;
	}
	c = user_class_find(name);
	if (c == NULL) {
		log_error("--config-users: there is no user class \"%s\"; see "
		    "--list", name);
		return -1;
	}
	json_object_foreach((json_t *)(uintptr_t)o, key, value) {
		if (set_one(c, key, value) == -1)
			return -1;
	}
	return 0;
}

static json_t *load(const char *text)
{
	bool inside = text[strspn(text, " \t\n")] == '{' ||
	    text[strspn(text, " \t\n")] == '[';
	json_error_t error;
	json_t *o = inside ? json_loads(text, JSON_REJECT_DUPLICATES, &error) :
	    json_load_file(text, JSON_REJECT_DUPLICATES, &error);

	if (o == NULL && error.line > 0)
		log_error("--config-users: %s:%d:%d: %s",
		    inside ? "text" : text, error.line, error.column,
		    error.text);
	else if (o == NULL)
		log_error("--config-users: %s", error.text);
	return o;
}

static int apply(const char *item)
{
	json_t *o = load(item);
	int rc = o == NULL ? -1 : 0;

	if (json_is_object(o))
		rc = apply_object(o);
	for (size_t i = 0; rc == 0 && json_is_array(o) &&
	    i < json_array_size(o); i++)
		rc = apply_object(json_array_get(o, i));
	json_decref(o);
	return rc;
}

int config_users_apply(char *const *items)
{
	for (; items != NULL && *items != NULL; items++) {
		if (apply(*items) == -1)
			return -1;
	}
	return 0;
}
