/*
 * The push: one message a second to every viewer, of what changed; a viewer
 * that comes or that could not keep up gets everything.  Each message is made
 * once however many viewers there are.  Web thread.
 */
#ifndef WEB_LIVE_H
#define WEB_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "web/snapshot.h"
#include "web/transport.h"

/* The hooks of the transport. */
void *live_open(struct web_viewer *, void *);
const char *live_next(void *viewer, size_t *len, void *);
void live_closed(void *viewer, void *);

/* A new snapshot may be there: makes its message; true when viewers should
 * be asked to take it. */
bool live_update(void);
void live_release(void);

/* The message of everything, for reports. */
void live_write_full(struct buf *, const struct snapshot *);
struct jsonw;
/* The members "counters" and "metrics" of the object being written. */
void live_write_metrics(struct jsonw *, const struct snapshot *);

/* The members "workers" and "generator" of an object: who the load comes
 * from, and whether it is what limits the run. */
void live_write_generator(struct jsonw *, const struct snapshot *);

#endif
