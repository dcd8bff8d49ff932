/* Server reflection, as far as descriptors go: v1, else v1alpha. */
#ifndef GRPC_REFLECT_H
#define GRPC_REFLECT_H

#include "client.h"
#include "proto.h"

/* [fiber] Adds the files that hold the symbol, with all they need, to `p`.
 * *version remembers which one the server has; 0 at first.  0, or -1 with
 * errno (ENOENT: the server knows no such symbol) and rpc_error(). */
int reflect_symbol(struct rpc *, struct proto *p, const char *symbol,
    int *version);
/* [fiber] The names of the services, a line each; for free(). */
char *reflect_services(struct rpc *, int *version);

#endif
