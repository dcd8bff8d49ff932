/* Modules on their way from a master to workers: what the options allow. */
#ifndef CLI_MODULES_H
#define CLI_MODULES_H

#include "cli/options.h"

/* Master, relay: puts what was loaded where workers may have it, if asked to.
 * 0, or -1 after log_error(). */
int modules_offer(const struct options *);
/* Worker: opens what its master sends; after loop_init(), in place of -f and
 * --plugin.  0, or -1 after log_error(). */
int modules_accept(const struct options *);

#endif
