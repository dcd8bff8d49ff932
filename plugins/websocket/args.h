/*
 * The arguments of ws_connect(), checked, and kept for the reconnects to come.
 */
#ifndef WEBSOCKET_ARGS_H
#define WEBSOCKET_ARGS_H

#include <swarm/websocket.h>

#include "sized.h"
#include "url.h"

/* Of all that is added to the upgrade request. */
#define ARGS_HEADERS_MAX 12000u

/* What the options say where the arguments do not. */
struct args_defaults {
	double timeout;
	struct ws_tls tls;
};

struct args {
	struct ws_connect_args a;       /* everything filled in */
	struct ws_tls tls;
	struct url url;
	const char *path;
	char *extra;                    /* header lines to add, or "" */
};

/* A copy with the defaults filled in; freed by free().  NULL with errno EINVAL,
 * ENOTSUP or ENOMEM, and *why. */
struct args *args_new(struct swarm_user *, const struct ws_connect_args *,
    const struct args_defaults *, const char **why);

#endif
