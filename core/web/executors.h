/* The executors of a run, as JSON: in /api/v1/executors and in the push. */
#ifndef WEB_EXECUTORS_H
#define WEB_EXECUTORS_H

#include "base/jsonw.h"
#include "web/snapshot.h"

/* Adds the key "executors" with an array. */
void executors_write(struct jsonw *, const struct snapshot *);

#endif
