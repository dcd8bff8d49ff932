/*
 * What arrives at the master, message by message.
 */
#ifndef CLUSTER_INBOX_H
#define CLUSTER_INBOX_H

#include <stddef.h>

#include "cluster/zsock.h"

/* One frame from the peer of that identity.  Never fails: what is malformed,
 * from strangers or too much is counted in master_refused(). */
void inbox_take(struct zsock *sock, const char *from, const void *data,
    size_t len);
/* A message that was not even a frame. */
void inbox_garbage(void);
/* One whose `what` is malformed: counted, and told of if few are. */
void inbox_refuse(const char *from, const char *what);

#endif
