/*
 * What is asked of the library for a call.  Asked in three batches, the request,
 * the initial metadata, and the rest with the status, each is stamped when the
 * library has completed it: that tells a request that waited for a free stream
 * of the connection from a server that took its time, and where a deadline has
 * struck.  One batch for all costs a quarter less.  So unary calls are timed in
 * full while few are under way, while their channel is connecting, while calls
 * of it wait to be sent or hit their deadlines, and else one in so many.
 *
 * The library's calls go deep.  With many calls under way each fiber would touch
 * kilobytes of a stack of its own for them, cold every time, so from a few calls
 * on they are made on the loop's stack, for all fibers that asked meanwhile.
 */
#include "ask.h"

#include "call.h"

#include <swarm/loop.h>

#include <grpc/compression.h>
#include <grpc/support/time.h>

#include <stdlib.h>
#include <string.h>

#define FEW 16u                         /* calls under way of a worker */

static struct rpc_call *queue;          /* to be launched, newest first */
static bool posted;
static unsigned under_way;
static unsigned turn;

/* ---- the request ---- */

int ask_metadata(grpc_metadata *to, const struct rpc_metadata *from,
    size_t count, const char **why)
{
	size_t made = 0;

	for (size_t i = 0; i < count; i++) {
		const struct rpc_metadata *m = &from[i];
		size_t len = m->len || !m->value ? m->len : strlen(m->value);

		to[i].key = grpc_slice_from_copied_string(m->key);
		to[i].value = grpc_slice_from_copied_buffer(m->value, len);
		made++;
		if (!grpc_header_key_is_legal(to[i].key)) {
			*why = "a metadata key has characters other than a-z, "
			    "0-9, \"-\", \"_\" and \".\"";
			goto unref;
		}
		if (!grpc_is_binary_header(to[i].key) &&
		    !grpc_header_nonbin_value_is_legal(to[i].value)) {
			*why = "a metadata value is not printable ASCII (its "
			    "key would have to end in -bin)";
			goto unref;
		}
	}
	return 0;
unref:
	while (made-- > 0) {
		grpc_slice_unref(to[made].key);
		grpc_slice_unref(to[made].value);
	}
	return -1;
}

grpc_byte_buffer *ask_buffer(const void *data, size_t len)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(data, len);
	grpc_byte_buffer *b = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return b;
}

/* The call's pairs, then the channel's. */
static int gather(struct request *q, const struct rpc *r,
    const struct rpc_call_args *a, const char **why)
{
	size_t n = a->metadata_count;

	q->pairs = r->metadata;
	q->count = r->metadata_count;
	if (n == 0 && !a->compression)
		return 0;
	*why = "too many pairs of metadata";
	if (n > CLIENT_METADATA / 2)
		return -1;
	q->pairs = calloc(n + r->metadata_count + 1, sizeof *q->pairs);
	if (!q->pairs)
		abort();
	q->own_pairs = true;
	if (ask_metadata(q->pairs, a->metadata, n, why) == -1)
		return -1;
	if (a->compression) {
		q->pairs[n].key = grpc_slice_from_static_string(
		    GRPC_COMPRESSION_REQUEST_ALGORITHM_MD_KEY);
		q->pairs[n++].value = grpc_slice_from_copied_string(
		    a->compression);
	}
	q->own = n;
	q->count = n + r->metadata_count;
	if (r->metadata_count)
		memcpy(q->pairs + n, r->metadata, r->metadata_count *
		    sizeof *q->pairs);
	return 0;
}

static bool is_compression(const char *name)
{
	grpc_compression_algorithm algorithm;

	return grpc_compression_algorithm_parse(
	    grpc_slice_from_static_string(name), &algorithm);
}

static gpr_timespec deadline_of(double timeout)
{
	gpr_timespec now = gpr_now(GPR_CLOCK_MONOTONIC);

	if (timeout == 0)
		timeout = client_defaults.timeout;
	if (timeout < 0 || timeout > 1e9)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return gpr_time_add(now, gpr_time_from_nanos(
	    (int64_t)(timeout * 1e9), GPR_TIMESPAN));
}

int ask_prepare(struct rpc_call *c, const struct rpc_call_args *a,
    const void *data, size_t len, bool last)
{
	struct request *q = &c->request;

	q->last = last;
	q->deadline = deadline_of(a->timeout);
	if (a->wait_for_ready)
		q->flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY |
		    GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
	c->refused = "compression is \"gzip\", \"deflate\" or \"identity\"";
	if (a->compression && !is_compression(a->compression))
		return -1;
	if (gather(q, c->rpc, a, &c->refused) == -1)
		return -1;
	c->refused = NULL;
	if (a->authority) {
		q->host = grpc_slice_from_copied_string(a->authority);
		q->has_host = true;
	}
	if (data)
		q->message = ask_buffer(data, len);
	return 0;
}

