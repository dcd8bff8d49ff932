/* Each user asks for names of a domain. */
#include <dns.h>
#include <swarm/swarm.h>

static void look_up(struct swarm_user *u)
{
	const char *name = swarm_printf(u, "host%u.test", swarm_user_id(u));

	if (dns_query(u, name, DNS_A) == 0)
		swarm_raise(u, "%s has no address", name);
}

SWARM_SCENARIO({
	.name  = "resolver",
	.wait  = SWARM_CONSTANT(0.01),
	.tasks = SWARM_TASKS(SWARM_TASK(look_up)),
});
