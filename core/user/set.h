/* Sets of tasks: copied from a module's data, filtered by tags, checked. */
#ifndef USER_SET_H
#define USER_SET_H

#include "user/user.h"

/* Adds tasks (an array with the module's stride, ending with name == NULL),
 * nested sets too.  0, or -1 after log_error(). */
int set_add_tasks(struct user_set *, const char *module,
    const struct swarm_task *tasks, size_t stride);
/* Adds one, at this host's size; its nested sets have the stride. */
int set_add_task(struct user_set *, const char *module,
    const struct swarm_task *task, size_t stride);
/* Keeps tasks with any of `tags` (NULL or empty: all) and none of `exclude`;
 * a set that becomes empty goes too. */
void set_filter(struct user_set *, char *const *tags, char *const *exclude);
/* Resolves Markov transitions; 0, or -1 after log_error(). */
int set_check(struct user_set *, const char *module, const char *name);
/* Keeps the tasks of these names (ends with NULL) at the top; 0, or -1 after
 * log_error() when there is none of that name. */
int set_keep(struct user_set *, const char *owner, const char *const *names);
/* Each task once, in nested sets too. */
void set_equal_weights(struct user_set *);
void set_release(struct user_set *);

#endif
