/*
 * The plugin's parts: the channel (the library's, one connection, of one user
 * or of several), the client (a channel as a user holds it) and the call.
 *
 * The library may owe events to a channel or a call that nobody wants any
 * more; each lives until it owes none.  All of it is touched on the loop thread
 * only; the library's side is in cq.c.
 */
#ifndef GRPC_CLIENT_H
#define GRPC_CLIENT_H

#include <swarm/fiber.h>
#include <swarm/grpc.h>
#include <swarm/stats.h>

#include <grpc/grpc.h>

#include "cq.h"
#include "rows.h"
#include "sized.h"
#include "target.h"

#define CLIENT_ERROR 200
#define CLIENT_METADATA 128             /* pairs of a call */

/* What the options say where the arguments do not. */
struct client_defaults {
	double timeout;                 /* of calls */
	double connect_timeout;
	double reconnect_min;
	double reconnect_max;
	int64_t max_receive;
	int share;
	unsigned phases;                /* of one unary call in so many */
	struct rpc_tls tls;
};

struct channel {
	struct channel *next;           /* of the worker's */
	char *key;                      /* of the arguments, when shared */
	int index;                      /* among those of that key */
	unsigned given;                 /* users so far, in the first of them */
	grpc_channel *grpc;             /* NULL: destroyed */
	struct cq_event watch;
	bool watching;                  /* the library owes that event */
	unsigned refs;
	unsigned under_way;
	unsigned full;                  /* so many calls are timed in full */
	grpc_connectivity_state state;
	bool was_ready;
	bool failed;                    /* since it was last ready */
	uint64_t reconnects;
	int64_t began;                  /* this attempt to connect */
	int64_t since;                  /* it is ready */
	struct sockets *sockets;        /* or NULL */
	struct swarm_waiters changed;
	struct target target;
	struct types *types;            /* messages by name, once asked for */
};

struct rpc {
	struct rpc *next;               /* of the user's */
	struct swarm_user *user;
	struct channel *channel;        /* NULL: the arguments were wrong */
	struct rpc_call *calls;         /* streams, and what waits */
	grpc_metadata *metadata;        /* of the channel's arguments */
	size_t metadata_count;
	unsigned refs;                  /* the user's, fibers in it, calls */
	bool freed;                     /* by the user */
	char error[CLIENT_ERROR];
};

extern struct client_defaults client_defaults;
extern int client_slot;

/* client.c: the calls of the interface. */
struct rpc *client_connect(struct swarm_user *,
    const struct rpc_connect_args *);
void client_free(struct rpc *);
void client_free_all(struct swarm_user *, void *slot);
/* Keeps its memory, and its channel, while a fiber waits in it, and for what is
 * left of its calls. */
void client_ref(struct rpc *);
/* Leaves errno as it is. */
void client_unref(struct rpc *);
/* Whether it is one of the user's that has not been freed. */
bool client_lives(struct swarm_user *, const struct rpc *);
/* Remembers why: returns -1 with errno `error`. */
int client_fail(struct rpc *, int error, const char *fmt, ...)
    SWARM_PRINTF(3, 4);

/*
 * channel.c.  channel_new() takes a reference for the caller; `addresses` is
 * what target_addresses() made.  NULL with *why.
 */
struct channel *channel_new(const struct target *, const char *addresses,
    const struct rpc_connect_args *, const char **why);
/* One that is shared under this key, with another reference; or NULL. */
struct channel *channel_find(const char *key, int index);
void channel_ref(struct channel *);
void channel_unref(struct channel *);
/* Whether there is one, or one that events are owed to. */
bool channel_any(void);
/* Connects if it is idle. */
void channel_connect(struct channel *);
/* [fiber] Waits until it is ready: 0, or -1 with ECONNREFUSED (it failed),
 * ETIMEDOUT, ECANCELED. */
int channel_wait(struct channel *, int64_t deadline);
/* [fiber] Why it has no connection, as a call is told; never empty. */
void channel_why(struct channel *, char *to, size_t size);

#endif
