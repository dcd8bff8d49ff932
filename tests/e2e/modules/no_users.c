/* A module that is no scenario: it declares no users. */
#include <swarm/swarm.h>

SWARM_MODULE(.name = "no_users");
