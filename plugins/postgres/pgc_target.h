/*
 * Where to connect: a connection string taken apart once, with the addresses
 * of its host names.  libpq resolves names inside its calls and would stop
 * the loop for as long; so names are resolved in a thread, kept for a while,
 * and handed to libpq as `hostaddr`, beside the name that TLS checks.
 */
#ifndef PGC_TARGET_H
#define PGC_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PGC_KEYWORDS_MAX 64
#define PGC_ERROR_MAX 200

struct pgc_target {
	struct pgc_target *next;
	char *conninfo;                 /* as given */
	/* keyword/value pairs for PQconnectStartParams, NULL at the end */
	const char *keywords[PGC_KEYWORDS_MAX];
	char *values[PGC_KEYWORDS_MAX];
	size_t count;
	/* What the three below override, or NULL. */
	char *host;
	char *hostaddr;
	char *port;
	bool has_names;                 /* some host is a name */
	bool is_opaque;                 /* a service file says where */
	int64_t resolved_until;         /* ns; addresses below are good */
	char *hosts;                    /* one entry for each address */
	char *addresses;
	char *ports;
};

/* What libpq takes as a connection string; --host may be a bare name.  NULL
 * when memory ran out, the caller frees it. */
char *pgc_target_string(const char *given);
/*
 * The worker's target for this connection string, made when new.  "" means
 * libpq's defaults.  NULL with `error` set when it is malformed.
 */
struct pgc_target *pgc_target_get(const char *conninfo, char *error,
    size_t error_size);
/* [fiber] Brings the addresses up to date: 0; or -1 with `error` set, or with
 * errno ECANCELED. */
int pgc_target_resolve(struct pgc_target *, char *error, size_t error_size);
/* [worker] Forgets them all. */
void pgc_target_release(void);

#endif
