/* finds: offers: its table of swarm.sink/1 has no interval */
#include <swarm/sink.h>
#include <swarm/swarm.h>

static void *start(const struct swarm_sink_start *s)
{
	return (void *)(uintptr_t)s;
}

static const struct swarm_sink sink = {
	SWARM_IFACE(struct swarm_sink, 0),
	.name = "nowhere", .help = "nothing", .start = start,
};

SWARM_MODULE(.summary = "an output that takes nothing",
	.exports = SWARM_EXPORTS({ SWARM_SINK_ID, &sink.head }));
