/* finds: bound: needs the interface acme.absent/1 */
#include <swarm/swarm.h>

struct absent_api {
	struct swarm_iface head;
};

SWARM_IMPORT(absent_api, absent_api_, "acme.absent/1", 0)

SWARM_MODULE(.summary = "asks for what nobody has");
