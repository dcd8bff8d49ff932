/* Text that grows in the memory of a task. */
#ifndef HTTP_ROOM_H
#define HTTP_ROOM_H

#include <stddef.h>

struct swarm_user;

/*
 * [fiber] or [worker], for the task that runs: makes room for `len` bytes more
 * and a NUL behind the `used` ones in *data, which move along; `first` is the
 * least it begins with.
 */
void room_for(struct swarm_user *, char **data, size_t *cap, size_t used,
    size_t len, size_t first);

#endif
