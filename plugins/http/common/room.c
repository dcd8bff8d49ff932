/* By doubling: what is left behind goes with the task. */
#include "room.h"

#include <swarm/user.h>

#include <string.h>

void room_for(struct swarm_user *u, char **data, size_t *cap, size_t used,
    size_t len, size_t first)
{
	size_t want = *cap ? *cap : first;
	char *grown;

	while (want < used + len + 1)
		want *= 2;
	if (want == *cap)
		return;
	grown = swarm_alloc(u, want);
	if (used > 0)
		memcpy(grown, *data, used);
	*data = grown;
	*cap = want;
}
