/*
 * Making connections.
 */
#ifndef PGC_DIAL_H
#define PGC_DIAL_H

#include "pgc_conn.h"
#include "pgc_error.h"
#include "pgc_target.h"

/* How long each part took, ns; -1 where it did not take place. */
struct pgc_phases {
	int64_t resolve;                /* names to addresses */
	int64_t tcp;                    /* or the Unix socket */
	int64_t tls;
	int64_t auth;                   /* until our last credentials went */
	int64_t ready;                  /* the server's check and its start */
	int64_t total;                  /* with the wait for a free place */
};

/*
 * [fiber] Connects.  NULL on failure, with *err set, or errno ECANCELED and
 * *err empty when the user is being stopped.  At most `max_at_once`
 * connections of a worker are in the making; others wait their turn.
 */
struct pgc_conn *pgc_dial(struct pgc_target *, int64_t deadline,
    int64_t max_input, struct pgc_phases *, struct pgc_error *err);
/* [main] Sets max_at_once; at least 1. */
void pgc_dial_limit(int max_at_once);

#endif
