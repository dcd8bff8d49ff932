/*
 * Streams: what a call needs when it has more than one message each way.  The
 * functions that take a call do nothing for a unary one.
 */
#ifndef GRPC_STREAM_H
#define GRPC_STREAM_H

#include "call.h"
#include "match.h"

struct message;
struct method;

struct stream {
	struct rpc_call *call;
	struct cq_event read;
	struct cq_event write;
	bool reading;                   /* the library owes that event */
	bool writing;                   /* the library owes that event... */
	bool writing_first;             /* ... or the request's */
	bool broken;                    /* nothing more can be sent */
	bool half_closed;
	bool over;                      /* no more messages will come */
	bool discard;                   /* nobody wants them */
	bool paused;                    /* the queue is full */
	bool counted;                   /* among the open ones */
	grpc_byte_buffer *incoming;
	struct message *first;
	struct message **last;
	struct message *current;        /* what rpc_receive() answered */
	size_t queued;
	size_t queued_bytes;
	rpc_handler *handler;
	void *handler_arg;
	int64_t last_at;                /* the message before; 0: none */
	struct match match;
	rpc_key_fn *key;
	void *arg;
	char *key_field;
	const struct method *method;    /* of key_field, or NULL */
};

/* The calls of the interface. */
struct rpc_call *stream_open(struct rpc *, const struct rpc_call_args *);
int stream_send(struct rpc_call *, const struct rpc_send_args *);
const struct rpc_message *stream_receive(struct rpc_call *, int64_t deadline);
void stream_on_message(struct rpc_call *, rpc_handler *, void *arg);
const char *stream_message_json(const struct rpc_message *);
struct rpc_call *stream_of_message(const struct rpc_message *);
int stream_end(struct rpc_call *);
void stream_cancel(struct rpc_call *);
const struct rpc_reply *stream_finish(struct rpc_call *);
/* As stream_open(), not measured: for what the plugin itself asks. */
struct rpc_call *stream_open_quiet(struct rpc *, const struct rpc_call_args *);

/* [worker] For call.c. */
bool stream_reading(const struct rpc_call *);
void stream_sent(struct rpc_call *);
void stream_ended(struct rpc_call *);
void stream_abandon(struct rpc_call *);
void stream_release(struct rpc_call *);

#endif
