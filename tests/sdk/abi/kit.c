/* The plugin of the two. */
#include "pair.h"

static int slot;

static int twice(struct swarm_user *u, int n)
{
	int *calls = swarm_slot(u, slot);

	return ++*calls > 0 ? 2 * n : 0;
}

static const struct kit_api api = {
	SWARM_IFACE(struct kit_api, 3),
	.twice = twice,
};

static int load(void)
{
	slot = swarm_slot_new(sizeof(int), NULL);
	return 0;
}

SWARM_MODULE(.name = "kit", .load = load,
	.exports = SWARM_EXPORTS({ "swarm.kit/1", &api.head }));
