/*
 * Options of modules.  Settings are only noted when they arrive, because a
 * module may be loaded later, for an import; they are given out, strongest
 * first, when all modules are there: -o, the environment, a configuration
 * file, the default.
 */
#include "module/internal.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "module/names.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct setting {
	char *module;
	char *name;
	char *value;
	char *where;                    /* "-o x.y", "swarm.conf:12" */
	bool weak;                      /* of a configuration file */
};

static struct setting *settings;
static size_t setting_count;

struct texts {
	const char **at;
	size_t count;
};

/* Texts that options were given: what one was initialised to is its
 * module's. */
static struct texts stored;
/* Those of them that options had before: a module may still hold them. */
static struct texts replaced;

/* Room for any type's value. */
union value {
	bool b;
	int i;
	int64_t l;
	double d;
	const char *s;
};

const char *module_option_type_name(enum swarm_option_type type)
{
	switch (type) {
	case SWARM_BOOL:
		return "bool";
	case SWARM_INT:
		return "int";
	case SWARM_INT64:
		return "int64";
	case SWARM_DOUBLE:
		return "number";
	case SWARM_STRING:
		return "string";
	case SWARM_DURATION:
		return "duration";
	case SWARM_SIZE:
		return "size";
	}
	return NULL;
}

const char *module_option_form(enum swarm_option_type type)
{
	switch (type) {
	case SWARM_BOOL:
		return "true or false";
	case SWARM_INT:
		return "a whole number between -2147483648 and 2147483647";
	case SWARM_INT64:
		return "a whole number such as 10";
	case SWARM_DOUBLE:
		return "a number such as 0.5";
	case SWARM_STRING:
		return "a text";
	case SWARM_DURATION:
		return "a duration such as 10s, 500ms or 1h20m";
	case SWARM_SIZE:
		return "a size such as 512, 64k or 1.5m";
	}
	return "unknown";
}

bool module_option_at(const struct module *m, size_t i,
    struct swarm_option *out)
{
	list_element(out, sizeof(*out), m->def.options, m->def.option_size,
	    i);
	return out->name != NULL;
}

char *module_option_text(const struct swarm_option *o)
{
	const char *s;

	if (o->flags & SWARM_SECRET)
		return xstrdup("(secret)");
	switch (o->type) {
	case SWARM_BOOL:
		return xstrdup(*(bool *)o->dest ? "true" : "false");
	case SWARM_INT:
		return xasprintf("%d", *(int *)o->dest);
	case SWARM_INT64:
	case SWARM_SIZE:
		return xasprintf("%lld", (long long)*(int64_t *)o->dest);
	case SWARM_DOUBLE:
	case SWARM_DURATION:
		return xasprintf("%.9g", *(double *)o->dest);
	case SWARM_STRING:
		s = *(const char **)o->dest;
		return xstrdup(s ? s : "");
	}
	return xstrdup("");
}

/* "max-wait" and "max_wait" are one name: the first is easier to type, the
 * second is what C allows. */
static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	return *a == *b;
}

static bool find_option(const struct module *m, const char *name,
    struct swarm_option *out)
{
	for (size_t i = 0; module_option_at(m, i, out); i++)
		if (same_name(out->name, name))
			return true;
	return false;
}

const char *module_option_secret(const char *argument)
{
	const char *at = strncmp(argument, "--option=", 9) == 0 ?
	    argument + 9 : strncmp(argument, "-o", 2) == 0 ? argument + 2 :
	    argument;
	const char *dot = strchr(at, '.');
	const char *equals = dot ? strchr(dot, '=') : NULL;
	struct swarm_option o;
	const struct module *m;
	bool secret;
	char *words;

	if (!equals)
		return NULL;
	words = xstrndup(at, (size_t)(equals - at));
	words[dot - at] = '\0';
	m = module_find(words);
	secret = m && find_option(m, words + (dot - at) + 1, &o) &&
	    (o.flags & SWARM_SECRET);
	free(words);
	return secret ? equals + 1 : NULL;
}

