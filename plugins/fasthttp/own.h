/* The options that only this provider has, or that it has another way. */
#ifndef FASTHTTP_OWN_H
#define FASTHTTP_OWN_H

#include <stdbool.h>
#include <stdint.h>

struct swarm_tls;

enum own_http {
	OWN_HTTP_1,                     /* HTTP/1.1 only */
	OWN_AGREED,                     /* HTTP/2 where TLS agrees on it */
	OWN_H2C,                        /* also without TLS, unasked */
};

struct own {
	bool retry;
	int pipeline;
	int shared;
	int64_t window;
	int64_t connection_window;
	enum own_http http;             /* from the option version */
};

extern struct own own;

/* load(): checks them and fills in the last.  0, or -1 after swarm_error(). */
int own_check(void);

/* The worker's TLS context, made when first needed, which offers HTTP/2 or
 * does not; NULL when it cannot be (said once). */
struct swarm_tls *own_tls(bool two);
/* worker_stop() */
void own_release(void);

#endif
