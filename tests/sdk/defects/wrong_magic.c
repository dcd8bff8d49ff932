/* finds: opens: does not begin with SWARM_MAGIC */
#include <swarm/swarm.h>

SWARM_API const struct swarm_module *swarm_module_v1(void);

const struct swarm_module *swarm_module_v1(void)
{
	static const struct swarm_module none;

	return &none;
}
