/*
 * A request under way on a connection of HTTP/2.  libnghttp2 knows it by its
 * address until the stream is closed, which may be after its fiber has given
 * up: then it has no exchange any more.
 */
#ifndef FASTHTTP_H2STREAM_H
#define FASTHTTP_H2STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include <swarm/fiber.h>

#include "exchange.h"
#include "h2conn.h"
#include "h2head.h"

enum h2fate {
	H2_UNDER_WAY,
	H2_WHOLE,                       /* the answer has ended well */
	H2_GIVEN_UP,                    /* by us: `error` says why */
	H2_REFUSED,                     /* the server has not looked at it */
	H2_RESET,                       /* with `code` */
	H2_LOST,                        /* with the connection: `end`, `code` */
};

struct h2stream {
	struct h2stream *next;          /* of the connection; or spare */
	struct h2stream **prev;
	struct h2conn *conn;            /* NULL: the stream is closed */
	struct exchange *x;             /* NULL: nobody waits any more */
	struct swarm_waker *waker;
	int32_t id;
	enum h2fate fate;
	enum h2end end;
	uint32_t code;
	const char *error;
	int64_t ended;                  /* when its fate was sealed */
	bool cancelled;                 /* we have reset it */
	bool by_server;                 /* the server has */
	bool on_used;                   /* not the connection's first */
	/* Of the request's body: bytes at hand, and whether they are the last.
	 * They must stay until they are gone or the stream has been left. */
	const char *out;
	size_t out_len;
	bool out_last;
	struct h2head head;
	/* Of an open response: what has come, and what is being looked at;
	 * neither grows beyond the stream's window. */
	char *queue;
	size_t queue_len;
	size_t queue_cap;
	char *piece;
	size_t piece_len;
	size_t piece_cap;
};

/* For h2conn.c: what is called when frames come and go. */
void h2stream_callbacks(nghttp2_session_callbacks *);
/* [worker] The connection has ended. */
void h2stream_end_all(struct h2conn *, enum h2end, uint32_t code);
/* worker_stop(). */
void h2stream_release(void);

/*
 * [fiber] Sends the exchange's request on a connection on which it has a place:
 * 0 and x->h2, or -1 with the place given back and *why; NULL there: on another
 * connection it may go better.  It goes out with the next flush.
 */
int h2stream_submit(struct h2conn *, struct exchange *, const char **why);
/* [fiber] There are more bytes in out, or there will be none. */
void h2stream_resume(struct h2stream *);
/* [fiber] Swaps queue and piece: what is in piece is the fiber's to look at,
 * until it swaps again. */
void h2stream_swap(struct h2stream *);
/* [fiber] Is done with it, and resets what is not over; frees it, sooner or
 * later. */
void h2stream_leave(struct h2stream *);

#endif
