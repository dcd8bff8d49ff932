/*
 * WebSocket (RFC 6455) for scenarios: the interface "swarm.websocket/1".
 *
 *	static void start(struct swarm_user *u)
 *	{
 *		struct room *r = swarm_data(u);
 *
 *		r->ws = ws_connect(u, .path = "/chat", .protocols = "chat.v2");
 *	}
 *
 *	static void ask(struct swarm_user *u)
 *	{
 *		struct room *r = swarm_data(u);
 *
 *		ws_request(r->ws, .text = "{\"id\":7,\"op\":\"who\"}",
 *		    .match = { .json = "id", .equals = "7" }, .name = "who");
 *	}
 *
 * A user may have any number of sockets, and one that is idle between two
 * tasks holds no stack.  What arrives while nobody waits is kept in order,
 * or goes to a handler.
 *
 * Samples are of type "WS": "connect" (or .name) from the call until the
 * upgrade is answered, names resolved and TLS included; "reconnect"; "ping";
 * "close"; and each ws_request() or ws_await() that has a name, until the
 * message that matches was read.  Sending alone is counted, not timed; one
 * that fails is a failed sample "send".  Phases are series of type
 * "WS phase": see the manual, websocket(7), for them and for the counters.
 *
 * A failure of the server or of the network is a result: the sample fails,
 * the call returns -1 (or NULL) with errno, and ws_error() says more.  errno
 * is ETIMEDOUT, ECANCELED (the user is being stopped), ENOTCONN (not
 * connected, or the connection ended meanwhile), ECONNREFUSED and the like
 * (from connecting), EPROTO (no upgrade, or the protocol was broken), EMSGSIZE
 * (longer than .max_message), EINVAL (an argument that cannot be sent), ENOTSUP
 * (see .compress), EAGAIN (only outside a fiber).
 *
 * All functions are [fiber] unless marked otherwise.
 */
#ifndef SWARM_WEBSOCKET_H
#define SWARM_WEBSOCKET_H

#include <swarm/fiber.h>
#include <swarm/user.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One socket, connected or not.  Belongs to the user that made it and is used
 * on its fibers only.  Freed by ws_free(), or by swarm when the user ends.
 */
struct ws;

/* Longest message, in bytes, in either direction, unless .max_message. */
#define WS_MESSAGE_MAX (16u << 20)

/* A header of the upgrade request; neither is NULL.  Frozen. */
struct ws_header {
	const char *name;
	const char *value;
};

/* How to secure wss://; PEM files.  Sockets that give the same values share
 * one context. */
struct ws_tls {
	uint32_t size;
	const char *ca_file;            /* NULL: the option, or the system's */
	const char *cert_file;          /* the client's own, or NULL */
	const char *key_file;           /* NULL: in cert_file */
	bool insecure;                  /* do not verify the server */
	const char *ciphers;            /* OpenSSL list for TLS 1.2 */
	const char *min_version;        /* "1.2" (default) or "1.3" */
};

/* Everything may be left out.  Strings are copied. */
struct ws_connect_args {
	uint32_t size;
	/* ws://, wss:// (also http://, https://), a host, and optionally a
	 * port and a path.  NULL: swarm_host(). */
	const char *url;
	/* Instead of the URL's path; begins with "/", at most 1900 bytes with
	 * its query. */
	const char *path;
	const char *protocols;          /* "chat.v2, chat.v1" */
	const struct ws_header *headers;
	size_t header_count;
	const char *cookies;            /* "a=1; b=2" */
	const char *origin;
	const struct ws_tls *tls;
	const char *source;             /* local address */
	double timeout;                 /* seconds; 0: the option */
	size_t max_message;             /* bytes taken; 0: WS_MESSAGE_MAX */
	/* Ask for permessage-deflate.  Fails with ENOTSUP: the manual says
	 * why. */
	bool compress;
	/* Ping so often, in seconds, for as long as it is open; 0: never.
	 * When the answer is still owed by the time of the next, the
	 * connection is given up as lost. */
	double ping_interval;
	/* When the connection is lost, not when ws_close() or the server's
	 * code 1000 ends it: connect again after a random part of
	 * reconnect_min seconds, doubled with each failure up to
	 * reconnect_max.  0: leave it to the scenario (ws_reconnect()). */
	double reconnect_min;
	double reconnect_max;           /* 0: 64 times reconnect_min */
	const char *name;               /* of the sample; NULL: "connect" */
};

struct ws_send_args {
	uint32_t size;
	const char *text;               /* UTF-8, sent as text */
	const void *data;               /* or data and len: binary */
	size_t len;
	bool binary;                    /* text and len unset: as binary */
	size_t fragment;                /* bytes of a fragment; 0: whole */
	double timeout;                 /* seconds to wait while the socket's
	                                 * buffer is full; 0: the option */
};

/* A received message.  `data` is followed by a NUL that len does not count. */
struct ws_message {
	uint32_t size;
	const char *data;
	size_t len;
	bool binary;
	int64_t received;               /* swarm_now() when it was complete */
};

