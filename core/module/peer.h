/* The scripted peer of <swarm/test.h>: what the test runner does with it. */
#ifndef MODULE_PEER_H
#define MODULE_PEER_H

/* Frees all peers; their fibers have ended. */
void peer_release_all(void);

#endif
