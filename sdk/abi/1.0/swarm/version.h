/* ABI 1.0, as it was frozen: see docs/ABI.md. */
#ifndef SWARM_VERSION_H
#define SWARM_VERSION_H

#define SWARM_VERSION   "0.1.0"
#define SWARM_ABI_MAJOR 1
#define SWARM_ABI_MINOR 0

#endif
