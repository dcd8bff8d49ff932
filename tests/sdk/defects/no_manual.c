/* finds: manual: no manual page no_manual.7 */
#include <swarm/swarm.h>

SWARM_MODULE(.summary = "nobody can read about it");
