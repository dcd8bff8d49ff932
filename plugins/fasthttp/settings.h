/* The plugin's options, written before load() and read-only after. */
#ifndef FASTHTTP_SETTINGS_H
#define FASTHTTP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "fold.h"

struct swarm_tls;

struct settings {
	double timeout;
	double connect_timeout;
	int max_redirects;
	int64_t max_body;
	int connections;
	bool discard;
	bool keepalive;
	bool compress;
	bool cookies;
	bool retry;
	bool phases;
	const char *names;
	const char *user_agent;
	const char *source;
	const char *connect_to;
	bool insecure;
	const char *ca;
	const char *cert;
	const char *key;
	const char *tls_min;
	const char *tls_max;
	const char *ciphers;
	enum fold_mode fold;            /* from names */
};

extern struct settings settings;

/* The worker's TLS context, made when first needed; NULL when it cannot be
 * (said once). */
struct swarm_tls *settings_tls(void);

#endif
