/*
 * The page reads classes and settings on its own thread, so a change makes
 * new arrays and the old ones are kept: there are few changes in the life of
 * a process.
 */
#include "cli/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "cluster/master.h"
#include "module/module.h"
#include "run/run.h"
#include "user/user.h"

#define MAX_DEPTH 16                    /* of nested sets of tasks */
#define FIXED "what its setup() makes of the options is made when swarm " \
	"starts"

/* What is shown, at one time. */
struct generation {
	struct generation *older;
	struct web_class *classes;
	size_t class_count;
	struct web_setting *settings;
	size_t setting_count;
};

/* What was changed of a class, beyond its weight and fixed count. */
struct choice {
	bool *off;                      /* tasks, by index; NULL: none */
	char *host;                     /* NULL: not changed */
};

static struct {
	char *const *argv;
	struct generation *now;
	unsigned number;
	struct choice *choices;         /* of each class */
	struct buf options;             /* "MODULE.NAME=VALUE", each with its
	                                 * NUL */
	bool stale;                     /* workers do not know of it yet */
} setup;

/* ---- what is shown ---- */

/* Sets nested deeper are shown as one task. */
static struct web_task *gather_tasks(const struct user_set *set, int depth,
    const bool *off)
{
	struct web_task *tasks = xcalloc(set->task_count + 1, sizeof *tasks);

	for (size_t i = 0; i < set->task_count; i++) {
		const struct user_task *t = &set->tasks[i];

		tasks[i] = (struct web_task){ .name = t->name,
			.weight = t->weight, .off = off != NULL && off[i] };
		if (t->set != NULL && depth < MAX_DEPTH) {
			tasks[i].tasks = gather_tasks(t->set, depth + 1, NULL);
			tasks[i].task_count = t->set->task_count;
		}
	}
	return tasks;
}

static void free_tasks(const struct web_task *tasks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_tasks(tasks[i].tasks, tasks[i].task_count);
	free((void *)(uintptr_t)tasks);
}

static void gather_classes(struct generation *g)
{
	size_t n = user_class_count();

	g->classes = xcalloc(n + 1, sizeof *g->classes);
	g->class_count = n;
	for (size_t i = 0; i < n; i++) {
		const struct user_class *c = user_class_at(i);
		const struct choice *choice = &setup.choices[i];
		const char *host = choice->host != NULL ? choice->host :
		    c->def.host;

		g->classes[i] = (struct web_class){
			.name = c->name,
			.weight = c->def.weight,
			.fixed_count = c->def.fixed_count,
			.host = host != NULL ? xstrdup(host) : NULL,
			.disabled = c->disabled,
			.tasks = gather_tasks(&c->root, 1, choice->off),
			.task_count = c->root.task_count,
		};
	}
}

static void add_settings(struct generation *g, const struct module *m)
{
	struct swarm_option option;
	size_t n = g->setting_count;

	for (size_t i = 0; module_option_at(m, i, &option); i++) {
		g->settings = xreallocarray(g->settings, n + 1,
		    sizeof *g->settings);
		g->settings[n++] = (struct web_setting){
			.module = m->name,
			.name = option.name,
			.type = module_option_type_name(option.type),
			.value = module_option_text(&option),
			.help = option.help,
			.choices = option.choices,
			.secret = option.flags & SWARM_SECRET,
			.fixed = m->def.setup != NULL ? FIXED : NULL,
		};
	}
	g->setting_count = n;
}

static void gather(void)
{
	struct generation *g = xcalloc(1, sizeof *g);

	gather_classes(g);
	for (size_t i = 0; i < module_count(); i++)
		add_settings(g, module_at(i));
	g->older = setup.now;
	setup.now = g;
	setup.number++;
}

static void free_generation(struct generation *g)
{
	for (size_t i = 0; i < g->class_count; i++) {
		free_tasks(g->classes[i].tasks, g->classes[i].task_count);
		free((char *)(uintptr_t)g->classes[i].host);
	}
	for (size_t i = 0; i < g->setting_count; i++)
		free((char *)(uintptr_t)g->settings[i].value);
	free(g->classes);
	free(g->settings);
	free(g);
}