static bool in_choices(const char *choices, const char *text)
{
	size_t len = strlen(text);

	while (*choices) {
		size_t n = strcspn(choices, "|");

		if (n == len && memcmp(choices, text, n) == 0)
			return true;
		choices += n + (choices[n] == '|');
	}
	return false;
}

/* 0, or -1 with errno; *out keeps pointing into `text` for a string. */
static int parse_value(const struct swarm_option *o, const char *text,
    union value *out)
{
	int64_t n;

	switch (o->type) {
	case SWARM_BOOL:
		return parse_bool(text, &out->b);
	case SWARM_INT:
		if (parse_int64(text, INT_MIN, INT_MAX, &n) == -1)
			return -1;
		out->i = (int)n;
		return 0;
	case SWARM_INT64:
		return parse_int64(text, INT64_MIN, INT64_MAX, &out->l);
	case SWARM_DOUBLE:
		return parse_double(text, -1e300, 1e300, &out->d);
	case SWARM_DURATION:
		return parse_duration(text, &out->d);
	case SWARM_SIZE:
		return parse_size(text, &out->l);
	case SWARM_STRING:
		errno = EINVAL;
		if (o->choices && !in_choices(o->choices, text))
			return -1;
		out->s = text;
		return 0;
	}
	errno = ENOTSUP;
	return -1;
}

bool module_option_is_default(const struct swarm_option *o)
{
	union value v = { 0 };
	const char *s;

	if (o->deflt && parse_value(o, o->deflt, &v) == -1)
		return false;
	switch (o->type) {
	case SWARM_BOOL:
		return *(bool *)o->dest == v.b;
	case SWARM_INT:
		return *(int *)o->dest == v.i;
	case SWARM_INT64:
	case SWARM_SIZE:
		return *(int64_t *)o->dest == v.l;
	case SWARM_DOUBLE:
	case SWARM_DURATION:
		return *(double *)o->dest == v.d;
	case SWARM_STRING:
		s = *(const char **)o->dest;
		return strcmp(s ? s : "", v.s ? v.s : "") == 0;
	}
	return false;
}

static void add_text(struct texts *t, const char *text)
{
	t->at = xreallocarray(t->at, t->count + 1, sizeof(t->at[0]));
	t->at[t->count++] = text;
}

/* The very text, not one like it. */
static bool has_text(const struct texts *t, const char *text)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->at[i] == text)
			return true;
	return false;
}

static void store(const struct swarm_option *o, const union value *v)
{
	switch (o->type) {
	case SWARM_BOOL:
		*(bool *)o->dest = v->b;
		break;
	case SWARM_INT:
		*(int *)o->dest = v->i;
		break;
	case SWARM_INT64:
	case SWARM_SIZE:
		*(int64_t *)o->dest = v->l;
		break;
	case SWARM_DOUBLE:
	case SWARM_DURATION:
		*(double *)o->dest = v->d;
		break;
	case SWARM_STRING:
		*(const char **)o->dest = xstrdup(v->s);
		add_text(&stored, *(const char **)o->dest);
		break;
	}
}

static void say_bad_value(const struct swarm_option *o, const char *where,
    const char *text)
{
	const char *shown = o->flags & SWARM_SECRET ? "(secret)" : text;
	struct names choices = { 0 };
	const char *near;
	char *words;

	if (o->type != SWARM_STRING || !o->choices) {
		log_error("%s: \"%s\" is not a value for it; give %s", where,
		    shown, module_option_form(o->type));
		return;
	}
	words = xstrdup(o->choices);
	for (char *s = words; *s; s++)
		if (*s == '|')
			*s = ' ';
	names_add_words(&choices, words);
	free(words);
	words = names_join(&choices, "");
	near = names_suggest(&choices, text);
	if (near)
		log_error("%s: \"%s\" is not one of %s; did you mean %s?",
		    where, shown, words, near);
	else
		log_error("%s: \"%s\" is not one of %s", where, shown, words);
	free(words);
	names_release(&choices);
}

