/*
 * A private folder for the sockets of one run, mode 0700, removed at the end.
 * What a killed process left behind is removed by the next one.
 */
#ifndef CLUSTER_RUNDIR_H
#define CLUSTER_RUNDIR_H

#include <stddef.h>

struct rundir;

/* Below $XDG_RUNTIME_DIR, $TMPDIR or /tmp.  `room`: bytes that names in it
 * will need, as a socket's path may have 107 only.  NULL after log_error(). */
struct rundir *rundir_new(size_t room);
const char *rundir_path(const struct rundir *);
/* Removes the folder and what is in it.  NULL is fine. */
void rundir_free(struct rundir *);

#endif
