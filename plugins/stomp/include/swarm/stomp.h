/*
 * STOMP 1.2 over a WebSocket: the interface "swarm.stomp/1", on top of
 * <swarm/websocket.h>.
 *
 *	static void start(struct swarm_user *u)
 *	{
 *		struct ws *w = stomp_connect(u, .path = "/ws",
 *		    .login = "guest", .passcode = "guest");
 *
 *		stomp_subscribe(u, w, .id = "0", .destination = "/topic/a");
 *		stomp_send(u, w, .destination = "/topic/a", .body = "hello",
 *		    .receipt = true);
 *		stomp_receive(u, w, .subscription = "0", .name = "a");
 *	}
 *
 * The socket is a struct ws, and all of ws_...() works on it; ws_error() says
 * why a call here failed, unless it was the broker: then the sample does.
 * Frames that nobody has asked for stay in the socket's queue.
 *
 * Samples are of type "STOMP": "connect" from the frame CONNECT to CONNECTED,
 * each command with a receipt until that has come (its name, or the command),
 * and each stomp_receive() that has a name.  An ERROR fails what is waited for.
 *
 * All functions are [fiber]; 0 or a frame, or -1 or NULL with errno as in
 * <swarm/websocket.h>, and EPROTO for an ERROR.
 */
#ifndef SWARM_STOMP_H
#define SWARM_STOMP_H

#include <swarm/websocket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Neither is NULL; any text, escaped on its way.  Frozen. */
struct stomp_header {
	const char *name;
	const char *value;
};

/* A frame received; lives until the running task returns.  `body` is followed
 * by a NUL that len does not count. */
struct stomp_frame {
	uint32_t size;
	const char *command;
	const struct stomp_header *headers;
	size_t header_count;
	const char *body;
	size_t len;
};

/* Everything may be left out. */
struct stomp_connect_args {
	uint32_t size;
	const char *url;                /* as in ws_connect_args */
	const char *path;
	const struct ws_tls *tls;
	const char *vhost;              /* header "host"; NULL: "/" */
	const char *login;
	const char *passcode;
	double timeout;                 /* seconds, of each of both; 0: the
	                                 * option websocket.timeout */
};

struct stomp_command_args {
	uint32_t size;
	const char *command;            /* set by the macros below */
	/* Headers of their own, left out when NULL. */
	const char *destination;
	const char *id;
	const char *ack;                /* of SUBSCRIBE: "client"... */
	const char *transaction;
	const char *type;               /* content-type */
	const struct stomp_header *headers;
	size_t header_count;
	const char *body;
	size_t len;                     /* 0: up to the NUL */
	bool receipt;                   /* ask for one, and wait for it */
	double timeout;                 /* seconds; 0: the option */
	const char *name;               /* of the sample; NULL: the command */
};

struct stomp_receive_args {
	uint32_t size;
	const char *subscription;       /* its id; NULL: any */
	double timeout;                 /* seconds; 0: the option */
	const char *name;               /* of a sample; NULL: none */
};

/* The table behind the names below. */
struct stomp_api {
	struct swarm_iface head;
	struct ws *(*connect)(struct swarm_user *,
	    const struct stomp_connect_args *);
	int (*command)(struct swarm_user *, struct ws *,
	    const struct stomp_command_args *);
	const struct stomp_frame *(*receive)(struct swarm_user *, struct ws *,
	    const struct stomp_receive_args *);
};

/* A provider defines STOMP_PROVIDER and gets the types only. */
#ifndef STOMP_PROVIDER
SWARM_IMPORT(stomp_api, stomp_api_, "swarm.stomp/1", 0)

#ifndef __cplusplus
#define STOMP_HEADERS(...) \
	(const struct stomp_header[]){ __VA_ARGS__ }, \
	.header_count = sizeof((const struct stomp_header[]){ __VA_ARGS__ }) \
	    / sizeof(struct stomp_header)

/* stomp_connect(u, .field = value, ...): connects the socket and the session.
 * Never NULL; ws_connected() tells whether both stand. */
#define stomp_connect(u, ...) \
	stomp_api_->connect((u), &(struct stomp_connect_args){ \
		.size = sizeof(struct stomp_connect_args), __VA_ARGS__ })

/* stomp_command(u, w, .command = "BEGIN", ...): any command. */
#define stomp_command(u, w, ...) \
	stomp_api_->command((u), (w), &(struct stomp_command_args){ \
		.size = sizeof(struct stomp_command_args), __VA_ARGS__ })
#define stomp_send(u, w, ...) \
	stomp_command((u), (w), .command = "SEND", __VA_ARGS__)
#define stomp_subscribe(u, w, ...) \
	stomp_command((u), (w), .command = "SUBSCRIBE", __VA_ARGS__)
#define stomp_unsubscribe(u, w, ...) \
	stomp_command((u), (w), .command = "UNSUBSCRIBE", __VA_ARGS__)
/* Acknowledges a MESSAGE; .id is its header "ack". */
#define stomp_ack(u, w, ...) \
	stomp_command((u), (w), .command = "ACK", __VA_ARGS__)
#define stomp_nack(u, w, ...) \
	stomp_command((u), (w), .command = "NACK", __VA_ARGS__)

/* stomp_receive(u, w, .subscription = "0", ...): the next MESSAGE of it. */
#define stomp_receive(u, w, ...) \
	stomp_api_->receive((u), (w), &(struct stomp_receive_args){ \
		.size = sizeof(struct stomp_receive_args), __VA_ARGS__ })

/* Says goodbye, waits until the broker has taken all that came before, and
 * closes the socket. */
static inline int stomp_disconnect(struct swarm_user *u, struct ws *w)
{
	int rc = stomp_command(u, w, .command = "DISCONNECT",
	    .receipt = true);

	return ws_connected(w) && ws_close(w) == -1 ? -1 : rc;
}
#endif
#endif

/* [any thread] The first header of that name, or NULL. */
static inline const char *stomp_header(const struct stomp_frame *f,
    const char *name)
{
	for (size_t i = 0; f && i < f->header_count; i++) {
		if (__builtin_strcmp(f->headers[i].name, name) == 0)
			return f->headers[i].value;
	}
	return NULL;
}

#ifdef __cplusplus
}
#endif
#endif
