/*
 * --show-task-ratio: each class's share of the users and each task's share
 * within its class and of all, as Locust prints them.
 */
#include <stdio.h>

#include <jansson.h>

#include "cli/role.h"
#include "user/user.h"

static double weight_sum(void)
{
	double sum = 0;

	for (size_t i = 0; i < user_class_count(); i++)
		sum += user_class_at(i)->def.weight;
	return sum;
}

static void print_tasks(const struct user_set *s, double share, int indent)
{
	for (size_t k = 0; k < s->task_count; k++) {
		const struct user_task *t = &s->tasks[k];
		double part = share * (double)t->weight /
		    (double)s->weight_sum;

		printf("%*s * %.1f%% %s\n", indent, "", 100 * part, t->name);
		if (t->set != NULL)
			print_tasks(t->set, part, indent + 2);
	}
}

static void print_text(bool total, double sum)
{
	printf("\nTask ratio %s\n--------------------\n",
	    total ? "in total" : "per user class");
	for (size_t i = 0; i < user_class_count(); i++) {
		const struct user_class *c = user_class_at(i);
		double share = sum > 0 ? c->def.weight / sum : 0;

		printf(" * %.1f%% %s\n", 100 * share, c->name);
		print_tasks(&c->root, total ? share : 1, 2);
	}
}

static json_t *tasks_json(const struct user_set *s, double share)
{
	json_t *tasks = json_object();

	for (size_t k = 0; k < s->task_count; k++) {
		const struct user_task *t = &s->tasks[k];
		double part = share * (double)t->weight /
		    (double)s->weight_sum;
		json_t *one = json_pack("{s:f}", "ratio", part);

		if (t->set != NULL)
			json_object_set_new(one, "tasks",
			    tasks_json(t->set, part));
		json_object_set_new(tasks, t->name, one);
	}
	return tasks;
}

static json_t *to_json(bool total, double sum)
{
	json_t *classes = json_object();

	for (size_t i = 0; i < user_class_count(); i++) {
		const struct user_class *c = user_class_at(i);
		double share = sum > 0 ? c->def.weight / sum : 0;

		json_object_set_new(classes, c->name, json_pack("{s:f,s:o}",
		    "ratio", share, "tasks",
		    tasks_json(&c->root, total ? share : 1)));
	}
	return classes;
}

int ratio_print(bool json)
{
	double sum = weight_sum();
	json_t *all;

	if (!json) {
		print_text(false, sum);
		print_text(true, sum);
		return EXIT_PASSED;
	}
	all = json_pack("{s:o,s:o}", "per_class", to_json(false, sum),
	    "total", to_json(true, sum));
	json_dumpf(all, stdout, JSON_INDENT(4));
	printf("\n");
	json_decref(all);
	return EXIT_PASSED;
}
