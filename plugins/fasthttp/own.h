/* The options that only this provider has. */
#ifndef FASTHTTP_OWN_H
#define FASTHTTP_OWN_H

#include <stdbool.h>

struct swarm_tls;

struct own {
	bool retry;
	int pipeline;
};

extern struct own own;

/* The worker's TLS context, made when first needed; NULL when it cannot be
 * (said once). */
struct swarm_tls *own_tls(void);

#endif
