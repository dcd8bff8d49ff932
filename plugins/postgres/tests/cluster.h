/*
 * A PostgreSQL of the test's own: made in a temporary folder, listening on a
 * Unix socket there and on a free port of the loopback, gone afterwards.
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include <stdbool.h>

/* Starts it as an unprivileged user: 0, or -1 when PostgreSQL is not here
 * (the caller skips). Ends the process when it is but does not start. */
int cluster_start(void);
void cluster_stop(void);
/* Stops the server and starts it again, same data. */
void cluster_halt(void);
void cluster_resume(void);
/* Freezes the server: it serves no new connection, those it has go on. */
void cluster_freeze(void);
void cluster_thaw(void);
/* The socket's folder, and the port of both. */
const char *cluster_dir(void);
int cluster_port(void);
/* A keyword string for libpq: socket, user postgres, database postgres. */
const char *cluster_conninfo(void);
/* One statement by libpq's blocking calls; the first value, in a buffer that
 * the next call uses again. */
const char *cluster_ask(const char *sql);
/* The same from another database, in whose figures it then counts. */
const char *cluster_watch(const char *sql);

#endif
