/* Until core/user is in the tree: weak definitions that it replaces. */
#include "user/user.h"

__attribute__((weak)) int user_class_add_module(const char *module,
    const struct swarm_module *def)
{
	(void)module;
	(void)def;
	return 0;
}

__attribute__((weak)) void user_class_set_owner(const char *module)
{
	(void)module;
}

__attribute__((weak)) bool users_where(struct user_where *where)
{
	(void)where;
	return false;
}
