/*
 * Messages for people.  For set-up and for faults of the load generator: a
 * failure of the system under test is a result and goes to swarm_fail().
 * Each line carries the name of the module that wrote it.
 */
#ifndef SWARM_LOG_H
#define SWARM_LOG_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * [any thread] One line, formatted as printf does (with %m), without a
 * newline.  A worker's lines travel to the master, limited in rate; what is
 * dropped is counted and said.  swarm_debug() prints only under --debug.
 */
SWARM_API void swarm_error(const char *fmt, ...) SWARM_PRINTF(1, 2);
SWARM_API void swarm_warn(const char *fmt, ...) SWARM_PRINTF(1, 2);
SWARM_API void swarm_info(const char *fmt, ...) SWARM_PRINTF(1, 2);
SWARM_API void swarm_debug(const char *fmt, ...) SWARM_PRINTF(1, 2);

#ifdef __cplusplus
}
#endif
#endif
