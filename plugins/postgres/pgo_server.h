/*
 * The server's side of a run: looks at its own counters, in the master, and
 * puts them into the report.
 */
#ifndef PGO_SERVER_H
#define PGO_SERVER_H

#include <stdint.h>

struct swarm_hooks;

/* [main] Asks for it: a look every `interval` seconds (above 0) at the server
 * of this connection string; NULL or "" means --host.  The string is kept,
 * not copied. */
void pgo_server_watch(const char *conninfo, double interval);

/* To be exported. */
extern const struct swarm_hooks pgo_server_hooks;

#endif
