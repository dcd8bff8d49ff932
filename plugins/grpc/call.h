/*
 * A call: what is asked of the library for it, what came back, and how it is
 * recorded.  A unary call lives in call.c alone; stream.c has what streams need
 * beside it.
 */
#ifndef GRPC_CALL_H
#define GRPC_CALL_H

#include "ask.h"
#include "client.h"

struct message;
struct stream;

struct rpc_call {
	struct rpc_call *next;          /* of the client's; of those kept */
	struct rpc_call **prev;
	struct rpc *rpc;                /* NULL: nobody wants it any more */
	struct channel *channel;
	grpc_call *grpc;                /* NULL: could not be begun */
	struct rows *rows;
	const char *method;             /* as it was given */
	struct swarm_timer timer;
	struct stream *stream;          /* NULL: unary */
	struct request request;
	struct rpc_call *queued;        /* the next to be begun */
	const char *path;               /* of the method */
	struct cq_event sent;           /* the request, or its metadata */
	struct cq_event headers;
	struct cq_event status;
	struct swarm_waiters waiters;
	unsigned refs;                  /* events owed, and fibers in it */
	unsigned expect;
	unsigned owed;                  /* of the three events above */
	bool finished;                  /* everything has come */
	bool canceled;                  /* by the user's own wish */
	bool timed;                     /* the timer runs */
	bool timed_in_full;             /* sent_at, headers_at will be known */
	int64_t began;
	int64_t sent_at;                /* 0: not yet */
	int64_t headers_at;
	int64_t first_at;
	int64_t ended;
	size_t received;                /* bytes of messages */
	grpc_metadata_array headers_md;
	grpc_metadata_array trailers_md;
	grpc_byte_buffer *answer;       /* of a unary call */
	grpc_status_code code;
	grpc_slice details;
	const char *debug;              /* the library's own words */
	const char *refused;            /* why it could not be begun */
};

/* The calls of the interface. */
const struct rpc_reply *call_unary(struct rpc *, const struct rpc_call_args *);

/* [worker] One with its grpc_call; on the client's list, with the caller's
 * reference. */
struct rpc_call *call_new(struct rpc *, const struct rpc_call_args *);
void call_ref(struct rpc_call *);
void call_unref(struct rpc_call *);
/* Not to be told of it any more: cancels what is under way, takes it off the
 * client's list and drops the reference that comes with a stream's place there
 * (a unary call belongs to its fiber).  Does nothing the second time. */
void call_drop(struct rpc_call *);
/* Ends it if nothing is owed any more. */
void call_settle(struct rpc_call *);
/* [fiber] Until it has ended: 0, or -1 with ECANCELED: the user is being
 * stopped, or has dropped it. */
int call_wait(struct rpc_call *);

/* [fiber] Whether these arguments can be a call; JSON becomes bytes.  0, or -1
 * after client_fail(). */
int call_check(struct rpc *, struct rpc_call_args *);
/* A failed sample, and its answer, of a call that was not made, for errno and
 * the client's error. */
const struct rpc_reply *call_not_made(struct rpc *,
    const struct rpc_call_args *);
/* [worker] It could not be begun, for c->refused: it has ended. */
void call_refuse(struct rpc_call *);
/* Frees what is kept for reuse. */
void call_stop(void);

#endif