/* [worker] Whether it is the message waited for.  Called on the loop: must
 * not wait. */
typedef bool ws_match_fn(const struct ws_message *, void *arg);

/* What to wait for: everything that is given must hold; with nothing given
 * any message will do.  Frozen. */
struct ws_match {
	const char *text;               /* the whole message */
	const char *contains;
	const char *regex;              /* POSIX extended, anywhere in it */
	/* A field of a JSON message: names and indexes joined by dots,
	 * "items.0.id"; it is there and, with `equals`, has this value (a
	 * string as it is, other values as JSON writes them). */
	const char *json;
	const char *equals;
	ws_match_fn *fn;
	void *arg;
};

struct ws_await_args {
	uint32_t size;
	struct ws_match match;
	double timeout;                 /* seconds; 0: the option */
	const char *name;               /* of a sample; NULL: none */
	int64_t since;                  /* when the sample began; 0: now */
};

struct ws_request_args {
	uint32_t size;
	const char *text;               /* as in ws_send_args */
	const void *data;
	size_t len;
	bool binary;
	struct ws_match match;
	double timeout;                 /* seconds for both; 0: the option */
	const char *name;               /* of the sample; NULL: "request" */
	size_t fragment;                /* as in ws_send_args */
};

struct ws_close_args {
	uint32_t size;
	int code;                       /* 1000, 1001, 1003, 1007..1011 or
	                                 * 3000..4999; 0: 1000 */
	const char *reason;             /* UTF-8, at most 120 bytes */
	double timeout;                 /* seconds for the answer; 0: 5 */
	const char *name;               /* of the sample; NULL: "close" */
};

/* Who ended the connection. */
enum ws_closer {
	WS_OPEN,                        /* nobody yet, or never opened */
	WS_CLOSED_BY_US,
	WS_CLOSED_BY_SERVER,            /* with a close frame */
	WS_LOST,                        /* without one; the code is 1006 */
};

/* What is known of a socket.  Belongs to it; the numbers are those of the
 * moment of the call. */
struct ws_info {
	uint32_t size;
	bool connected;
	int status;                     /* of the last upgrade: 101, 403...; 0:
	                                 * there was no answer */
	const char *protocol;           /* agreed on; "" when none */
	enum ws_closer closer;
	int close_code;                 /* 0 while open */
	const char *close_reason;       /* the server's; "" */
	/* Counts since ws_connect(). */
	uint64_t sent;                  /* messages */
	uint64_t received;
	uint64_t sent_bytes;            /* payload */
	uint64_t received_bytes;
	uint64_t dropped;               /* received, but the queue was full */
	uint64_t reconnects;
	size_t queued;                  /* received, not yet asked for */
	int64_t ping_ns;                /* the last round trip; 0: none yet */
};

/* [worker] Called on the loop, outside any fiber: must not wait.  The message
 * is valid until it returns.  It may send; while the socket's buffer is full
 * that fails with EAGAIN. */
typedef void ws_handler(struct ws *, const struct ws_message *, void *arg);

/* [worker] As a handler, for every message, before fibers, handler and queue:
 * true when it has taken it. */
typedef bool ws_filter_fn(struct ws *, const struct ws_message *, void *arg);

/* The table behind the names below. */
struct ws_api {
	struct swarm_iface head;
	struct ws *(*connect)(struct swarm_user *,
	    const struct ws_connect_args *);
	int (*reconnect)(struct ws *);
	int (*send)(struct ws *, const struct ws_send_args *);
	const struct ws_message *(*receive)(struct ws *, int64_t deadline);
	const struct ws_message *(*await)(struct ws *,
	    const struct ws_await_args *);
	const struct ws_message *(*request)(struct ws *,
	    const struct ws_request_args *);
	void (*on_message)(struct ws *, ws_handler *, void *arg);
	int (*ping)(struct ws *, double timeout);
	int (*close)(struct ws *, const struct ws_close_args *);
	void (*free)(struct ws *);
	bool (*connected)(struct ws *);
	const char *(*error)(struct ws *);
	const struct ws_info *(*info)(struct ws *);
	/* Since minor 1. */
	void (*filter)(struct ws *, ws_filter_fn *, void *arg);
};

/* A provider defines WS_PROVIDER and gets the types only. */
#ifndef WS_PROVIDER
SWARM_IMPORT(ws_api, ws_api_, "swarm.websocket/1", 1)

#ifndef __cplusplus
/* For .tls = &WS_TLS(...) and .headers = WS_HEADERS(...). */
#define WS_TLS(...) \
	((struct ws_tls){ .size = sizeof(struct ws_tls), __VA_ARGS__ })
#define WS_HEADERS(...) \
	(const struct ws_header[]){ __VA_ARGS__ }, \
	.header_count = sizeof((const struct ws_header[]){ __VA_ARGS__ }) / \
	    sizeof(struct ws_header)

