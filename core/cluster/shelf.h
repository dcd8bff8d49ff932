/*
 * The master's shelf: modules that workers may have (--send-modules).  Their
 * bytes are read once, so that what is sent is what the hash says.
 */
#ifndef CLUSTER_SHELF_H
#define CLUSTER_SHELF_H

#include <stdbool.h>

#include "cluster/wire.h"
#include "cluster/zsock.h"

/* Puts a file there, as `name`; 0, or -1 after log_error(). */
int shelf_add(const char *path, const char *name, const char *sha256,
    bool scenario);
/* WIRE_FILES and WIRE_PART of anyone; -1 when malformed. */
int shelf_answer(struct zsock *, const char *from,
    const struct wire_message *);
void shelf_release(void);

#endif
