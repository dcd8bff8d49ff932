/*
 * gRPC for scenarios: the interface "swarm.grpc/1".
 *
 *	static void start(struct swarm_user *u)
 *	{
 *		struct shop *s = swarm_data(u);
 *
 *		s->rpc = rpc_connect(u);
 *	}
 *
 *	static void order(struct swarm_user *u)
 *	{
 *		struct shop *s = swarm_data(u);
 *		const struct rpc_reply *r = rpc_unary(s->rpc,
 *		    .method = "shop.Orders/Create",
 *		    .json = "{\"item\": 7, \"count\": 2}");
 *
 *		if (r->code == RPC_OK)
 *			swarm_debug("%s", rpc_json(r));
 *	}
 *
 * A unary call is one line.  The other three kinds are a stream: rpc_open(),
 * any number of rpc_send() and rpc_receive() in any order, and rpc_finish(),
 * which answers with the status.  One fiber may send while another receives.
 *
 * A message is bytes (.data and .len), or JSON (.json), which is turned into
 * protobuf by what the server's reflection, a protoset or .proto files say;
 * RPC_PACK() takes a message of protobuf-c.
 *
 * Samples are of type "GRPC": "connect" (or .name of rpc_connect()), and each
 * call under its method (or .name) until its status came, whichever of the 17
 * it is; all but RPC_OK and what .expect names are failures.  A message
 * matched to its reply (see enum rpc_match) is a sample of type
 * "GRPC message".  Times are taken when the library has completed the
 * operation, not when the fiber runs again.  Phases are series of other types:
 * see the manual, grpc(7), for them and for the counters.
 *
 * All functions are [fiber] unless marked otherwise.
 */
#ifndef SWARM_GRPC_H
#define SWARM_GRPC_H

#include <swarm/fiber.h>
#include <swarm/user.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A channel as one user has it, connected or not: the library connects again
 * by itself.  Belongs to the user that made it and is used on its fibers only.
 * Freed by rpc_free(), or by swarm when the user ends.
 */
struct rpc;

/* A stream under way.  Freed by rpc_finish(), or by swarm when the user ends
 * or frees the channel, which cancels it. */
struct rpc_call;

/* How a call ended; the numbers of the standard. */
enum rpc_code {
	RPC_OK = 0,
	RPC_CANCELLED = 1,
	RPC_UNKNOWN = 2,
	RPC_INVALID_ARGUMENT = 3,
	RPC_DEADLINE_EXCEEDED = 4,
	RPC_NOT_FOUND = 5,
	RPC_ALREADY_EXISTS = 6,
	RPC_PERMISSION_DENIED = 7,
	RPC_RESOURCE_EXHAUSTED = 8,
	RPC_FAILED_PRECONDITION = 9,
	RPC_ABORTED = 10,
	RPC_OUT_OF_RANGE = 11,
	RPC_UNIMPLEMENTED = 12,
	RPC_INTERNAL = 13,
	RPC_UNAVAILABLE = 14,
	RPC_DATA_LOSS = 15,
	RPC_UNAUTHENTICATED = 16,
};

/* For .expect: codes that are no failure, joined by "|". */
#define RPC_EXPECT(code) (1u << (code))

/*
 * A pair of metadata.  The value of a key that ends in "-bin" is `len` bytes,
 * any; else text, and `len` may be 0 for a string.  A received value is
 * followed by a NUL that `len` does not count.  Frozen.
 */
struct rpc_metadata {
	const char *key;                /* lower case */
	const char *value;
	size_t len;
};

/* How to secure a channel; PEM files.  What is left out is taken from the
 * plugin's options. */
struct rpc_tls {
	uint32_t size;
	const char *ca_file;            /* NULL: the option, or the system's */
	const char *cert_file;          /* the client's own (mTLS), or NULL */
	const char *key_file;           /* NULL: in cert_file */
	const char *server_name;        /* to verify; NULL: the target's host */
	bool insecure;                  /* do not verify the server */
};

