/* Several requests of one user at once, for both providers. */
#ifndef HTTP_BATCH_H
#define HTTP_BATCH_H

#include <stddef.h>

#include <swarm/http.h>

#define BATCH_MAX 64                    /* requests under way at once */

/* [fiber] Calls `request` for each, on up to `width` fibers; returns when all
 * have ended. */
void batch_run(struct swarm_user *, size_t width,
    struct http_response *(*request)(struct swarm_user *,
	const struct http_args *),
    const struct http_args *const *requests,
    struct http_response **responses, size_t count);

#endif