/* A module's own mistakes, found before any value is stored. */
static int check_option(const struct module *m, const struct swarm_option *o)
{
	if (!o->dest) {
		log_error("%s: its option \"%s\" has no variable; use "
		    "SWARM_OPTION()", module_shown(m), o->name);
		return -1;
	}
	if (!module_option_type_name(o->type)) {
		log_error("%s: its option \"%s\" has a type (%d) that this "
		    "swarm does not know; update swarm", module_shown(m),
		    o->name, (int)o->type);
		return -1;
	}
	return 0;
}

static void say_unknown(const struct module *m, const char *where,
    const char *name)
{
	struct buf list = BUF_INIT(16384);
	struct names names = { 0 };
	struct swarm_option o;
	const char *near;

	for (size_t i = 0; module_option_at(m, i, &o); i++) {
		names_add(&names, o.name);
		buf_printf(&list, "%s%s%s%s", i ? ", " : "", o.name,
		    o.deflt ? "=" : "", o.deflt ? o.deflt : "");
	}
	near = names_suggest(&names, name);
	if (names.count == 0)
		log_error("%s: %s has no options", where, m->name);
	else if (near)
		log_error("%s: %s has no option \"%s\"; did you mean %s?  "
		    "With their defaults: %s", where, m->name, name, near,
		    buf_str(&list));
	else
		log_error("%s: %s has no option \"%s\"; with their defaults: "
		    "%s", where, m->name, name, buf_str(&list));
	names_release(&names);
	buf_release(&list);
}

/* Whether `s` fits the loaded module `m`; 0, or -1 after log_error(). */
static int check_setting(const struct module *m, const struct setting *s)
{
	struct swarm_option o;
	union value v;

	if (!find_option(m, s->name, &o)) {
		say_unknown(m, s->where, s->name);
		return -1;
	}
	if (check_option(m, &o) == -1)
		return -1;
	if (parse_value(&o, s->value, &v) == -1) {
		say_bad_value(&o, s->where, s->value);
		return -1;
	}
	return 0;
}

int module_option_change(const struct module *m, const char *name,
    const char *value, char *error, size_t size)
{
	struct swarm_option o;
	union value v;

	if (!find_option(m, name, &o)) {
		snprintf(error, size, "%s has no option \"%s\"", m->name,
		    name);
		return -1;
	}
	if (parse_value(&o, value, &v) == -1) {
		snprintf(error, size, "not a value for it; give %s",
		    o.type == SWARM_STRING && o.choices ? o.choices :
		    module_option_form(o.type));
		return -1;
	}
	if (o.type == SWARM_STRING && has_text(&stored,
	    *(const char **)o.dest))
		add_text(&replaced, *(const char **)o.dest);
	store(&o, &v);
	return 0;
}

static struct setting *add_setting(void)
{
	settings = xreallocarray(settings, setting_count + 1,
	    sizeof(settings[0]));
	return &settings[setting_count++];
}

static void drop_last_setting(void)
{
	struct setting *s = &settings[--setting_count];

	free(s->module);
	free(s->name);
	free(s->value);
	free(s->where);
}

void option_forget(void)
{
	while (setting_count > 0)
		drop_last_setting();
	free(settings);
	settings = NULL;
	while (replaced.count > 0)
		free((char *)(uintptr_t)replaced.at[--replaced.count]);
	free(replaced.at);
	free(stored.at);
	replaced = stored = (struct texts){ 0 };
}

int module_set_option(const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	const char *dot = strchr(assignment, '.');
	const struct module *m;
	struct setting *s;

	if (!equals || !dot || dot > equals || dot == assignment ||
	    equals == dot + 1) {
		log_error("-o \"%s\": write MODULE.NAME=VALUE; \"swarm "
		    "--dump MODULE\" lists the names", assignment);
		return -1;
	}
	s = add_setting();
	s->module = xstrndup(assignment, (size_t)(dot - assignment));
	s->name = xstrndup(dot + 1, (size_t)(equals - dot - 1));
	s->value = xstrdup(equals + 1);
	s->where = xasprintf("-o %s.%s", s->module, s->name);
	s->weak = false;
	m = module_find(s->module);
	if (m && check_setting(m, s) == -1) {
		drop_last_setting();
		return -1;
	}
	return 0;
}