/* Everything may be left out.  Strings are copied. */
struct rpc_connect_args {
	uint32_t size;
	/* "host:port", or with a scheme: grpc:// and http:// (plain), grpcs://
	 * and https:// (TLS), unix:/path.  NULL: swarm_host(). */
	const char *target;
	/* 0: a connection of its own (or as the option "share" says).  N: one
	 * of N connections that the users of this worker share, in turn, among
	 * those with equal arguments.  -1: its own in any case. */
	int share;
	const struct rpc_tls *tls;      /* given: TLS, whatever the scheme */
	const char *authority;          /* NULL: the target's host and port */
	const char *user_agent;         /* before the library's own */
	double timeout;                 /* seconds to connect; 0: the option */
	double keepalive;               /* seconds between pings; 0: none */
	double keepalive_timeout;       /* seconds for its answer; 0: 20 */
	bool keepalive_idle;            /* also without calls */
	size_t max_receive;             /* bytes of a message; 0: the option */
	size_t max_send;                /* bytes of a message; 0: no limit */
	const char *compression;        /* of calls: "gzip", "deflate" */
	const char *policy;             /* load balancing: "round_robin" */
	const char *service_config;     /* JSON, as the library takes it */
	double reconnect_min;           /* seconds; 0: the options */
	double reconnect_max;
	/* Added to every call of the channel. */
	const struct rpc_metadata *metadata;
	size_t metadata_count;
	bool lazy;                      /* connect with the first call */
	const char *name;               /* of the sample; NULL: "connect" */
};

/* How a message of a stream finds the message it answers to. */
enum rpc_match {
	RPC_MATCH_NONE,                 /* the gaps between messages count */
	RPC_MATCH_ORDER,                /* the first reply answers the first
	                                 * message, and so on */
	RPC_MATCH_KEY,                  /* equal keys, see .key and .key_field */
};

/* [worker] Finds the key of a message, sent or received; false: it has none.
 * Must not wait. */
typedef bool rpc_key_fn(const void *data, size_t len, uint64_t *key,
    void *arg);

/* A call; all but the method may be left out. */
struct rpc_call_args {
	uint32_t size;
	const char *method;             /* "package.Service/Method" */
	const void *data;               /* the message, as bytes */
	size_t len;
	const char *json;               /* or as JSON */
	const struct rpc_metadata *metadata;
	size_t metadata_count;
	/* Seconds until the deadline, which the server is told; 0: the option;
	 * negative: none. */
	double timeout;
	const char *compression;        /* "gzip", "deflate", "identity" */
	bool wait_for_ready;            /* wait while there is no connection */
	const char *authority;
	unsigned expect;                /* RPC_EXPECT(...): no failures */
	const char *name;               /* of the sample; NULL: the method */

	/* Of rpc_open() only. */
	enum rpc_match match;
	const char *key_field;          /* a field by JSON names: "head.id" */
	rpc_key_fn *key;                /* instead of a field */
	void *arg;                      /* of key */
};

/* How a call ended.  Lives until the task returns. */
struct rpc_reply {
	uint32_t size;
	enum rpc_code code;
	const char *message;            /* of the status; "" */
	const void *data;               /* of a unary call: the answer, followed
	                                 * by a NUL that len does not count;
	                                 * never NULL */
	size_t len;
	const struct rpc_metadata *headers;     /* initial metadata */
	size_t header_count;
	const struct rpc_metadata *trailers;
	size_t trailer_count;
	int64_t duration;               /* ns until the status came */
	/* Nanoseconds since the call began; -1: did not happen. */
	int64_t sent;                   /* the request was written */
	int64_t headers_after;          /* the initial metadata came */
	int64_t message_after;          /* the first message came */
};

/* A received message of a stream. */
struct rpc_message {
	uint32_t size;
	const void *data;               /* followed by a NUL, as above */
	size_t len;
	int64_t received;               /* swarm_now() on the library's side */
	int64_t latency;                /* ns since the message it answers was
	                                 * sent; -1: no match */
};

struct rpc_send_args {
	uint32_t size;
	const void *data;
	size_t len;
	const char *json;
	bool last;                      /* nothing more will be sent */
	bool raw;                       /* not compressed */
};

/* [worker] Called on the loop, outside any fiber: must not wait.  The message
 * is valid until it returns; NULL: there are no more. */
typedef void rpc_handler(struct rpc_call *, const struct rpc_message *,
    void *arg);