/*
 * ws_connect(u, .field = value, ...): connects and waits for the upgrade.
 * Never NULL: when it fails the socket exists without a connection, and what
 * is asked of it fails as "not connected".
 */
#define ws_connect(u, ...) \
	ws_api_->connect((u), &(struct ws_connect_args){ \
		.size = sizeof(struct ws_connect_args), __VA_ARGS__ })

/* ws_send(w, .text = ..., ...): a message, whole or in fragments; 0 when the
 * library has taken all of it, or -1.  Waits while the socket's buffer is
 * full.  Another fiber's message never comes between the fragments. */
#define ws_send(w, ...) \
	ws_api_->send((w), &(struct ws_send_args){ \
		.size = sizeof(struct ws_send_args), __VA_ARGS__ })

/* ws_await(w, .match = { ... }, .timeout = ..., .name = ...): the first
 * message that matches, of those kept or to come; the others stay where they
 * are, or go to the handler.  Valid until the next ws_receive(), ws_await(),
 * ws_request() or ws_free().  NULL with errno. */
#define ws_await(w, ...) \
	ws_api_->await((w), &(struct ws_await_args){ \
		.size = sizeof(struct ws_await_args), __VA_ARGS__ })

/* ws_request(w, .text = ..., .match = { ... }, .name = ...): sends, and waits
 * for the message that matches among those that come after; one sample over
 * both.  As ws_await(). */
#define ws_request(w, ...) \
	ws_api_->request((w), &(struct ws_request_args){ \
		.size = sizeof(struct ws_request_args), __VA_ARGS__ })

/* ws_close(w, .code = ..., .reason = ...): says goodbye and waits for the
 * answer; 0, or -1 (then it is closed all the same).  The socket stays and can
 * ws_reconnect(). */
#define ws_close(w, ...) \
	ws_api_->close((w), &(struct ws_close_args){ \
		.size = sizeof(struct ws_close_args), __VA_ARGS__ })
#endif

/* The common calls as functions, for C++ as well, where the macros above do
 * not exist: fill the argument structs and call ws_api_ for the rest. */
static inline struct ws *ws_open(struct swarm_user *u, const char *path)
{
	struct ws_connect_args a = {};

	a.size = sizeof a;
	a.path = path;
	return ws_api_->connect(u, &a);
}

static inline int ws_send_text(struct ws *w, const char *text)
{
	struct ws_send_args a = {};

	a.size = sizeof a;
	a.text = text;
	return ws_api_->send(w, &a);
}

static inline int ws_send_binary(struct ws *w, const void *data, size_t len)
{
	struct ws_send_args a = {};

	a.size = sizeof a;
	a.data = data;
	a.len = len;
	return ws_api_->send(w, &a);
}

/* The next message, waiting for it; as ws_await().  NULL with ETIMEDOUT,
 * ECANCELED, or ENOTCONN when there is none and the connection has ended. */
static inline const struct ws_message *ws_receive(struct ws *w,
    int64_t deadline)
{
	return ws_api_->receive(w, deadline);
}

/* From now on messages go to `fn`, first those kept; NULL keeps them again.
 * What a fiber waits for goes to the fiber. */
static inline void ws_on_message(struct ws *w, ws_handler *fn, void *arg)
{
	ws_api_->on_message(w, fn, arg);
}

/* For protocols on top, which have messages of their own: from now on `fn`
 * sees each message that comes first, and those it takes nobody else does.
 * NULL: none. */
static inline void ws_filter(struct ws *w, ws_filter_fn *fn, void *arg)
{
	ws_api_->filter(w, fn, arg);
}

/* A ping and the wait for its answer, a sample "ping"; 0 or -1.  `timeout` in
 * seconds, 0: the option. */
static inline int ws_ping(struct ws *w, double timeout)
{
	return ws_api_->ping(w, timeout);
}

/* Connects again, with the arguments of ws_connect(), a socket that has no
 * connection; a sample "reconnect".  0 or -1; 0 at once when connected. */
static inline int ws_reconnect(struct ws *w)
{
	return ws_api_->reconnect(w);
}

/* [worker] Frees the socket, also from its own handler or filter; a connection
 * is closed with code 1001 ("going away"), without a sample and without waiting
 * for the answer.  Fibers that wait in it come back with ENOTCONN.  NULL is
 * fine. */
static inline void ws_free(struct ws *w)
{
	ws_api_->free(w);
}

/* [worker] */
static inline bool ws_connected(struct ws *w)
{
	return ws_api_->connected(w);
}

/* Why the last call failed or the connection ended; "" when nothing did. */
static inline const char *ws_error(struct ws *w)
{
	return ws_api_->error(w);
}

/* Valid until the next call of ws_info(). */
static inline const struct ws_info *ws_info(struct ws *w)
{
	return ws_api_->info(w);
}
#endif

#ifdef __cplusplus
}
#endif
#endif
