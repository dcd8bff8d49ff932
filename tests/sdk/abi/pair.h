/* An interface between two modules that were built with different headers. */
#include <swarm/swarm.h>

struct kit_api {
	struct swarm_iface head;
	int (*twice)(struct swarm_user *, int);
};
