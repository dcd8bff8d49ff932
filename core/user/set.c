/*
 * Sets of tasks.  The module's constant data become a tree of our own, so
 * that tags can prune it, setup() can add to it, and a picked task costs no
 * look-up.
 */
#include "user/set.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"

#define DEPTH_MAX 32

static int add_tasks(struct user_set *, const char *module,
    const struct swarm_task *tasks, size_t stride, unsigned depth);

static struct user_set *copy_set(const struct swarm_task_set *def,
    const char *module, size_t stride, unsigned depth)
{
	struct user_set *s;

	if (depth > DEPTH_MAX) {
		log_error("%s: task sets nest deeper than %d; does one "
		    "contain itself?", module, DEPTH_MAX);
		return NULL;
	}
	s = xcalloc(1, sizeof *s);
	s->wait = def->wait;
	s->start = def->start;
	s->stop = def->stop;
	s->flow = def->flow;
	if (add_tasks(s, module, def->tasks, stride, depth) == -1) {
		set_release(s);
		free(s);
		return NULL;
	}
	return s;
}

/* NULL when there are none; the names are copied. */
static struct swarm_transition *copy_transitions(
    const struct swarm_transition *next)
{
	struct swarm_transition *copy;
	size_t n = 0;

	if (next == NULL)
		return NULL;
	while (next[n].task != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof *copy);
	for (size_t i = 0; i < n; i++) {
		copy[i].task = xstrdup(next[i].task);
		copy[i].weight = next[i].weight;
	}
	return copy;
}

static int add_task(struct user_set *s, const char *module,
    const struct swarm_task *task, size_t stride, unsigned depth)
{
	struct user_set *nested = NULL;
	struct user_task *t;

	if ((task->run == NULL) == (task->set == NULL)) {
		log_error("%s: task \"%s\" needs either a function or a set: "
		    "use SWARM_TASK(function) or SWARM_SET(set)", module,
		    task->name);
		return -1;
	}
	if (task->set != NULL) {
		nested = copy_set(task->set, module, stride, depth + 1);
		if (nested == NULL)
			return -1;
	}
	s->tasks = xreallocarray(s->tasks, s->task_count + 1,
	    sizeof s->tasks[0]);
	t = &s->tasks[s->task_count++];
	*t = (struct user_task){
		.name = xstrdup(task->name),
		.run = task->run,
		.set = nested,
		.weight = task->weight > 0 ? task->weight : 1,
		.tags = task->tags != NULL ? xstrdup(task->tags) : NULL,
		.transitions = copy_transitions(task->next),
		.data = task->data,
	};
	if (nested != NULL)
		nested->data = task->data;
	s->weight_sum += t->weight;
	return 0;
}

static int add_tasks(struct user_set *s, const char *module,
    const struct swarm_task *tasks, size_t stride, unsigned depth)
{
	size_t size = stride < sizeof *tasks ? stride : sizeof *tasks;

	for (const char *p = (const char *)tasks; p != NULL; p += stride) {
		struct swarm_task task = { 0 };

		memcpy(&task, p, size);
		if (task.name == NULL)
			break;
		if (add_task(s, module, &task, stride, depth) == -1)
			return -1;
	}
	return 0;
}

int set_add_task(struct user_set *s, const char *module,
    const struct swarm_task *task, size_t stride)
{
	return add_task(s, module, task, stride, 0);
}

int set_add_tasks(struct user_set *s, const char *module,
    const struct swarm_task *tasks, size_t stride)
{
	return add_tasks(s, module, tasks, stride, 0);
}

static void release_task(struct user_task *t)
{
	if (t->set != NULL)
		set_release(t->set);
	free(t->set);
	for (struct swarm_transition *to = t->transitions;
	    to != NULL && to->task != NULL; to++)
		free((char *)(uintptr_t)to->task);
	free(t->transitions);
	free(t->name);
	free(t->tags);
	free(t->next);
}

void set_release(struct user_set *s)
{
	for (size_t i = 0; i < s->task_count; i++)
		release_task(&s->tasks[i]);
	free(s->tasks);
	s->tasks = NULL;
	s->task_count = 0;
}

