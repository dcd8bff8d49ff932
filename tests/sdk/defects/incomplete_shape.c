/* finds: offers: its table of swarm.shape/1 has no tick */
#include <swarm/shape.h>
#include <swarm/swarm.h>

static const struct swarm_shape shape = {
	SWARM_IFACE(struct swarm_shape, 0),
	.name = "flat", .help = "USERS",
};

SWARM_MODULE(.summary = "a shape that is never asked",
	.exports = SWARM_EXPORTS({ SWARM_SHAPE_ID, &shape.head }));
