/*
 * Which connection a request goes on: one of its user's own, or (option
 * multiplex) one of those that all users of the worker share.  When all places
 * are taken, requests queue in order.
 */
#ifndef FASTHTTP_H2POOL_H
#define FASTHTTP_H2POOL_H

#include "exchange.h"

struct h2conn;

/* The connections to one server. */
struct h2pool {
	struct h2pool *next;
	struct origin *origin;
	/* Those with places to spare come before those without. */
	struct h2conn *conns;
	struct h2conn **conns_last;
	unsigned alive;                 /* of them: not closing */
	unsigned connecting;
	unsigned waiting;
	struct h2place *first;          /* who waits, in order */
	struct h2place **last;
	struct h2place *called;         /* who has been told to go on */
	struct swarm_tls_session *tls;  /* to resume */
};

/*
 * [fiber] A place on a connection for the exchange's request; waits for one,
 * also while connecting.  NULL with *error; or NULL without, when the server
 * speaks HTTP/1.1: then x->conn is a fresh connection, or NULL.
 */
struct h2conn *h2pool_take(struct exchange *, struct origin *,
    const char **error);
/* [worker] A place is free again. */
void h2pool_give(struct h2conn *);
/* [worker] Places may have become free: those who wait get them. */
void h2pool_serve(struct h2pool *);
/* [worker] The server has said how many it takes. */
void h2pool_limited(struct h2conn *);
/* [worker] It takes no more requests. */
void h2pool_retire(struct h2conn *);
/* [worker] The connection is no longer one of the pool's. */
void h2pool_drop(struct h2conn *);

/* [worker] A user's connections that have nothing under way are closed, and
 * the others when they have nothing any more. */
void h2pool_close(struct h2pool *pools);
/* [worker] Ends them all and frees the pools. */
void h2pool_free(struct h2pool **pools);
/* worker_stop(): those that users share. */
void h2pool_release(void);

#endif