void module_set_config(const char *module, const char *name,
    const char *value, const char *where)
{
	struct setting *s = add_setting();

	s->module = xstrdup(module);
	s->name = xstrdup(name);
	s->value = xstrdup(value);
	s->where = xstrdup(where);
	s->weak = true;
}

const char *option_naming(const char *module)
{
	for (size_t i = 0; i < setting_count; i++)
		if (!settings[i].weak &&
		    strcmp(settings[i].module, module) == 0)
			return settings[i].where;
	return NULL;
}

int option_check_unused(void)
{
	struct names names = { 0 };
	int rc = 0;

	for (size_t i = 0; i < module_count(); i++)
		names_add(&names, module_at(i)->name);
	for (size_t i = 0; i < setting_count && rc == 0; i++) {
		const struct setting *s = &settings[i];
		const char *near;
		char *list;

		if (s->weak || names_has(&names, s->module))
			continue;
		near = names_suggest(&names, s->module);
		list = names_join(&names, "none");
		log_error("%s: no module \"%s\" is loaded; %s%s%sloaded: %s",
		    s->where, s->module, near ? "did you mean " : "",
		    near ? near : "", near ? "?  " : "", list);
		free(list);
		rc = -1;
	}
	names_release(&names);
	return rc;
}

static const struct setting *strongest(const struct module *m,
    const char *name, bool weak)
{
	for (size_t i = setting_count; i-- > 0;)
		if (settings[i].weak == weak &&
		    strcmp(settings[i].module, m->name) == 0 &&
		    same_name(settings[i].name, name))
			return &settings[i];
	return NULL;
}

/* SWARM_MODULE_NAME (free()). */
static char *variable_name(const char *module, const char *name)
{
	char *v = xasprintf("SWARM_%s_%s", module, name);

	for (char *s = v; *s; s++)
		*s = isalnum((unsigned char)*s) ?
		    (char)toupper((unsigned char)*s) : '_';
	return v;
}

static int set_from(const struct module *m, const struct swarm_option *o,
    const char *where, const char *text)
{
	union value v;

	if (parse_value(o, text, &v) == -1) {
		say_bad_value(o, where, text);
		return -1;
	}
	store(o, &v);
	log_debug("%s.%s is set by %s", m->name, o->name, where);
	return 0;
}

static int set_one(const struct module *m, const struct swarm_option *o)
{
	const struct setting *s = strongest(m, o->name, false);
	char *variable = variable_name(m->name, o->name);
	const char *text = getenv(variable);
	char *where = NULL;
	int rc = 0;

	if (!s && !text)
		s = strongest(m, o->name, true);
	if (s) {
		rc = set_from(m, o, s->where, s->value);
	} else if (text) {
		rc = set_from(m, o, variable, text);
	} else if (o->deflt) {
		where = xasprintf("%s: the default of %s", module_shown(m),
		    o->name);
		rc = set_from(m, o, where, o->deflt);
	} else if (o->flags & SWARM_REQUIRED) {
		log_error("%s.%s must be set (%s): -o %s.%s=VALUE, or %s=VALUE "
		    "in the environment", m->name, o->name, o->help ? o->help :
		    module_option_form(o->type), m->name, o->name, variable);
		rc = -1;
	}
	free(where);
	free(variable);
	return rc;
}

char *option_unset(const struct module *m)
{
	struct swarm_option o;

	for (size_t i = 0; module_option_at(m, i, &o); i++) {
		char *variable = variable_name(m->name, o.name);
		bool given = strongest(m, o.name, false) || getenv(variable) ||
		    strongest(m, o.name, true);

		free(variable);
		if ((o.flags & SWARM_REQUIRED) && !given)
			return xstrdup(o.name);
	}
	return NULL;
}

int option_apply(struct module *m)
{
	struct swarm_option o;

	for (size_t i = 0; i < setting_count; i++)
		if (strcmp(settings[i].module, m->name) == 0 &&
		    check_setting(m, &settings[i]) == -1)
			return -1;
	for (size_t i = 0; module_option_at(m, i, &o); i++)
		if (check_option(m, &o) == -1 || set_one(m, &o) == -1)
			return -1;
	return 0;
}
