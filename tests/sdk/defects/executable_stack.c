/* finds: hardened: it asks for an executable stack
 * flags: -Wl,-z,execstack */
#include <swarm/swarm.h>

SWARM_MODULE(.summary = "wants to run its stack");
