/*
 * User classes: what modules declare and what setup() functions add or
 * change.  The same in every process of a run, so that a class's index means
 * the same everywhere.
 */
#include "user/user.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "user/set.h"

static struct user_class **classes;
static size_t class_count;
/* Whose setup() runs, and how large that module's structs are. */
static const char *owner = "";
static size_t owner_user = sizeof(struct swarm_user_class);
static size_t owner_task = sizeof(struct swarm_task);

size_t user_class_count(void)
{
	return class_count;
}

struct user_class *user_class_at(size_t i)
{
	return i < class_count ? classes[i] : NULL;
}

size_t user_class_index(const char *name)
{
	size_t i = 0;

	while (i < class_count && strcmp(classes[i]->name, name) != 0)
		i++;
	return i;
}

struct user_class *user_class_find(const char *name)
{
	size_t i = user_class_index(name);

	return i < class_count ? classes[i] : NULL;
}

void user_class_set_owner(const char *module, const struct swarm_module *def)
{
	owner = module;
	owner_user = def ? def->user_size : sizeof(struct swarm_user_class);
	owner_task = def ? def->task_size : sizeof(struct swarm_task);
}

static int check_class(const struct swarm_user_class *def)
{
	if (user_class_find(def->name) != NULL) {
		log_error("%s: there are two user classes named \"%s\"; "
		    "rename one", owner, def->name);
		return -1;
	}
	if (!isfinite(def->weight) || def->weight < 0) {
		log_error("%s: user class \"%s\": weight %g is not a number "
		    "of 0 or more", owner, def->name, def->weight);
		return -1;
	}
	return 0;
}

static int add_class(const struct swarm_user_class *def, size_t task_stride)
{
	struct user_class *c;

	if (check_class(def) == -1)
		return -1;
	c = xcalloc(1, sizeof *c);
	c->def = *def;
	c->name = xstrdup(def->name);
	c->def.name = c->name;
	c->def.tasks = NULL;
	c->module = owner;
	if (c->def.weight == 0)
		c->def.weight = 1;
	if (def->host != NULL)
		c->def.host = xstrdup(def->host);
	c->root.wait = def->wait;
	c->root.flow = def->flow;
	classes = xreallocarray(classes, class_count + 1, sizeof classes[0]);
	classes[class_count++] = c;
	return set_add_tasks(&c->root, owner, def->tasks, task_stride);
}

int user_class_add_module(const char *module, const struct swarm_module *def)
{
	size_t stride = def->user_size;
	size_t size = stride < sizeof(struct swarm_user_class) ?
	    stride : sizeof(struct swarm_user_class);

	owner = module;
	for (const char *p = (const char *)def->users; p != NULL; p += stride) {
		struct swarm_user_class one = { 0 };

		memcpy(&one, p, size);
		if (one.name == NULL)
			break;
		if (add_class(&one, def->task_size) == -1)
			return -1;
	}
	return 0;
}

static void free_class(struct user_class *c)
{
	set_release(&c->root);
	free((char *)(uintptr_t)c->def.host);
	free(c->name);
	free(c);
}

static bool listed(char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

static void keep_listed(char *const *names)
{
	size_t kept = 0;

	for (size_t i = 0; i < class_count; i++) {
		if (listed(names, classes[i]->name))
			classes[kept++] = classes[i];
		else
			free_class(classes[i]);
	}
	class_count = kept;
}

int user_class_select(char *const *names, char *const *tags,
    char *const *exclude_tags)
{
	size_t had = 0;
	size_t kept = 0;

	for (char *const *n = names; n != NULL && *n != NULL; n++) {
		if (user_class_find(*n) == NULL) {
			log_error("there is no user class \"%s\"; see --list",
			    *n);
			return -1;
		}
	}
	if (names != NULL && *names != NULL)
		keep_listed(names);
	for (size_t i = 0; i < class_count; i++) {
		struct user_class *c = classes[i];
		size_t tasks = c->root.task_count;

		set_filter(&c->root, tags, exclude_tags);
		had += tasks;
		kept += c->root.task_count;
		if (tasks > 0 && c->root.task_count == 0)
			log_warn("user class %s has no task left by its tags",
			    c->name);
		if (set_check(&c->root, c->module, c->name) == -1)
			return -1;
	}
	if (had > 0 && kept == 0) {
		log_error("no task has the tags asked for; see --list");
		return -1;
	}
	return 0;
}

int user_class_keep_tasks(struct user_class *c, const char *const *names)
{
	return set_keep(&c->root, c->name, names);
}

void user_class_equal_weights(void)
{
	for (size_t i = 0; i < class_count; i++) {
		classes[i]->def.weight = 1;
		set_equal_weights(&classes[i]->root);
	}
}

SWARM_API int swarm_class_add(const struct swarm_user_class *given)
{
	struct swarm_user_class one = { 0 };
	const struct swarm_user_class *def = &one;

	memcpy(&one, given, owner_user < sizeof one ? owner_user : sizeof one);
	if (def->name == NULL || def->name[0] == '\0') {
		log_error("%s: swarm_class_add: a class needs a name", owner);
		return -1;
	}
	if (add_class(def, owner_task) == -1)
		return -1;
	return (int)class_count - 1;
}

SWARM_API int swarm_task_add(int index, const struct swarm_task *given)
{
	struct swarm_task one = { 0 };
	const struct swarm_task *task = &one;

	memcpy(&one, given, owner_task < sizeof one ? owner_task : sizeof one);
	if (index < 0 || (size_t)index >= class_count) {
		log_error("%s: swarm_task_add: there is no class %d", owner,
		    index);
		return -1;
	}
	if (task->name == NULL) {
		log_error("%s: swarm_task_add: a task needs a name", owner);
		return -1;
	}
	return set_add_task(&classes[index]->root, owner, task, owner_task);
}

SWARM_API int swarm_class_weight(const char *name, double weight)
{
	struct user_class *c = user_class_find(name);

	if (c == NULL) {
		log_error("%s: swarm_class_weight: there is no user class "
		    "\"%s\"", owner, name);
		return -1;
	}
	if (!isfinite(weight) || weight <= 0) {
		log_error("%s: swarm_class_weight: weight %g of \"%s\" is "
		    "not above 0", owner, weight, name);
		return -1;
	}
	c->def.weight = weight;
	return 0;
}