/* What is known of a channel; the numbers are those of the moment. */
struct rpc_info {
	uint32_t size;
	bool connected;
	bool shared;
	unsigned under_way;             /* calls of the connection */
	uint64_t reconnects;
};

/* The table behind the names below. */
struct rpc_api {
	struct swarm_iface head;
	struct rpc *(*connect)(struct swarm_user *,
	    const struct rpc_connect_args *);
	const struct rpc_reply *(*unary)(struct rpc *,
	    const struct rpc_call_args *);
	struct rpc_call *(*open)(struct rpc *, const struct rpc_call_args *);
	int (*send)(struct rpc_call *, const struct rpc_send_args *);
	const struct rpc_message *(*receive)(struct rpc_call *,
	    int64_t deadline);
	void (*on_message)(struct rpc_call *, rpc_handler *, void *arg);
	int (*end)(struct rpc_call *);
	void (*cancel)(struct rpc_call *);
	const struct rpc_reply *(*finish)(struct rpc_call *);
	void (*free)(struct rpc *);
	const char *(*error)(struct rpc *);
	const struct rpc_info *(*info)(struct rpc *);
	const char *(*code_name)(int code);
	const char *(*reply_json)(const struct rpc_reply *);
	const char *(*message_json)(const struct rpc_message *);
	const char *(*services)(struct rpc *);
	const char *(*describe)(struct rpc *, const char *symbol);
	int (*kind)(struct rpc *, const char *method);
};

/* A provider defines RPC_PROVIDER and gets the types only. */
#ifndef RPC_PROVIDER
SWARM_IMPORT(rpc_api, rpc_api_, "swarm.grpc/1", 0)

#ifndef __cplusplus
/* For .tls = &RPC_TLS(...) and .metadata = RPC_METADATA({ "a", "text", 0 },
 * { "b-bin", bytes, 3 }). */
#define RPC_TLS(...) \
	((struct rpc_tls){ .size = sizeof(struct rpc_tls), __VA_ARGS__ })
#define RPC_METADATA(...) \
	(const struct rpc_metadata[]){ __VA_ARGS__ }, \
	.metadata_count = sizeof((const struct rpc_metadata[]){ \
	    __VA_ARGS__ }) / sizeof(struct rpc_metadata)

/*
 * In place of .data and .len: a message of protobuf-c, packed.  Include what
 * protoc-c made before using it; this header needs nothing of protobuf-c.
 *	rpc_unary(c, .method = "shop.Orders/Create", RPC_PACK(u, &order));
 * An answer is unpacked by shop__order__unpack(NULL, r->len, r->data).
 */
#define RPC_PACK(u, packed_) \
	.len = protobuf_c_message_get_packed_size( \
	    (const ProtobufCMessage *)(packed_)), \
	.data = __extension__({ \
		const ProtobufCMessage *message_ = \
		    (const ProtobufCMessage *)(packed_); \
		void *bytes_ = swarm_alloc((u), \
		    protobuf_c_message_get_packed_size(message_) + 1); \
		protobuf_c_message_pack(message_, bytes_); \
		(const void *)bytes_; \
	})

/*
 * rpc_connect(u, .field = value, ...): connects, and waits until the channel
 * is ready or has failed.  Never NULL: a channel that failed tries again by
 * itself, and what is asked of it until then fails as RPC_UNAVAILABLE.
 */
#define rpc_connect(u, ...) \
	rpc_api_->connect((u), &(struct rpc_connect_args){ \
		.size = sizeof(struct rpc_connect_args), __VA_ARGS__ })

/*
 * rpc_unary(c, .method = ..., .data = ..., .len = ...): a call with one
 * message each way.  Never NULL.  While the user is being stopped it answers
 * RPC_CANCELLED at once.
 */
#define rpc_unary(c, ...) \
	rpc_api_->unary((c), &(struct rpc_call_args){ \
		.size = sizeof(struct rpc_call_args), __VA_ARGS__ })

/*
 * rpc_open(c, .method = ...): begins a stream; does not wait.  With .data or
 * .json the first message is sent at once.  Never NULL: when it cannot be
 * begun, what is asked of it fails, and rpc_finish() says why.
 */
