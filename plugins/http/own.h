/* The options that only this provider has. */
#ifndef HTTP_OWN_H
#define HTTP_OWN_H

#include <stdbool.h>

struct own {
	const char *resolve;
	const char *proxy;
	const char *proxy_auth;
	const char *key_password;
	/* From the options version; tls_min and tls_max. */
	long http_version;              /* CURL_HTTP_VERSION_… */
	long ssl_version;
};

extern struct own own;

/* load(): checks them and fills in the last two.  0, or -1 after
 * swarm_error(). */
int own_check(void);

/* Given, and not empty. */
static inline bool own_given(const char *option)
{
	return option && *option;
}

#endif
