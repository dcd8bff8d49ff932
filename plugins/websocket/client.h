/*
 * One WebSocket of one user, and what the files of this plugin share.
 *
 *	client.c    connect, reconnect, close, free
 *	lws_link.c  what libwebsockets calls: opened, received, ended
 *	engine.c    libwebsockets on the worker's loop
 *	inbox.c     received messages: queue, handler, fibers that wait
 *	send.c      messages and pings out
 */
#ifndef WEBSOCKET_CLIENT_H
#define WEBSOCKET_CLIENT_H

#include <swarm/fiber.h>
#include <swarm/loop.h>
#include <swarm/websocket.h>

#include "args.h"

struct lws;
struct message;
struct receiver;

enum client_state {
	CLIENT_DOWN,
	CLIENT_TCP,                     /* libwebsockets has it from here */
	CLIENT_TLS,
	CLIENT_UPGRADE,
	CLIENT_OPEN,
	CLIENT_CLOSING,                 /* one side has said goodbye */
};

struct ws {
	struct ws *next;                /* of the same user */
	struct ws *later;               /* what the engine has put off, too */
	struct swarm_user *user;
	struct args *args;              /* NULL: they were wrong */
	struct lws *wsi;                /* NULL: not with libwebsockets */
	struct swarm_watch *watch;
	struct swarm_alarm *alarm;      /* made when first needed */
	enum client_state state;
	unsigned depth;                 /* calls of libwebsockets for it */
	unsigned refs;                  /* its own, and of fibers that wait */
	bool freed;
	bool deferred;                  /* on the engine's list */
	bool doomed;                    /* to be killed then */
	bool wants_read;
	bool wants_write;               /* its buffer is not empty */
	bool connecting;                /* a fiber is at it */
	bool retrying;                  /* alarm: connect again */
	bool asked;                     /* ws_close() or ws_free() was called */
	bool server_said;               /* goodbye */
	bool sending;                   /* fragments are under way */
	bool mask_seen;                 /* the head of the first frame */
	bool masked;
	bool ping_owed;
	/* Times of the phases, swarm_now(). */
	int64_t tcp_start;
	int64_t connected;
	int64_t secured;
	int64_t opened;
	int64_t first;                  /* message; 0: none yet */
	int64_t pinged;
	int64_t ponged;                 /* when its answer was read */
	uint64_t ping_id;
	int64_t ping_ns;
	unsigned failures;              /* connects in a row */
	int code;                       /* of the close */
	int refused;                    /* close with this code, soon */
	enum ws_closer closer;
	int status;
	int error_number;               /* of a failed connect */
	char *protocol;                 /* agreed on, or NULL */
	char *reason;                   /* the server's, or NULL */
	char text[128];                 /* ws_error() */
	/* Received messages. */
	struct message *first_message;
	struct message **last_message;
	struct message *current;        /* what the user looks at */
	struct message *partial;        /* being put together */
	struct receiver *receivers;
	size_t queued;
	size_t queued_bytes;
	ws_handler *handler;
	void *handler_arg;
	ws_filter_fn *filter;
	void *filter_arg;
	struct swarm_waiters changed;   /* state, room to write, pong */
	uint64_t sent;
	uint64_t received;
	uint64_t sent_bytes;
	uint64_t received_bytes;
	uint64_t dropped;
	uint64_t reconnects;
};

extern struct args_defaults client_defaults;
extern int client_queue;
extern int client_slot;

/* client.c */
struct ws *client_connect(struct swarm_user *, const struct ws_connect_args *);
int client_reconnect(struct ws *);
int client_close(struct ws *, const struct ws_close_args *);
void client_free(struct ws *);
/* What is left of client_free() once the library is back. */
void client_let_go(struct ws *);
void client_ref(struct ws *);
void client_unref(struct ws *);
void client_free_all(struct swarm_user *, void *slot);
/* Notes why and sets errno; -1. */
int client_fail(struct ws *, int error, const char *fmt, ...)
    SWARM_PRINTF(3, 4);
/* [worker] The connection has ended or could not be made. */
void client_ended(struct ws *);
/* [worker] It stands: starts what goes on by itself. */
void client_opened(struct ws *);
/* [worker] One side has said goodbye: it has 5 seconds to end. */
void client_closing(struct ws *);
/* The deadline `seconds` from now, or by the arguments when it is 0. */
int64_t client_deadline(const struct ws *, double seconds);
/* [worker] An answer to a ping was read. */
void client_ponged(struct ws *, const void *payload, size_t len);

/* send.c */
int send_message(struct ws *, const struct ws_send_args *);
/* [fiber] The same without a sample when it fails. */
int send_quietly(struct ws *, const struct ws_send_args *);
int send_ping(struct ws *, double timeout);
/* [worker] Without a wait: 0, or -1 with errno. */
int send_ping_now(struct ws *);
void send_release(void);

#endif
