/*
 * What scenarios include.  The functions are called through a table that
 * swarm connects when it loads the scenario, so nothing is linked.
 */
#ifndef @CAPS@_H
#define @CAPS@_H

#include <swarm/user.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raise @CAPS@_MINOR with every function or field added at an end. */
#define @CAPS@_ID    "example.@NAME@/1"
#define @CAPS@_MINOR 0

struct @ID@_api {
	struct swarm_iface head;
	/* [fiber] Sends one line to the target and waits for one back, which
	 * lives until the task returns.  NULL when that failed; it is a
	 * sample either way. */
	const char *(*ask)(struct swarm_user *, const char *line);
};

SWARM_IMPORT(@ID@_api, @ID@_api_, @CAPS@_ID, @CAPS@_MINOR)

static inline const char *@ID@_ask(struct swarm_user *u, const char *line)
{
	return @ID@_api_->ask(u, line);
}

#ifdef __cplusplus
}
#endif
#endif