/* Whether the comma list `tags` holds any of `wanted`. */
static bool has_tag(const char *tags, char *const *wanted)
{
	while (tags != NULL && *tags != '\0') {
		size_t len = strcspn(tags, ", ");

		for (char *const *w = wanted; *w != NULL; w++) {
			if (strlen(*w) == len && memcmp(*w, tags, len) == 0)
				return true;
		}
		tags += len;
		tags += strspn(tags, ", ");
	}
	return false;
}

static void filter(struct user_set *s, char *const *tags,
    char *const *exclude, bool inherited)
{
	size_t kept = 0;

	s->weight_sum = 0;
	for (size_t i = 0; i < s->task_count; i++) {
		struct user_task *t = &s->tasks[i];
		bool wanted = inherited || has_tag(t->tags, tags);
		bool keep = !has_tag(t->tags, exclude);

		if (keep && t->set != NULL) {
			filter(t->set, tags, exclude, wanted);
			keep = t->set->task_count > 0;
		} else if (keep) {
			keep = wanted;
		}
		if (!keep) {
			release_task(t);
			continue;
		}
		s->weight_sum += t->weight;
		s->tasks[kept++] = *t;
	}
	s->task_count = kept;
}

void set_filter(struct user_set *s, char *const *tags, char *const *exclude)
{
	static char *const none[] = { NULL };
	bool all = tags == NULL || tags[0] == NULL;

	filter(s, all ? none : tags, exclude != NULL ? exclude : none, all);
}

static bool named(const char *name, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

int set_keep(struct user_set *s, const char *owner, const char *const *names)
{
	size_t kept = 0;

	for (const char *const *n = names; *n != NULL; n++) {
		size_t i = 0;

		while (i < s->task_count && strcmp(s->tasks[i].name, *n) != 0)
			i++;
		if (i == s->task_count) {
			log_error("user class %s has no task \"%s\"; see "
			    "--list", owner, *n);
			return -1;
		}
	}
	s->weight_sum = 0;
	for (size_t i = 0; i < s->task_count; i++) {
		if (!named(s->tasks[i].name, names)) {
			release_task(&s->tasks[i]);
			continue;
		}
		s->tasks[kept] = s->tasks[i];
		s->weight_sum += s->tasks[kept++].weight;
	}
	s->task_count = kept;
	return 0;
}

void set_equal_weights(struct user_set *s)
{
	for (size_t i = 0; i < s->task_count; i++) {
		s->tasks[i].weight = 1;
		if (s->tasks[i].set != NULL)
			set_equal_weights(s->tasks[i].set);
	}
	s->weight_sum = s->task_count;
}

static int resolve(struct user_set *s, struct user_task *t,
    const char *module, const char *name)
{
	const struct swarm_transition *to = t->transitions;

	free(t->next);
	t->next = xcalloc(s->task_count, sizeof t->next[0]);
	t->next_sum = 0;
	for (; to != NULL && to->task != NULL; to++) {
		size_t i = 0;

		while (i < s->task_count &&
		    strcmp(s->tasks[i].name, to->task) != 0)
			i++;
		if (i == s->task_count) {
			log_error("%s: %s: task \"%s\" goes on to \"%s\", "
			    "which is no task of the same set", module, name,
			    t->name, to->task);
			return -1;
		}
		t->next[i] += to->weight > 0 ? to->weight : 1;
		t->next_sum += to->weight > 0 ? to->weight : 1;
	}
	if (t->next_sum == 0) {
		log_error("%s: %s: a Markov flow needs .next for task \"%s\"",
		    module, name, t->name);
		return -1;
	}
	return 0;
}

int set_check(struct user_set *s, const char *module, const char *name)
{
	for (size_t i = 0; i < s->task_count; i++) {
		struct user_task *t = &s->tasks[i];

		if (s->flow == SWARM_MARKOV &&
		    resolve(s, t, module, name) == -1)
			return -1;
		if (t->set != NULL && set_check(t->set, module, t->name) == -1)
			return -1;
	}
	return 0;
}
