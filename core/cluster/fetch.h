/*
 * A worker that has no modules asks its master for them, their data and their
 * settings (--accept-modules).
 */
#ifndef CLUSTER_FETCH_H
#define CLUSTER_FETCH_H

#include <stdbool.h>

#include "cluster/keys.h"
#include "cluster/wire_files.h"

struct fetch_options {
	const char *connect;            /* "tcp://host:port" */
	const struct keys *keys;        /* NULL: not encrypted */
	const char *folder;             /* absolute; SHA-256/NAME.so in it */
	/* A file that is there and is what its hash says; -1 ends it.  Data
	 * come before all modules. */
	int (*each)(const char *path, const struct wire_file *, void *);
	/* "MODULE.NAME=VALUE", before all files. */
	void (*setting)(const char *, void *);
	void *arg;
};

/* After loop_init(), before anything else uses the loop.  Waits up to five
 * minutes for the master.  0, or -1 after log_error(). */
int fetch_modules(const struct fetch_options *);

#endif
