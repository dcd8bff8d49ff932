/*
 * The master's copy of what it was started with.
 */
#include "cluster/master_internal.h"

#include <stdlib.h>

#include "base/xalloc.h"

static void free_argv(char **argv)
{
	for (char **at = argv; at != NULL && *at != NULL; at++)
		free(*at);
	free(argv);
}

void master_options_set_argv(struct master_options *o, char *const *argv)
{
	char **copy;
	size_t n = 0;

	while (argv != NULL && argv[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(argv[i]);
	free_argv(o->worker_argv);
	o->worker_argv = copy;
}

void master_options_copy(struct master_options *to,
    const struct master_options *o)
{
	char **names = xcalloc(o->class_count + 1, sizeof *names);

	*to = *o;
	for (size_t i = 0; i < o->class_count; i++)
		names[i] = xstrdup(o->class_names[i]);
	to->class_names = (const char *const *)names;
	to->split_by = xstrdup(o->split_by != NULL ? o->split_by : "");
	to->worker_argv = NULL;
	master_options_set_argv(to, o->worker_argv);
}

void master_options_release(struct master_options *o)
{
	for (size_t i = 0; i < o->class_count; i++)
		free((char *)(uintptr_t)o->class_names[i]);
	free((char **)(uintptr_t)o->class_names);
	free((char *)(uintptr_t)o->split_by);
	free_argv(o->worker_argv);
}
