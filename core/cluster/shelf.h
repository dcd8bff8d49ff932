/*
 * The master's shelf: modules, their data and settings that workers may have
 * (--send-modules).  Bytes are read once, so that what is sent is what the
 * hash says.
 */
#ifndef CLUSTER_SHELF_H
#define CLUSTER_SHELF_H

#include <stdbool.h>

#include "cluster/wire_files.h"
#include "cluster/zsock.h"

/* Puts a file there, as `name`; 0, or -1 after log_error(). */
int shelf_add(const char *path, const char *name, enum wire_file_kind);
/* "MODULE.NAME=VALUE"; likewise. */
int shelf_set(const char *setting);
/* WIRE_FILES and WIRE_PART of anyone; -1 when malformed. */
int shelf_answer(struct zsock *, const char *from,
    const struct wire_message *);
void shelf_release(void);

#endif