void ask_release(struct rpc_call *c)
{
	struct request *q = &c->request;

	for (size_t i = 0; i < q->own; i++) {
		grpc_slice_unref(q->pairs[i].key);
		grpc_slice_unref(q->pairs[i].value);
	}
	if (q->own_pairs)
		free(q->pairs);
	if (q->has_host)
		grpc_slice_unref(q->host);
	grpc_byte_buffer_destroy(q->message);
	*q = (struct request){ .count = 0 };
}

/* ---- asking ---- */

int ask_start(struct rpc_call *c, const grpc_op *ops, size_t count,
    struct cq_event *e)
{
	call_ref(c);
	if (grpc_call_start_batch(c->grpc, ops, count, e, NULL) ==
	    GRPC_CALL_OK)
		return 0;
	call_unref(c);
	return -1;
}

static int owe(struct rpc_call *c, const grpc_op *ops, size_t count,
    struct cq_event *e)
{
	if (ask_start(c, ops, count, e) == -1)
		return -1;
	c->owed++;
	return 0;
}

/* Metadata, a message perhaps, the end perhaps. */
static size_t put_request(struct request *q, grpc_op *ops)
{
	size_t n = 0;

	ops[n].op = GRPC_OP_SEND_INITIAL_METADATA;
	ops[n].data.send_initial_metadata.metadata = q->pairs;
	ops[n].data.send_initial_metadata.count = q->count;
	ops[n++].flags = q->flags;
	if (q->message) {
		ops[n].op = GRPC_OP_SEND_MESSAGE;
		ops[n++].data.send_message.send_message = q->message;
	}
	if (q->last)
		ops[n++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	return n;
}

static size_t put_headers(struct rpc_call *c, grpc_op *ops)
{
	ops->op = GRPC_OP_RECV_INITIAL_METADATA;
	ops->data.recv_initial_metadata.recv_initial_metadata =
	    &c->headers_md;
	return 1;
}

static size_t put_answer(struct rpc_call *c, grpc_op *ops)
{
	ops[0].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
	ops[0].data.recv_status_on_client.trailing_metadata = &c->trailers_md;
	ops[0].data.recv_status_on_client.status = &c->code;
	ops[0].data.recv_status_on_client.status_details = &c->details;
	ops[0].data.recv_status_on_client.error_string = &c->debug;
	if (c->stream)
		return 1;
	ops[1].op = GRPC_OP_RECV_MESSAGE;
	ops[1].data.recv_message.recv_message = &c->answer;
	return 2;
}

static bool in_full(const struct rpc_call *c)
{
	struct channel *ch = c->channel;

	if (ch->full > 0) {
		ch->full--;
		return true;
	}
	return c->stream || under_way <= FEW ||
	    ch->state != GRPC_CHANNEL_READY ||
	    turn++ % client_defaults.phases == 0;
}

static int ask_all(struct rpc_call *c)
{
	grpc_op ops[6];
	size_t n;

	memset(ops, 0, sizeof ops);
	n = put_request(&c->request, ops);
	c->timed_in_full = in_full(c);
	if (c->timed_in_full) {
		if (owe(c, ops, n, &c->sent) == -1)
			return -1;
		memset(ops, 0, sizeof ops);
		n = put_headers(c, ops);
		if (owe(c, ops, n, &c->headers) == -1)
			return -1;
		memset(ops, 0, sizeof ops);
		n = 0;
	} else {
		n += put_headers(c, ops + n);
	}
	n += put_answer(c, ops + n);
	return owe(c, ops, n, &c->status);
}

int ask_now(struct rpc_call *c)
{
	struct request *q = &c->request;
	int rc;

	c->grpc = grpc_channel_create_call(c->channel->grpc, NULL,
	    GRPC_PROPAGATE_DEFAULTS, cq_queue(),
	    grpc_slice_from_static_string(c->path),
	    q->has_host ? &q->host : NULL, q->deadline, NULL);
	under_way++;
	rc = ask_all(c);
	ask_release(c);
	if (rc == -1) {
		c->refused = "the library refuses the call";
		grpc_call_cancel(c->grpc, NULL);
	}
	return rc;
}

void ask_destroy(struct rpc_call *c)
{
	ask_release(c);
	if (!c->grpc)
		return;
	grpc_call_unref(c->grpc);
	under_way--;
}

static void launch_all(void *arg)
{
	struct rpc_call *c = queue, *oldest = NULL;

	(void)arg;
	posted = false;
	queue = NULL;
	while (c) {
		struct rpc_call *next = c->queued;

		c->queued = oldest;
		oldest = c;
		c = next;
	}
	while (oldest) {
		c = oldest;
		oldest = c->queued;
		c->queued = NULL;
		/* Nobody waits any more, or it has ended: let it go. */
		if (c->rpc && !c->finished && ask_now(c) == -1)
			call_refuse(c);
		call_unref(c);
	}
}

void ask_later(struct rpc_call *c)
{
	c->queued = queue;
	queue = c;
	if (posted)
		return;
	posted = true;
	swarm_post(launch_all, NULL);
}

void ask_stop(void)
{
	launch_all(NULL);
}

bool ask_is_busy(void)
{
	return under_way >= FEW;
}
