/* A scenario with a load shape of its own, which is taken by itself. */
#include <swarm/shape.h>
#include <swarm/swarm.h>

static void beat(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "SHAPE", "beat");

	swarm_sleep(0.05);
	swarm_done(&t, 0);
}

static bool tick(double seconds, struct swarm_load *load)
{
	load->users = seconds < 1 ? 2 : 5;
	load->spawn_rate = 100;
	return seconds < 2.5;
}

static const struct swarm_shape two_then_five = {
	SWARM_IFACE(struct swarm_shape, 0),
	.name = "two-then-five", .tick = tick,
};

SWARM_MODULE(
	.name = "shaped",
	.users = SWARM_USERS({ .name = "shaped",
		.tasks = SWARM_TASKS(SWARM_TASK(beat)) }),
	.exports = SWARM_EXPORTS({ SWARM_SHAPE_ID, &two_then_five.head }),
);
