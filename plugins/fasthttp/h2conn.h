/*
 * Connections of HTTP/2: libnghttp2's session on a watched stream.
 *
 * What arrives is taken apart on the loop, outside any fiber, and goes straight
 * into the exchanges; a fiber is woken when its answer (or, of an open
 * response, something of it) is there.  What the fibers of one loop turn have
 * to send goes out in one write.
 */
#ifndef FASTHTTP_H2CONN_H
#define FASTHTTP_H2CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include <swarm/net.h>

struct h2pool;
struct h2stream;

/* How a connection, and with it what was under way, has come to its end. */
enum h2end {
	H2_CLOSED,                      /* by the server, or by us */
	H2_FAILED,                      /* errno */
	H2_BROKEN,                      /* the server broke the protocol: how */
	H2_TOLD_OFF,                    /* it says that we did: how */
	H2_FLOODED,                     /* frames that bring nothing */
	H2_FOREIGN,                     /* it does not speak HTTP/2 */
};

/* On the stack of the fiber that will flush. */
struct h2flush {
	bool gone;                      /* the connection, meanwhile */
};

struct h2conn {
	struct h2conn *next;            /* of its pool */
	struct h2conn **prev;
	struct h2pool *pool;
	struct swarm_stream *stream;    /* NULL: being connected */
	nghttp2_session *session;
	struct h2stream *streams;       /* those under way */
	unsigned places;                /* taken: streams, and promised */
	uint64_t requests;              /* sent on it so far */
	bool closing;                   /* takes no more requests */
	bool over;                      /* has no streams any more */
	bool greeted;                   /* the server's SETTINGS have come */
	bool deaf;                      /* nothing can be written any more */
	bool flooded;
	uint32_t broken;                /* what we told the server is wrong */
	uint32_t told_off;              /* what it told us */
	unsigned idle_frames;           /* that brought nothing, in a row */
	int64_t idle_bytes;
	int64_t idle_since;             /* 0: it has just brought something */
	int64_t read_at;                /* clock of this read; 0: not asked */
	struct h2stream *current;       /* whose head is coming in */
	struct h2flush *flush;          /* a fiber is about to */
	char *out;                      /* what the socket has not taken */
	size_t out_at;
	size_t out_len;
};

/* For libnghttp2, once in a worker, when first needed: 0, or -1 when out of
 * memory.  worker_stop() forgets it. */
int h2conn_load(void);
void h2conn_unload(void);

/* [worker] A connection that is yet to be connected, with one place taken; NULL
 * when out of memory. */
struct h2conn *h2conn_new(struct h2pool *);
/* [fiber] Starts HTTP/2 on `stream`, which is the connection's from now on: 0,
 * or -1 when out of memory (then the stream is closed). */
int h2conn_start(struct h2conn *, struct swarm_stream *);
/* [worker] Ends it, out of its pool, and frees it; `code` is the error's. */
void h2conn_end(struct h2conn *, enum h2end, uint32_t code);

/* [worker] Sends what there is to send: false when that was its end. */
bool h2conn_flush(struct h2conn *);
/* [fiber] The same soon, with what other fibers have: the connection may have
 * ended when it returns. */
void h2conn_kick(struct h2conn *);

/* [worker] How many requests it may have under way at once. */
unsigned h2conn_limit(const struct h2conn *);
/* [worker] The time of the read that is being looked at. */
int64_t h2conn_clock(struct h2conn *);
/* A frame has come in: false when there are too many that bring nothing. */
bool h2conn_frame(struct h2conn *, bool useful);

#endif
