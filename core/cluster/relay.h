/*
 * A relay: one worker to the master above, a master to the workers below.  It
 * runs no users.  Reports of its workers are merged and go up as one, orders
 * are shared out downwards.
 *
 * For fleets beyond what one master's loop merges in a second, and for sites
 * whose workers should share one connection home.  Both ends must be swarm's.
 */
#ifndef CLUSTER_RELAY_H
#define CLUSTER_RELAY_H

#include <stddef.h>

#include "cluster/keys.h"

/* Workers' indexes must differ over all relays, because users' ids hang on
 * them: a relay asks the master for a range of them, at least this many, and
 * twice as many as workers are expected. */
#define RELAY_SPAN 128

struct relay_options {
	const char *connect;            /* the master above */
	const char *bind;               /* for the workers below */
	const struct keys *keys_above;  /* NULL: not encrypted */
	const struct keys *keys_below;
	int processes;                  /* local workers to start */
	size_t expect;                  /* workers below before it joins */
	char **worker_argv;             /* see struct master_options */
	size_t class_count;
	const char *const *class_names;
	/* The end: the master said quit, or is gone (`why`, else NULL).  All
	 * workers have left. */
	void (*ended)(const char *why, void *);
	void *arg;
};

/* Names and addresses are copied; keys and worker_argv must stay.  0, or -1
 * after log_error().  The relay joins its master when the expected workers are
 * there, and lets them in when the master has answered. */
int relay_start(const struct relay_options *);
/* Leaves: workers quit, the last reports go up, then `ended`. */
void relay_leave(void);
void relay_release(void);

#endif
