/*
 * One ZeroMQ socket on the loop: ROUTER for a master, DEALER for a worker.
 *
 * ZeroMQ's descriptor only says "something has changed": one event may stand
 * for a thousand messages, and a send may swallow the event of a message that
 * arrived meanwhile.  So every event, every send and a slow timer lead to the
 * same drain, which goes on until ZeroMQ says that nothing is left.
 */
#ifndef CLUSTER_ZSOCK_H
#define CLUSTER_ZSOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "cluster/keys.h"

struct zsock;

struct zsock_options {
	bool router;
	const char *identity;           /* DEALER */
	const struct keys *keys;        /* NULL: not encrypted; must stay */
	/* One message; `from` is the sender's identity (ROUTER) or NULL.
	 * Loop thread.  May call zsock_free(). */
	void (*message)(const char *from, const void *data, size_t len,
	    void *arg);
	/* A frame that is none: two or no identities, more parts. */
	void (*garbage)(void *arg);     /* may be NULL */
	void *arg;
};

/* A worker's name as Locust makes it: the host, '_', 32 hexadecimal digits. */
void zsock_new_identity(char *id, size_t size);

/* NULL after log_error(). */
struct zsock *zsock_new(const struct zsock_options *);
/* "tcp://0.0.0.0:5557", "tcp://127.0.0.1:0" (any free port), "ipc:///path".
 * 0 or -1 after log_error(). */
int zsock_bind(struct zsock *, const char *endpoint);
int zsock_connect(struct zsock *, const char *endpoint);
/* What the last bind really is, with the port chosen; owned by the socket. */
const char *zsock_endpoint(const struct zsock *);
/* Of a DEALER that gets no answer: why, and what to look at, in words.
 * NULL is one that could not be made. */
const char *zsock_why_silent(struct zsock *);
/* Never waits.  0, or -1: EHOSTUNREACH (nobody of that name), EAGAIN (too
 * many messages wait for it). `to` is NULL for a DEALER. */
int zsock_send(struct zsock *, const char *to, const void *data, size_t len);
/* Takes what has arrived, now. */
void zsock_drain(struct zsock *);
/* Closes; what is not yet sent gets up to `linger_ms`.  This may wait so
 * long.  NULL is fine. */
void zsock_free(struct zsock *, int linger_ms);

#endif
