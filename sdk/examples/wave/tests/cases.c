/* The shape's own functions, as swarm calls them. */
#include <swarm/shape.h>
#include <swarm/swarm.h>
#include <swarm/test.h>

SWARM_IMPORT(swarm_shape, wave, SWARM_SHAPE_ID, 0)

static bool near(double a, double b)
{
	return a - b < 1e-6 && b - a < 1e-6;
}

static void rises_and_falls(struct swarm_user *u)
{
	struct swarm_load load = { 0 };

	(void)u;
	swarm_expect(wave->start("10-50,2m,3") == 0);
	swarm_expect(wave->tick(0, &load) && near(load.users, 10));
	swarm_expect(wave->tick(30, &load) && near(load.users, 30));
	swarm_expect(wave->tick(60, &load) && near(load.users, 50));
	swarm_expect(wave->tick(240, &load) && near(load.users, 10));
	swarm_expect(!wave->tick(360, &load));
}

static void refuses(struct swarm_user *u)
{
	(void)u;
	swarm_expect(wave->start("") == -1);
	swarm_expect(wave->start("10-50") == -1);
	swarm_expect(wave->start("50-10,2m") == -1);
	swarm_expect(wave->start("10-50,2x") == -1);
	swarm_expect(wave->start("10-50,0.1s") == -1);
}

SWARM_TESTS(SWARM_CASE(rises_and_falls), SWARM_CASE(refuses));
