/* See the header. */
#include "cluster/relay_numbers.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/master.h"
#include "cluster/numbers.h"
#include "cluster/wire.h"

static struct numbers_list *lists;      /* of each class, from above */
static size_t count;

void relay_numbers_init(size_t class_count)
{
	lists = xcalloc(class_count + 1, sizeof *lists);
	count = class_count;
}

void relay_numbers_release(void)
{
	for (size_t c = 0; c < count; c++)
		free(lists[c].at);
	free(lists);
	lists = NULL;
	count = 0;
}

void relay_numbers_forget(void)
{
	for (size_t c = 0; c < count; c++)
		lists[c].count = 0;
	master_reset_numbers(0);
}

/* Only what was not there before may go below. */
void relay_numbers_take(size_t class, size_t users,
    const struct wire_numbers *news)
{
	struct numbers_list *l = &lists[class];
	struct numbers_list old = { .count = l->count };

	old.at = xcalloc(l->count + 1, sizeof old.at[0]);
	if (l->count > 0)
		memcpy(old.at, l->at, l->count * sizeof old.at[0]);
	if (numbers_decode(l, users, news->data, news->len) == -1)
		log_warn("the master's numbers of users do not fit to those "
		    "before");
	for (size_t i = 0; i < l->count; i++) {
		if (l->at[i] != NUMBERS_NONE &&
		    (i >= old.count || l->at[i] != old.at[i]))
			numbers_add(l->at[i]);
	}
	free(old.at);
}
