/*
 * Rows of data through a relay: what comes from the master above is a stock
 * for the workers below.  What a lost worker had not used goes back into it.
 */
#ifndef CLUSTER_RELAY_ROWS_H
#define CLUSTER_RELAY_ROWS_H

#include "cluster/wire.h"

struct peer;

/* A worker below wants some. */
void relay_rows_wanted(struct peer *, const struct wire_rows_wanted *,
    void *);
/* Some came from above, or none. */
void relay_rows_came(const struct wire_rows *, void *);
void relay_rows_lost(const struct peer *);
/* Of the test before. */
void relay_rows_forget(void);

#endif