void setup_begin(char *const *argv)
{
	setup.argv = argv;
	setup.choices = xcalloc(user_class_count() + 1, sizeof *setup.choices);
	buf_init(&setup.options, 1u << 20);
	gather();
}

void setup_release(void)
{
	while (setup.now != NULL) {
		struct generation *older = setup.now->older;

		free_generation(setup.now);
		setup.now = older;
	}
	for (size_t i = 0; setup.choices != NULL && i < user_class_count();
	    i++) {
		free(setup.choices[i].off);
		free(setup.choices[i].host);
	}
	free(setup.choices);
	buf_release(&setup.options);
	memset(&setup, 0, sizeof setup);
}

const struct web_class *setup_classes(size_t *count)
{
	*count = setup.now->class_count;
	return setup.now->classes;
}

const struct web_setting *setup_settings(size_t *count)
{
	*count = setup.now->setting_count;
	return setup.now->settings;
}

unsigned setup_number(void)
{
	return setup.number;
}

/* ---- changes ---- */

/* Of all workers; those that somebody else started cannot be told. */
static int check_workers(const char *field, char *error, size_t size)
{
	for (size_t i = 0; i < master_peer_count(); i++) {
		const struct peer *p = master_peer_at(i);

		if (p->pid != 0 || p->state == PEER_MISSING || p->dismissed)
			continue;
		snprintf(error, size, "%s: worker %s was not started by this "
		    "master and keeps what it was given: start it anew with "
		    "that", field, p->id);
		return WEB_BAD_VALUE;
	}
	return 0;
}

