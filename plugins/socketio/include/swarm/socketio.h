/*
 * Socket.IO (protocol 5, so servers of version 3 and 4) over a WebSocket: the
 * interface "swarm.socketio/1", on top of <swarm/websocket.h>.
 *
 *	static void start(struct swarm_user *u)
 *	{
 *		struct ws *w = sio_connect(u, .auth = "{\"token\":\"t\"}");
 *
 *		sio_call(u, w, .event = "join", .args = "\"kitchen\"");
 *		sio_emit(u, w, .event = "say", .args = "\"kitchen\",\"hi\"");
 *		sio_await(u, w, .event = "said", .name = "said");
 *	}
 *
 * The socket is a struct ws, and all of ws_...() works on it.  The server's
 * pings are answered whatever the user does.  Events that nobody has asked for
 * stay in the socket's queue, or go to ws_on_message() as they came:
 * sio_args() finds their arguments.
 *
 * Arguments are JSON values with commas between, as text.  Binary attachments
 * are not sent, and when received are messages of their own.
 *
 * Samples are of type "Socket.IO": "connect" from the packet CONNECT to its
 * answer, each sio_call() (its name, or the event) until it was acknowledged,
 * and each sio_await() that has a name.  A refusal, or being put out of the
 * namespace, fails what is waited for.
 *
 * All functions are [fiber] unless marked otherwise; they return -1 or NULL
 * with errno as in <swarm/websocket.h>, and EPROTO for a refusal.
 */
#ifndef SWARM_SOCKETIO_H
#define SWARM_SOCKETIO_H

#include <swarm/websocket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Everything may be left out. */
struct sio_connect_args {
	uint32_t size;
	const char *url;                /* as in ws_connect_args */
	const char *path;               /* NULL: "/socket.io/" */
	const char *space;              /* namespace, "/news"; NULL: "/" */
	const char *auth;               /* a JSON object */
	const char *cookies;
	const char *origin;
	const struct ws_tls *tls;
	double timeout;                 /* seconds, of each step; 0: the
	                                 * option websocket.timeout */
};

struct sio_event_args {
	uint32_t size;
	const char *space;              /* NULL: "/" */
	const char *event;              /* without quotes or backslashes */
	const char *args;               /* JSON values; NULL: none */
	double timeout;                 /* seconds; 0: the option */
	const char *name;               /* of the sample */
};

/* The table behind the names below. */
struct sio_api {
	struct swarm_iface head;
	struct ws *(*connect)(struct swarm_user *,
	    const struct sio_connect_args *);
	int (*emit)(struct swarm_user *, struct ws *,
	    const struct sio_event_args *);
	const char *(*call)(struct swarm_user *, struct ws *,
	    const struct sio_event_args *);
	const char *(*await)(struct swarm_user *, struct ws *,
	    const struct sio_event_args *);
	const char *(*args)(const struct ws_message *, const char *space,
	    const char *event, size_t *len);
};

/* A provider defines SIO_PROVIDER and gets the types only. */
#ifndef SIO_PROVIDER
SWARM_IMPORT(sio_api, sio_api_, "swarm.socketio/1", 0)

#ifndef __cplusplus
/* sio_connect(u, .field = value, ...): connects the socket and the namespace.
 * Never NULL; ws_connected() tells whether both stand. */
#define sio_connect(u, ...) \
	sio_api_->connect((u), &(struct sio_connect_args){ \
		.size = sizeof(struct sio_connect_args), __VA_ARGS__ })

/* sio_emit(u, w, .event = "say", .args = "1,\"two\""): sends it; 0 or -1. */
#define sio_emit(u, w, ...) \
	sio_api_->emit((u), (w), &(struct sio_event_args){ \
		.size = sizeof(struct sio_event_args), __VA_ARGS__ })

/* The same, and waits until the server has acknowledged it: the answer, JSON
 * values as text, until the running task returns. */
#define sio_call(u, w, ...) \
	sio_api_->call((u), (w), &(struct sio_event_args){ \
		.size = sizeof(struct sio_event_args), __VA_ARGS__ })

/* sio_await(u, w, .event = "said"): the arguments of the next such event, as
 * sio_call(). */
#define sio_await(u, w, ...) \
	sio_api_->await((u), (w), &(struct sio_event_args){ \
		.size = sizeof(struct sio_event_args), __VA_ARGS__ })
#endif

/* [any thread] Whether a message is that event: then its arguments, *len
 * bytes within the message; otherwise NULL. */
static inline const char *sio_args(const struct ws_message *m,
    const char *space, const char *event, size_t *len)
{
	return sio_api_->args(m, space, event, len);
}
#endif

#ifdef __cplusplus
}
#endif
#endif
