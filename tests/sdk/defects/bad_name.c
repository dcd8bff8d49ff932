/* finds: opens: cannot be a module's name */
#include <swarm/swarm.h>

SWARM_MODULE(.name = "my plugin!", .summary = "a name nobody can type");