static bool listed(const char *const *names, const char *name)
{
	for (; *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

int setup_choose(const char *const *names, char *error, size_t size)
{
	bool changed = false;

	for (const char *const *n = names; *n != NULL; n++) {
		if (user_class_index(*n) == user_class_count()) {
			snprintf(error, size, "user_classes: there is no user "
			    "class \"%.100s\"", *n);
			return WEB_BAD_VALUE;
		}
	}
	for (size_t i = 0; i < user_class_count(); i++) {
		struct user_class *c = user_class_at(i);
		bool off = names[0] != NULL && !listed(names, c->name);

		changed = changed || c->disabled != off;
		c->disabled = off;
	}
	if (changed) {
		run_classes_changed();
		gather();
	}
	return 0;
}

static const struct web_setting *find_setting(const char *name)
{
	for (size_t i = 0; i < setup.now->setting_count; i++) {
		const struct web_setting *s = &setup.now->settings[i];
		size_t len = strlen(s->module);

		if (strncmp(name, s->module, len) == 0 && name[len] == '.' &&
		    strcmp(name + len + 1, s->name) == 0)
			return s;
	}
	return NULL;
}

/* 1: to be changed; 0: it has that value. */
static int check_option(const struct web_pair *p, char *error, size_t size)
{
	const struct web_setting *s = find_setting(p->name);
	int rc;

	if (s == NULL) {
		snprintf(error, size, "%.200s: no loaded module has such an "
		    "option", p->name);
		return WEB_BAD_VALUE;
	}
	if (strcmp(s->value, p->value) == 0)
		return 0;
	if (s->fixed != NULL) {
		snprintf(error, size, "%.200s: %s", p->name, s->fixed);
		return WEB_BAD_VALUE;
	}
	rc = check_workers(p->name, error, size);
	return rc == 0 ? 1 : rc;
}

static void note_option(const struct web_pair *p)
{
	buf_printf(&setup.options, "%s=%s", p->name, p->value);
	buf_putc(&setup.options, '\0');
}

/* A bad value is found before anything of it holds; those before it are not
 * taken back, as their values are good. */
int setup_change_options(const struct web_pair *pairs, char *error,
    size_t size)
{
	bool changed = false;
	int rc = 0;

	for (const struct web_pair *p = pairs; rc >= 0 && p->name != NULL;
	    p++) {
		const struct web_setting *s = find_setting(p->name);
		char why[200];

		rc = check_option(p, error, size);
		if (rc <= 0)
			continue;
		if (module_option_change(module_find(s->module), s->name,
		    p->value, why, sizeof why) == -1) {
			snprintf(error, size, "%.200s: %s", p->name, why);
			rc = WEB_BAD_VALUE;
			continue;
		}
		note_option(p);
		changed = true;
	}
	if (changed) {
		setup.stale = true;
		gather();
	}
	return rc < 0 ? rc : 0;
}

/* ---- a class ---- */

/* What an object asks for, checked whole before any of it holds. */
struct wish {
	size_t index;
	double weight;                  /* 0: as it is */
	int64_t fixed_count;            /* -1: as it is */
	const char *host;               /* NULL: as it is */
	const json_t *tasks;            /* NULL: as they are */
};

static int wrong(char *error, size_t size, const char *field,
    const char *what)
{
	snprintf(error, size, "%s: %s", field, what);
	return WEB_BAD_VALUE;
}

static int read_tasks(struct wish *w, const json_t *v, char *error,
    size_t size)
{
	const struct user_set *set = &user_class_at(w->index)->root;

	if (!json_is_array(v) || json_array_size(v) == 0)
		return wrong(error, size, "tasks",
		    "an array with at least one name is needed");
	for (size_t i = 0; i < json_array_size(v); i++) {
		const char *name = json_string_value(json_array_get(v, i));
		bool found = false;

		for (size_t k = 0; name != NULL && k < set->task_count; k++)
			found = found || strcmp(set->tasks[k].name, name) == 0;
		if (!found)
			return wrong(error, size, "tasks",
			    "the class has no task of that name");
	}
	w->tasks = v;
	return 0;
}

static int read_key(struct wish *w, const char *key, const json_t *v,
    char *error, size_t size)
{
	if (strcmp(key, "user_class_name") == 0)
		return 0;
	if (strcmp(key, "weight") == 0) {
		w->weight = json_number_value(v);
		return json_is_number(v) && w->weight > 0 ? 0 :
		    wrong(error, size, key, "a number above 0 is needed");
	}
	if (strcmp(key, "fixed_count") == 0) {
		w->fixed_count = json_integer_value(v);
		return json_is_integer(v) && w->fixed_count >= 0 &&
		    w->fixed_count <= 1000000000 ? 0 : wrong(error, size, key,
		    "a whole number of 0 or more is needed");
	}
	if (strcmp(key, "host") == 0) {
		w->host = json_string_value(v);
		return json_is_string(v) || json_is_null(v) ? 0 : wrong(error,
		    size, key, "text is needed");
	}
	if (strcmp(key, "tasks") == 0)
		return read_tasks(w, v, error, size);
	return wrong(error, size, key, "a class has weight, fixed_count, host "
	    "and tasks, and nothing of that name");
}

static bool names_task(const json_t *tasks, const char *name)
{
	for (size_t i = 0; i < json_array_size(tasks); i++) {
		if (strcmp(json_string_value(json_array_get(tasks, i)),
		    name) == 0)
			return true;
	}
	return false;
}

static bool same_tasks(const struct choice *c, const struct user_set *set,
    const json_t *tasks)
{
	for (size_t i = 0; i < set->task_count; i++) {
		bool off = !names_task(tasks, set->tasks[i].name);

		if (off != (c->off != NULL && c->off[i]))
			return false;
	}
	return true;
}

static const char *host_of(size_t index)
{
	const char *host = setup.now->classes[index].host;

	return host != NULL ? host : "";
}

static void apply_tasks(struct choice *c, const struct user_set *set,
    const json_t *tasks)
{
	if (c->off == NULL)
		c->off = xcalloc(set->task_count + 1, sizeof *c->off);
	for (size_t i = 0; i < set->task_count; i++)
		c->off[i] = !names_task(tasks, set->tasks[i].name);
}

static int apply_wish(struct wish *w, char *error, size_t size)
{
	struct user_class *c = user_class_at(w->index);
	struct choice *choice = &setup.choices[w->index];
	int rc;

	if (w->tasks != NULL && same_tasks(choice, &c->root, w->tasks))
		w->tasks = NULL;
	if (w->host != NULL && strcmp(host_of(w->index), w->host) == 0)
		w->host = NULL;
	if (w->tasks != NULL || w->host != NULL) {
		rc = check_workers(w->tasks != NULL ? "tasks" : "host", error,
		    size);
		if (rc < 0)
			return rc;
		setup.stale = true;
	}
	if (w->weight > 0)
		c->def.weight = w->weight;
	if (w->fixed_count >= 0)
		c->def.fixed_count = (unsigned)w->fixed_count;
	if (w->host != NULL) {
		free(choice->host);
		choice->host = xstrdup(w->host);
	}
	if (w->tasks != NULL)
		apply_tasks(choice, &c->root, w->tasks);
	run_classes_changed();
	gather();
	return 0;
}

static int change_class(const json_t *o, char *error, size_t size)
{
	const char *name = json_string_value(json_object_get(o,
	    "user_class_name"));
	struct wish w = { .fixed_count = -1 };
	const char *key;
	json_t *value;
	int rc = 0;

	if (name == NULL)
		return wrong(error, size, "user_class_name",
		    "an object with the name of a class is needed");
	w.index = user_class_index(name);
	if (w.index == user_class_count())
		return wrong(error, size, "user_class_name",
		    "there is no user class of that name");
	json_object_foreach((json_t *)(uintptr_t)o, key, value) {
		if (rc == 0)
			rc = read_key(&w, key, value, error, size);
	}
	return rc == 0 ? apply_wish(&w, error, size) : rc;
}

int setup_change_class(const char *json, char *error, size_t size)
{
	json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	int rc = change_class(o, error, size);

	json_decref(o);
	return rc;
}

/* ---- workers ---- */

/* --config-users for what was changed of a class (free()); NULL: nothing. */
static char *class_argument(size_t index)
{
	const struct choice *choice = &setup.choices[index];
	const struct user_class *c = user_class_at(index);
	json_t *o, *tasks;
	char *text;

	if (choice->host == NULL && choice->off == NULL)
		return NULL;
	o = json_pack("{ss}", "user_class_name", c->name);
	if (choice->host != NULL)
		json_object_set_new(o, "host", json_string(choice->host));
	tasks = json_array();
	for (size_t i = 0; choice->off != NULL && i < c->root.task_count; i++)
		if (!choice->off[i])
			json_array_append_new(tasks,
			    json_string(c->root.tasks[i].name));
	if (json_array_size(tasks) > 0)
		json_object_set(o, "tasks", tasks);
	json_decref(tasks);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

static void add(char ***argv, size_t *n, char *text)
{
	*argv = xreallocarray(*argv, *n + 2, sizeof(char *));
	(*argv)[(*n)++] = text;
	(*argv)[*n] = NULL;
}

char **setup_arguments(void)
{
	char **argv = NULL;
	size_t n = 0;

	for (char *const *a = setup.argv + 1; *a != NULL; a++)
		add(&argv, &n, xstrdup(*a));
	for (size_t i = 0; i < setup.options.len;
	    i += strlen(setup.options.data + i) + 1) {
		add(&argv, &n, xstrdup("-o"));
		add(&argv, &n, xstrdup(setup.options.data + i));
	}
	for (size_t i = 0; i < user_class_count(); i++) {
		char *text = class_argument(i);

		if (text == NULL)
			continue;
		add(&argv, &n, xstrdup("--config-users"));
		add(&argv, &n, text);
	}
	return argv;
}

void setup_free_arguments(char **argv)
{
	for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
		free(argv[i]);
	free(argv);
}

void setup_renew_workers(void)
{
	bool any = false;
	char **argv;

	for (size_t i = 0; i < master_peer_count(); i++)
		any = any || master_peer_at(i)->pid != 0;
	if (!setup.stale || !any)
		return;
	argv = setup_arguments();
	master_restart_locals(argv);
	setup_free_arguments(argv);
	setup.stale = false;
}
