/* Child processes: the compiler, and checks that may crash or hang. */
#ifndef MODULE_SPAWN_H
#define MODULE_SPAWN_H

#include "base/buf.h"

/*
 * Runs argv (argv[0] a path); what it writes goes to our standard error at
 * once and, as far as it fits, into `copy`.  Its exit status, 128 + N when
 * signal N ended it, 127 when it could not be run.
 */
int spawn_tee(char *const argv[], struct buf *copy);

/*
 * Runs argv for at most `seconds`, with nothing on its standard input; what it
 * writes to standard output goes into `out`, its errors into `err` (either
 * may be NULL: thrown away).  As above, or SPAWN_TIMEOUT when it was killed.
 */
#define SPAWN_TIMEOUT (-1)
int spawn_capture(char *const argv[], double seconds, struct buf *out,
    struct buf *err);

#endif
