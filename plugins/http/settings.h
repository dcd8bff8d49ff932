/* The plugin's options, written before load() and read-only after. */
#ifndef HTTP_SETTINGS_H
#define HTTP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "fold.h"

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
	bool phases;
	bool multiplex;
	const char *names;
	const char *user_agent;
	const char *version;
	const char *source;
	const char *connect_to;
	const char *resolve;
	const char *proxy;
	const char *proxy_auth;
	bool insecure;
	const char *ca;
	const char *cert;
	const char *key;
	const char *key_password;
	const char *tls_min;
	const char *tls_max;
	const char *ciphers;
	enum fold_mode fold;            /* from names */
	long http_version;              /* from version; CURL_HTTP_VERSION_… */
	long ssl_version;               /* from tls_min and tls_max */
};

extern struct settings settings;

/* load(): checks them and fills in the last three.  0, or -1 after
 * swarm_error(). */
int settings_load(void);

#endif
