/* See the header. */
#include "run/classes.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "run/executor.h"
#include "user/user.h"

static const char *name_of(const struct executor *e)
{
	return executor_spec(e)->name;
}

static int take_named(struct executor *e, struct executor **owner)
{
	for (char **name = executor_spec(e)->classes; name != NULL && *name != NULL;
	    name++) {
		size_t i = 0;

		while (i < user_class_count() &&
		    strcmp(user_class_at(i)->name, *name) != 0)
			i++;
		if (i == user_class_count()) {
			log_error("executor %s: there is no user class "
			    "\"%s\"; see --list", name_of(e), *name);
			return -1;
		}
		if (owner[i] != NULL) {
			log_error("user class %s is in two executors, %s and "
			    "%s: give each a class of its own, with the same "
			    "tasks if you like", *name, name_of(owner[i]),
			    name_of(e));
			return -1;
		}
		owner[i] = e;
	}
	return 0;
}

/* The one that takes what is left: NULL in *rest when there is none. */
static int find_rest(struct executor *const *list, size_t count,
    struct executor **rest)
{
	for (size_t i = 0; i < count; i++) {
		if (executor_spec(list[i])->classes != NULL)
			continue;
		if (*rest != NULL) {
			log_error("executors %s and %s both name no classes: "
			    "who has which?", name_of(*rest),
			    name_of(list[i]));
			return -1;
		}
		*rest = list[i];
	}
	return 0;
}

static int give(struct executor *e, struct executor *const *owner)
{
	bool *owned = xcalloc(user_class_count() + 1, sizeof owned[0]);
	bool any = false;

	for (size_t i = 0; i < user_class_count(); i++) {
		owned[i] = owner[i] == e;
		any = any || owned[i];
	}
	executor_set_classes(e, owned);
	free(owned);
	if (any)
		return 0;
	log_error("executor %s has no user class left: the others have them "
	    "all", name_of(e));
	return -1;
}

int classes_share(struct executor *const *list, size_t count)
{
	struct executor **owner = xcalloc(user_class_count() + 1,
	    sizeof owner[0]);
	struct executor *rest = NULL;
	int rc = find_rest(list, count, &rest);

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = take_named(list[i], owner);
	for (size_t i = 0; rc == 0 && i < user_class_count(); i++) {
		if (owner[i] == NULL && rest == NULL)
			log_warn("user class %s is in no executor: it gets no "
			    "users", user_class_at(i)->name);
		owner[i] = owner[i] != NULL ? owner[i] : rest;
	}
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = give(list[i], owner);
	free(owner);
	return rc;
}
