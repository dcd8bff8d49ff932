/*
 * What goes to other machines is encrypted, or it was asked for in so many
 * words (--plaintext): who reaches an open port may join a fleet, see its
 * orders and make up its results.
 */
#ifndef CLI_PLAINTEXT_H
#define CLI_PLAINTEXT_H

#include <stdbool.h>

#include "cli/options.h"

/* Whether an address to listen on, or a host to connect to, is this machine
 * and no other can reach it. */
bool plaintext_is_local(const char *host);
/* Of a master or a relay: its port for workers; of a worker or a relay: the
 * way to its master.  0, or -1 after log_error(). */
int plaintext_check_port(const struct options *);
int plaintext_check_way(const struct options *);

#endif