#define rpc_open(c, ...) \
	rpc_api_->open((c), &(struct rpc_call_args){ \
		.size = sizeof(struct rpc_call_args), __VA_ARGS__ })

/*
 * rpc_send(s, .data = ..., .len = ...): a message.  0 when the library has
 * taken it; waits while the one before is still being written, which is how
 * the server's flow control is felt.  -1 with errno EPIPE (the stream has
 * ended: see rpc_finish()), ECANCELED (the user is being stopped), EINVAL
 * (JSON that is no such message; rpc_error() says more).
 */
#define rpc_send(s, ...) \
	rpc_api_->send((s), &(struct rpc_send_args){ \
		.size = sizeof(struct rpc_send_args), __VA_ARGS__ })
#endif

/* The next message, waiting for it; valid until the next rpc_receive() of this
 * stream or rpc_finish().  NULL with errno: ENODATA (the stream has ended),
 * ETIMEDOUT, ECANCELED. */
static inline const struct rpc_message *rpc_receive(struct rpc_call *s,
    int64_t deadline)
{
	return rpc_api_->receive(s, deadline);
}

/* From now on messages go to `fn` as they come, first those kept; the stream
 * then needs no fiber. */
static inline void rpc_on_message(struct rpc_call *s, rpc_handler *fn,
    void *arg)
{
	rpc_api_->on_message(s, fn, arg);
}

/* Says that nothing more will be sent; 0, or -1 as rpc_send(). */
static inline int rpc_end(struct rpc_call *s)
{
	return rpc_api_->end(s);
}

/* Ends it from this side: RPC_CANCELLED, which is then no failure. */
static inline void rpc_cancel(struct rpc_call *s)
{
	rpc_api_->cancel(s);
}

/* Ends sending, drops what is still received, waits for the status, and frees
 * the stream.  Never NULL; its `data` is empty. */
static inline const struct rpc_reply *rpc_finish(struct rpc_call *s)
{
	return rpc_api_->finish(s);
}

/* [worker] Frees the channel, cancels what is under way and frees its streams;
 * other fibers that wait in them come back with RPC_CANCELLED, or with
 * ECANCELED (rpc_send() and rpc_end(): EPIPE).  NULL is fine. */
static inline void rpc_free(struct rpc *c)
{
	rpc_api_->free(c);
}

/* Why connecting, or turning JSON into a message, failed last; "" when it did
 * not. */
static inline const char *rpc_error(struct rpc *c)
{
	return rpc_api_->error(c);
}

/* Valid until the next call of rpc_info(). */
static inline const struct rpc_info *rpc_info(struct rpc *c)
{
	return rpc_api_->info(c);
}

/* [any thread] "NOT_FOUND"; "?" for what is no code. */
static inline const char *rpc_code_name(int code)
{
	return rpc_api_->code_name(code);
}

/* An answer as JSON, valid until the task returns; NULL when its type is not
 * known (rpc_error()) or there is none. */
static inline const char *rpc_json(const struct rpc_reply *r)
{
	return rpc_api_->reply_json(r);
}

/* How a method is called: 0 unary, plus 1 when the client streams, plus 2 when
 * the server does; -1 when it is not known (ENOENT), nobody knows (ENOSYS) or
 * the server cannot be asked (rpc_error()). */
static inline int rpc_kind(struct rpc *c, const char *method)
{
	return rpc_api_->kind(c, method);
}

/* The server's services, a line each; valid until the task returns; NULL when
 * they are not known (rpc_error()). */
static inline const char *rpc_services(struct rpc *c)
{
	return rpc_api_->services(c);
}

/* A service, method, message or enum as a .proto file would have it; as
 * above. */
static inline const char *rpc_describe(struct rpc *c, const char *symbol)
{
	return rpc_api_->describe(c, symbol);
}

/* As rpc_json(), of a message of a stream.  [worker] A handler cannot wait for
 * the types: NULL with EAGAIN unless they are known, which they are once
 * rpc_kind() has told of the method. */
static inline const char *rpc_message_json(const struct rpc_message *m)
{
	return rpc_api_->message_json(m);
}
#endif

#ifdef __cplusplus
}
#endif
#endif
