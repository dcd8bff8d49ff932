/*
 * Between the web room and the library that moves its bytes.
 *
 * libwebsockets lives in a shared object of its own, swarm-web.so, that only
 * a master with a web page loads: in a worker a plugin must be the first to
 * load that library, and a run without a page should not carry it.  The
 * object exports one function, swarm_web_transport(), that returns the table
 * below.  It knows nothing of statistics or routes; everything above it knows
 * nothing of sockets.
 *
 * The transport has one thread.  All hooks are called on it, and all
 * functions but start, wake and stop are called from hooks; after stop, reply
 * still frees what was not answered.
 */
#ifndef WEB_TRANSPORT_H
#define WEB_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEB_TRANSPORT_VERSION 1
#define WEB_MAX_BODY   (64u << 10)      /* bytes of a request's body */
#define WEB_MAX_HEADER 8192             /* bytes of a request's headers */
#define WEB_MAX_CONNECTIONS 500
#define WEB_MAX_EXTRA_HEADERS 8

enum web_method { WEB_GET, WEB_HEAD, WEB_POST, WEB_OPTIONS, WEB_OTHER };

/* Decoded; strings are never NULL ("" when absent) and live until the reply,
 * or, for a viewer, for the call. */
struct web_request {
	enum web_method method;
	const char *path;
	const char *query;              /* raw, without '?' */
	const char *host;
	const char *origin;
	const char *fetch_site;
	const char *cookie;
	const char *authorization;
	const char *content_type;
	const char *if_none_match;
	const char *accept_encoding;
	const char *peer;               /* address, for logs */
	bool secure;
	const char *body;
	size_t body_len;
};

struct web_reply {
	int status;
	const char *content_type;       /* NULL: none */
	/* More headers, names in lower case with their colon. */
	struct {
		const char *name;
		const char *value;
	} header[WEB_MAX_EXTRA_HEADERS];
	size_t header_count;
	/* The body stays valid until `done(done_arg)`, called once, also when
	 * the peer went away; NULL: it is constant. */
	const void *body;
	size_t body_len;
	void (*done)(void *);
	void *done_arg;
};

/* One request waiting for its answer; one connected WebSocket. */
struct web_exchange;
struct web_viewer;

struct web_hooks {
	/* Answer by reply(), during the call or later. */
	void (*request)(struct web_exchange *, const struct web_request *,
	    void *);
	/* A WebSocket wants to open: 0, or the HTTP status that refuses. */
	int (*viewer_check)(const struct web_request *, void *);
	/* Opened; what it returns is handed to the next two. */
	void *(*viewer_open)(struct web_viewer *, void *);
	/* Its next message, text, valid until the next hook; NULL: none now. */
	const char *(*viewer_next)(void *viewer, size_t *len, void *);
	void (*viewer_closed)(void *viewer, void *);
	/* After wake(), once for one or more. */
	void (*woken)(void *);
	void (*log)(bool serious, const char *line, void *);
	void *arg;
};

struct web_listen {
	const char *host;               /* address, or NULL: all */
	int port;                       /* 0: a free one */
	const char *tls_cert;           /* PEM files, both or neither */
	const char *tls_key;
	const char *ws_path;            /* the only path a WebSocket has */
};

struct web_transport {
	uint32_t version;
	/* Starts the thread; the port, or -1 with a text in `error`. */
	int (*start)(const struct web_listen *, const struct web_hooks *,
	    char *error, size_t error_size);
	/* [any thread] Calls hooks.woken soon. */
	void (*wake)(void);
	void (*reply)(struct web_exchange *, const struct web_reply *);
	/* Asks viewer_next of every viewer as soon as it can take more. */
	void (*push)(void);
	/* Ends the thread; the peers see a close. */
	void (*stop)(void);
};

/* The exported function and its type. */
#define WEB_TRANSPORT_SYMBOL "swarm_web_transport"
typedef const struct web_transport *web_transport_fn(void);

#endif
