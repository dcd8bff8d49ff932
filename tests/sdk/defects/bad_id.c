/* finds: opens: cannot be an interface's id */
#include <swarm/swarm.h>

static const struct swarm_iface table = { sizeof(table), 0 };

SWARM_MODULE(.summary = "an id without vendor and revision",
	.exports = SWARM_EXPORTS({ "echo", &table }));
