/* Which code of a module's author has crashed. */
#ifndef CLI_AUTHOR_H
#define CLI_AUTHOR_H

#include <stdbool.h>

#include "cluster/crash.h"

/* The user and task that run now; async-signal-safe. */
bool author_where(struct crash_where *);
/* `swarm check` and `swarm test` tell file and line of a crash. */
void author_init(void);
/* So that this process does the same, by one that outlives it: for `swarm try`,
 * before modules are loaded. */
void author_watch(void);

#endif
