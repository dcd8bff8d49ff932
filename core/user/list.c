/* Lists of users that wait without a stack, for arrivals or permission. */
#include "user/internal.h"

void user_list_init(struct user_list *l)
{
	l->first = NULL;
	l->last = &l->first;
	l->count = 0;
}

void user_list_add(struct user_list *l, struct swarm_user *u)
{
	u->list_next = NULL;
	u->list_prev = l->last;
	u->list = l;
	*l->last = u;
	l->last = &u->list_next;
	l->count++;
}

void user_list_remove(struct swarm_user *u)
{
	if (u->list_prev == NULL)
		return;
	*u->list_prev = u->list_next;
	if (u->list_next != NULL)
		u->list_next->list_prev = u->list_prev;
	else
		u->list->last = u->list_prev;
	u->list->count--;
	u->list_prev = NULL;
}

struct swarm_user *user_list_take(struct user_list *l)
{
	struct swarm_user *u = l->first;

	if (u != NULL)
		user_list_remove(u);
	return u;
}
