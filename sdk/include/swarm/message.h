/*
 * Messages of a scenario's own between the master and its workers: Locust's
 * send_message() and register_message(), also to and from Locust's processes.
 *
 *	static void take_limits(const struct swarm_message *m, void *arg)
 *	{
 *		swarm_info("limits: %s", m->json);
 *	}
 *
 *	static int load(void)
 *	{
 *		return swarm_on_message("limits", take_limits, NULL);
 *	}
 *
 *	static void test_start(void)            // swarm.hooks/1
 *	{
 *		if (!swarm_is_worker())
 *			swarm_send_message(NULL, "limits", "{\"max\":5}");
 *	}
 *
 * What the master sends in test_start arrives before the first user of that
 * test is started: so what is prepared once reaches all.  Messages are neither
 * repeated nor answered by swarm: one on its way when a link breaks is lost.
 */
#ifndef SWARM_MESSAGE_H
#define SWARM_MESSAGE_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a message's JSON at most, and of its type. */
#define SWARM_MESSAGE_MAX (1u << 20)
#define SWARM_MESSAGE_TYPE_MAX 63

/* Valid during the call. */
struct swarm_message {
	size_t size;
	const char *type;
	const char *from;               /* in the master: the worker, as in
	                                 * worker_connect(); else "" */
	const char *json;               /* a value of any kind; what a Locust
	                                 * peer sends as bytes is a string,
	                                 * base64 */
};

/*
 * [main, in load() or setup()] Calls fn for each message of that type, on the
 * process's loop, outside any fiber: it must not wait.  Several may listen to
 * one type.  0, or -1 with EINVAL (see below).  `type` is copied.
 */
SWARM_API int swarm_on_message(const char *type,
    void (*fn)(const struct swarm_message *, void *arg), void *arg);

/*
 * [fiber, or on the loop] In a worker: to the master; `to` is NULL.  In the
 * master: to that worker, or to all with NULL.  Through a relay all workers
 * below it are one: it passes on to all what is sent to it.  0, or -1 with
 * errno
 *	EINVAL		the type is empty, too long or one of the protocol's
 *			own ("swarm_", "stats", ...); or `json` is no JSON;
 *	EMSGSIZE	it is longer than SWARM_MESSAGE_MAX;
 *	ENOTCONN	no master has answered yet, there is no worker `to`, or
 *			this is no run;
 *	EAGAIN		a worker sent more than 50 a second (500 at once).
 */
SWARM_API int swarm_send_message(const char *to, const char *type,
    const char *json);

#ifdef __cplusplus
}
#endif
#endif
