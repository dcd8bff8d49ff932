/* finds: opens: the table of example.echo/1 has no size */
#include <swarm/swarm.h>

static const struct swarm_iface table;

SWARM_MODULE(.summary = "a table that does not say its size",
	.exports = SWARM_EXPORTS({ "example.echo/1", &table }));
