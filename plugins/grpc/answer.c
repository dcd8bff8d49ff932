/* What a call answers: a copy in the task's memory. */
#include "answer.h"

#include "call.h"
#include "types.h"

#include <swarm/user.h>

#include <grpc/byte_buffer_reader.h>

#include <errno.h>
#include <string.h>

/* A reply, and what its type is found by. */
struct answer {
	struct rpc_reply r;
	struct swarm_user *user;
	struct rpc *rpc;                /* NULL: there was no answer; it may
	                                 * have been freed since */
	const char *method;
};

const char *answer_json(const struct rpc_reply *r)
{
	const struct answer *a = (const struct answer *)r;
	const char *text;

	if (!a->rpc || a->r.code != RPC_OK || !client_lives(a->user, a->rpc)) {
		errno = ENODATA;
		return NULL;
	}
	client_ref(a->rpc);
	text = types_decode(a->rpc, a->method, false, r->data, r->len);
	client_unref(a->rpc);
	return text;
}

static const void *bytes_of(struct swarm_user *u, grpc_byte_buffer *b,
    size_t *len)
{
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	char *to, *at;

	*len = 0;
	if (!b || !grpc_byte_buffer_reader_init(&reader, b))
		return "";
	*len = grpc_byte_buffer_length(reader.buffer_out);
	at = to = swarm_alloc(u, *len + 1);
	while (grpc_byte_buffer_reader_next(&reader, &slice)) {
		size_t n = GRPC_SLICE_LENGTH(slice);

		memcpy(at, GRPC_SLICE_START_PTR(slice), n);
		at += n;
		grpc_slice_unref(slice);
	}
	*at = 0;
	grpc_byte_buffer_reader_destroy(&reader);
	return to;
}

static char *copy_slice(struct swarm_user *u, grpc_slice s)
{
	size_t n = GRPC_SLICE_LENGTH(s);
	char *to = swarm_alloc(u, n + 1);

	memcpy(to, GRPC_SLICE_START_PTR(s), n);
	to[n] = 0;
	return to;
}

static const struct rpc_metadata *copy_pairs(struct swarm_user *u,
    const grpc_metadata_array *from)
{
	struct rpc_metadata *to;

	if (from->count == 0)
		return NULL;
	to = swarm_alloc(u, from->count * sizeof *to);
	for (size_t i = 0; i < from->count; i++) {
		to[i].key = copy_slice(u, from->metadata[i].key);
		to[i].value = copy_slice(u, from->metadata[i].value);
		to[i].len = GRPC_SLICE_LENGTH(from->metadata[i].value);
	}
	return to;
}

static int64_t since(const struct rpc_call *c, int64_t when)
{
	return when ? when - c->began : -1;
}

const struct rpc_reply *answer_of(struct rpc_call *c, struct swarm_user *u)
{
	struct answer *a = swarm_alloc(u, sizeof *a);
	struct rpc_reply *to = &a->r;

	a->user = u;
	a->rpc = c->rpc;
	a->method = c->method;
	*to = (struct rpc_reply){
		.size = sizeof *to,
		.code = (enum rpc_code)c->code,
		.message = GRPC_SLICE_LENGTH(c->details) ?
		    copy_slice(u, c->details) : "",
		.headers = copy_pairs(u, &c->headers_md),
		.header_count = c->headers_md.count,
		.trailers = copy_pairs(u, &c->trailers_md),
		.trailer_count = c->trailers_md.count,
		.duration = c->ended - c->began,
		.sent = since(c, c->sent_at),
		.headers_after = since(c, c->headers_at),
		.message_after = since(c, c->first_at),
	};
	to->data = bytes_of(u, c->answer, &to->len);
	return to;
}

const struct rpc_reply *answer_none(struct swarm_user *u, enum rpc_code code,
    const char *why)
{
	struct answer *a = swarm_alloc(u, sizeof *a);
	struct rpc_reply *to = &a->r;

	a->rpc = NULL;
	*to = (struct rpc_reply){
		.size = sizeof *to, .code = code,
		.message = swarm_strdup(u, why), .data = "",
		.sent = -1, .headers_after = -1, .message_after = -1,
	};
	return to;
}

const struct rpc_reply *answer_canceled(const struct rpc_call *c,
    struct swarm_user *u)
{
	return answer_none(u, RPC_CANCELLED, c->rpc ?
	    "the user is being stopped" : "the channel was freed");
}
