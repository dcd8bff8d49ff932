/*
 * The options that both providers have, written before load() and read-only
 * after.  What only one has is in its own own.h.
 */
#ifndef HTTP_SETTINGS_H
#define HTTP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/version.h>

#include "fold.h"

struct swarm_user;

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
	const char *version;            /* what it means, each says itself */
	bool multiplex;
	int streams;
	enum fold_mode fold;            /* from names */
};

extern struct settings settings;

/* load(): checks them and fills in what is derived.  0, or -1 after
 * swarm_error(). */
int settings_check(void);

/* The user's turn among the local addresses of the option source, written to
 * `out`; NULL when there are none. */
const char *settings_source(struct swarm_user *, char *out, size_t size);

#define SETTINGS_OPTION(group, opt, type_, deflt_, help_) \
	{ .name = #opt, .type = (type_), .dest = &(group).opt, \
		.deflt = (deflt_), .help = (help_) }

#define SETTINGS_(opt, type_, deflt_, help_) \
	SETTINGS_OPTION(settings, opt, type_, deflt_, help_)
/* One of the provider's own, in its struct own. */
#define SETTINGS_OWN(opt, type_, deflt_, help_) \
	SETTINGS_OPTION(own, opt, type_, deflt_, help_)

/* For SWARM_OPTIONS(); `versions` are those that the provider speaks. */
#define SETTINGS_OPTIONS(versions) \
	SETTINGS_(timeout, SWARM_DURATION, "60s", "for a whole exchange"), \
	SETTINGS_(connect_timeout, SWARM_DURATION, "0s", \
	    "to connect, TLS included; 0: the whole timeout"), \
	SETTINGS_(max_redirects, SWARM_INT, "30", \
	    "redirects of one request"), \
	SETTINGS_(max_body, SWARM_SIZE, "64m", "largest body taken"), \
	SETTINGS_(discard, SWARM_BOOL, "no", "keep no bodies"), \
	SETTINGS_(names, SWARM_STRING, "fold", \
	    "samples' names: fold (ids become [id]), path, full"), \
	SETTINGS_(keepalive, SWARM_BOOL, "yes", "use connections again"), \
	SETTINGS_(connections, SWARM_INT, "6", "of one user at once"), \
	SETTINGS_(compress, SWARM_BOOL, "no", "ask for compressed bodies"), \
	SETTINGS_(cookies, SWARM_BOOL, "yes", "take and send cookies"), \
	SETTINGS_(phases, SWARM_BOOL, "no", \
	    "series for resolve, connect, tls, wait, receive"), \
	SETTINGS_(user_agent, SWARM_STRING, "swarm/" SWARM_VERSION, \
	    "the User-Agent header"), \
	SETTINGS_(source, SWARM_STRING, "", \
	    "local addresses, with commas; users take turns"), \
	SETTINGS_(connect_to, SWARM_STRING, "", \
	    "host:port or unix:/path to connect to instead"), \
	SETTINGS_(insecure, SWARM_BOOL, "no", "do not verify certificates"), \
	SETTINGS_(ca, SWARM_STRING, NULL, \
	    "PEM file of trusted certificates"), \
	SETTINGS_(cert, SWARM_STRING, NULL, \
	    "PEM file of the client's own"), \
	SETTINGS_(key, SWARM_STRING, NULL, "PEM file of its key"), \
	SETTINGS_(tls_min, SWARM_STRING, NULL, "oldest TLS: 1.2 or 1.3"), \
	SETTINGS_(tls_max, SWARM_STRING, NULL, "newest TLS: 1.2 or 1.3"), \
	SETTINGS_(ciphers, SWARM_STRING, NULL, "OpenSSL's list for TLS 1.2"), \
	SETTINGS_(version, SWARM_STRING, "auto", "of HTTP: " versions), \
	SETTINGS_(multiplex, SWARM_BOOL, "no", \
	    "all users of a worker share connections (HTTP/2)"), \
	SETTINGS_(streams, SWARM_INT, "100", \
	    "on one connection at once (HTTP/2)")

#endif
