/* Credentials of channels, one for each set of files. */
#ifndef GRPC_CREDS_H
#define GRPC_CREDS_H

#include <swarm/grpc.h>

#include <grpc/grpc_security.h>

/* [worker] Kept until creds_stop(); the options fill what `args` (may be NULL)
 * leaves out.  NULL with *why. */
grpc_channel_credentials *creds_of(bool tls, const struct rpc_tls *args,
    const char **why);
void creds_stop(void);

#endif
