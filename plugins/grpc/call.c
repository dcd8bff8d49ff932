/*
 * Calls.  What a call asks of the library is three batches: the request; the
 * initial metadata; the rest with the status.  Each is stamped when the library
 * has completed it: one alone would cost a little less, but could not tell a
 * request that waited for a free stream of the connection from a server that
 * took its time, nor where a deadline has struck.
 *
 * A call that nobody waits for any more (its user was stopped) is canceled and
 * lives on until the library owes it nothing.
 */
#include "call.h"

#include "stream.h"
#include "text.h"
#include "types.h"

#include <swarm/log.h>
#include <swarm/user.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <grpc/support/alloc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 4096u

static struct rpc_call *kept;
static unsigned kept_count;

#define CALL_OF(e, field) \
	((struct rpc_call *)((char *)(e) - offsetof(struct rpc_call, field)))

/* ---- life ---- */

static void leave_list(struct rpc_call *c)
{
	if (!c->prev)
		return;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->prev = NULL;
	c->next = NULL;
}

void call_ref(struct rpc_call *c)
{
	c->refs++;
}

void call_unref(struct rpc_call *c)
{
	if (--c->refs > 0)
		return;
	leave_list(c);
	stream_release(c);
	if (c->grpc)
		grpc_call_unref(c->grpc);
	grpc_metadata_array_destroy(&c->headers_md);
	grpc_metadata_array_destroy(&c->trailers_md);
	grpc_byte_buffer_destroy(c->answer);
	grpc_slice_unref(c->details);
	gpr_free((void *)(uintptr_t)c->debug);
	if (c->channel) {
		c->channel->under_way--;
		channel_unref(c->channel);
	}
	if (kept_count == KEPT) {
		free(c);
		return;
	}
	c->next = kept;
	kept = c;
	kept_count++;
}

void call_stop(void)
{
	while (kept) {
		struct rpc_call *c = kept;

		kept = c->next;
		free(c);
	}
	kept_count = 0;
}

void call_abandon(struct rpc_call *c)
{
	if (c->timed)
		swarm_drop(&c->timer);
	c->timed = false;
	leave_list(c);
	c->rpc = NULL;
	if (c->grpc && !c->finished)
		grpc_call_cancel(c->grpc, NULL);
	waiters_wake(&c->waiters);
	stream_abandon(c);
}

/* ---- what the library has completed ---- */

/* Where the deadline has struck. */
static const char *lateness(const struct rpc_call *c)
{
	if (!c->sent_at) {
		rows_add(ROWS_LATE_QUEUED, 1);
		return "before the request was sent";
	}
	if (!c->headers_at) {
		rows_add(ROWS_LATE_WAITING, 1);
		return "waiting for an answer";
	}
	rows_add(ROWS_LATE_STREAMING, 1);
	return "between messages";
}

static void count_http2(const struct rpc_call *c, const char *details,
    size_t len)
{
	if (memmem(details, len, "RST_STREAM", 10))
		rows_add(ROWS_RST_STREAM, 1);
	else if (memmem(details, len, "GOAWAY", 6) ||
	    (c->debug && strstr(c->debug, "GOAWAY")))
		rows_add(ROWS_GOAWAY, 1);
}

static void fail_sample(struct rpc_call *c)
{
	const char *details = (const char *)GRPC_SLICE_START_PTR(c->details);
	size_t len = GRPC_SLICE_LENGTH(c->details);
	char why[CLIENT_ERROR];

	if (c->code == GRPC_STATUS_DEADLINE_EXCEEDED) {
		swarm_fail_at(&c->timer, c->ended, "DEADLINE_EXCEEDED %s",
		    lateness(c));
		return;
	}
	count_http2(c, details, len);
	text_reason(why, sizeof why, details, len);
	swarm_fail_at(&c->timer, c->ended, "%s: %s",
	    rows_code_name((int)c->code), why);
}

static void record_phases(struct rpc_call *c)
{
	int64_t first = c->headers_at ? c->headers_at : c->ended;

	if (!c->sent_at)
		return;
	rows_phase(c->rows, ROWS_QUEUED, c->sent_at - c->began);
	rows_phase(c->rows, ROWS_SERVER, first - c->sent_at);
	if (c->headers_at)
		rows_phase(c->rows, ROWS_HEADERS, c->headers_at - c->began);
	if (c->first_at)
		rows_phase(c->rows, ROWS_FIRST_MESSAGE,
		    c->first_at - c->began);
	if (c->stream)
		rows_phase(c->rows, ROWS_LIFETIME, c->ended - c->began);
}

static void record(struct rpc_call *c)
{
	unsigned code = (unsigned)c->code;
	bool expected = c->expect >> (code & 31) & 1;

	record_phases(c);
	rows_code(c->rows, code, c->ended - c->began, c->received);
	if (code == 0 || expected || (c->canceled && code == RPC_CANCELLED))
		swarm_done_at(&c->timer, c->ended, c->received);
	else
		fail_sample(c);
	c->timed = false;
}

/* When everything that was asked for has come, in whatever order. */
void call_settle(struct rpc_call *c)
{
	if (c->finished || c->owed > 0 || stream_reading(c))
		return;
	c->finished = true;
	stream_ended(c);
	if (c->timed)
		record(c);
	waiters_wake(&c->waiters);
}

static void on_sent(struct cq_event *e)
{
	struct rpc_call *c = CALL_OF(e, sent);

	if (e->ok)
		c->sent_at = e->when;
	c->owed--;
	stream_sent(c);
	call_settle(c);
	call_unref(c);
}

static void on_headers(struct cq_event *e)
{
	struct rpc_call *c = CALL_OF(e, headers);

	if (e->ok)
		c->headers_at = e->when;
	c->owed--;
	call_settle(c);
	call_unref(c);
}

static void on_status(struct cq_event *e)
{
	struct rpc_call *c = CALL_OF(e, status);

	c->ended = e->when;
	c->owed--;
	if (c->answer) {
		c->received = grpc_byte_buffer_length(c->answer);
		c->first_at = e->when;
		rows_add(ROWS_RECEIVED, 1);
		rows_add(ROWS_RECEIVED_BYTES, (int64_t)c->received);
	}
	call_settle(c);
	call_unref(c);
}

/* ---- asking ---- */

int call_start(struct rpc_call *c, const grpc_op *ops, size_t count,
    struct cq_event *e)
{
	call_ref(c);
	if (grpc_call_start_batch(c->grpc, ops, count, e, NULL) ==
	    GRPC_CALL_OK)
		return 0;
	c->refs--;
	return -1;
}

int call_metadata(grpc_metadata *to, const struct rpc_metadata *from,
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

grpc_byte_buffer *call_buffer(const void *data, size_t len)
{
	grpc_slice slice = grpc_slice_from_copied_buffer(data, len);
	grpc_byte_buffer *b = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return b;
}

static void unref_own(grpc_metadata *own, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		grpc_slice_unref(own[i].key);
		grpc_slice_unref(own[i].value);
	}
}

/* The call's pairs, then the channel's. */
static int gather(struct rpc *r, const struct rpc_call_args *a,
    grpc_metadata **to, size_t *own, size_t *count, const char **why)
{
	size_t n = a->metadata_count;

	*own = 0;
	*count = r->metadata_count;
	*to = r->metadata;
	if (n == 0 && !a->compression)
		return 0;
	if (n > CLIENT_METADATA / 2) {
		*why = "too many pairs of metadata";
		return -1;
	}
	*to = swarm_alloc(r->user, (n + r->metadata_count + 1) *
	    sizeof **to);
	memset(*to, 0, (n + 1) * sizeof **to);
	if (call_metadata(*to, a->metadata, n, why) == -1)
		return -1;
	if (a->compression) {
		(*to)[n].key = grpc_slice_from_static_string(
		    GRPC_COMPRESSION_REQUEST_ALGORITHM_MD_KEY);
		(*to)[n++].value = grpc_slice_from_copied_string(
		    a->compression);
	}
	*own = n;
	*count = n + r->metadata_count;
	if (r->metadata_count)
		memcpy(*to + n, r->metadata, r->metadata_count *
		    sizeof **to);
	return 0;
}

static bool is_compression(const char *name)
{
	grpc_compression_algorithm algorithm;

	return grpc_compression_algorithm_parse(
	    grpc_slice_from_static_string(name), &algorithm);
}

/* The request: metadata, a message perhaps, the end perhaps. */
static int send_request(struct rpc *r, struct rpc_call *c,
    const struct rpc_call_args *a, grpc_byte_buffer *message, bool last)
{
	size_t n = 0, own, count;
	grpc_op ops[3] = { { .op = GRPC_OP_SEND_INITIAL_METADATA } };
	grpc_metadata *pairs;
	int rc;

	c->refused = "compression is \"gzip\", \"deflate\" or \"identity\"";
	if (a->compression && !is_compression(a->compression))
		return -1;
	if (gather(r, a, &pairs, &own, &count, &c->refused) == -1)
		return -1;
	ops[n].data.send_initial_metadata.metadata = pairs;
	ops[n].data.send_initial_metadata.count = count;
	if (a->wait_for_ready)
		ops[n].flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY |
		    GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
	n++;
	if (message) {
		ops[n].op = GRPC_OP_SEND_MESSAGE;
		ops[n++].data.send_message.send_message = message;
	}
	if (last)
		ops[n++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	c->refused = "the library refuses the request";
	rc = call_start(c, ops, n, &c->sent);
	unref_own(pairs, own);
	if (rc == 0)
		c->refused = NULL;
	return rc;
}

static int ask_headers(struct rpc_call *c)
{
	grpc_op op = { .op = GRPC_OP_RECV_INITIAL_METADATA };

	op.data.recv_initial_metadata.recv_initial_metadata = &c->headers_md;
	return call_start(c, &op, 1, &c->headers);
}

static int ask_status(struct rpc_call *c)
{
	grpc_op ops[2] = { { .op = GRPC_OP_RECV_STATUS_ON_CLIENT } };

	ops[0].data.recv_status_on_client.trailing_metadata = &c->trailers_md;
	ops[0].data.recv_status_on_client.status = &c->code;
	ops[0].data.recv_status_on_client.status_details = &c->details;
	ops[0].data.recv_status_on_client.error_string = &c->debug;
	ops[1].op = GRPC_OP_RECV_MESSAGE;
	ops[1].data.recv_message.recv_message = &c->answer;
	return call_start(c, ops, c->stream ? 1 : 2, &c->status);
}

int call_begin(struct rpc_call *c, const struct rpc_call_args *a,
    grpc_byte_buffer *message, bool last)
{
	/* What comes first is asked last: nothing may be missed. */
	if (send_request(c->rpc, c, a, message, last) == -1)
		return -1;
	c->owed++;
	if (ask_headers(c) == -1)
		goto cancel;
	c->owed++;
	if (ask_status(c) == -1)
		goto cancel;
	c->owed++;
	return 0;
cancel:
	c->refused = "the library refuses the call";
	grpc_call_cancel(c->grpc, NULL);
	return -1;
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

static struct rpc_call *take(void)
{
	struct rpc_call *c = kept;

	if (c) {
		kept = c->next;
		kept_count--;
	} else {
		c = malloc(sizeof *c);
		if (!c)
			abort();
	}
	memset(c, 0, sizeof *c);
	return c;
}

struct rpc_call *call_new(struct rpc *r, const struct rpc_call_args *a)
{
	struct rpc_call *c = take();
	struct rows *method;
	grpc_slice host;

	c->refs = 1;
	c->rpc = r;
	c->sent.run = on_sent;
	c->headers.run = on_headers;
	c->status.run = on_status;
	c->details = grpc_empty_slice();
	c->next = r->calls;
	c->prev = &r->calls;
	if (c->next)
		c->next->prev = &c->next;
	r->calls = c;
	if (!a)
		return c;
	method = rows_of(a->method);
	c->method = method->name;
	c->rows = a->name ? rows_of(a->name) : method;
	c->expect = a->expect;
	c->channel = r->channel;
	channel_ref(c->channel);
	c->channel->under_way++;
	if (a->authority)
		host = grpc_slice_from_copied_string(a->authority);
	c->began = swarm_now();
	c->timer = swarm_begin_at(r->user, c->rows->calls, c->began);
	c->timed = true;
	c->grpc = grpc_channel_create_call(c->channel->grpc, NULL,
	    GRPC_PROPAGATE_DEFAULTS, cq_queue(),
	    grpc_slice_from_static_string(rows_path(method)),
	    a->authority ? &host : NULL, deadline_of(a->timeout), NULL);
	if (a->authority)
		grpc_slice_unref(host);
	return c;
}

/* ---- answering ---- */

/* A reply, and what its type is found by. */
struct answer {
	struct rpc_reply r;
	struct rpc *rpc;                /* NULL: there was no answer */
	const char *method;
};

const char *call_reply_json(const struct rpc_reply *r)
{
	const struct answer *a = (const struct answer *)r;

	if (a->rpc && a->r.code == RPC_OK)
		return types_decode(a->rpc, a->method, false, r->data,
		    r->len);
	errno = ENODATA;
	return NULL;
}

const void *call_bytes(struct swarm_user *u, grpc_byte_buffer *b, size_t *len)
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

const struct rpc_reply *call_reply(struct rpc_call *c, struct swarm_user *u)
{
	struct answer *a = swarm_alloc(u, sizeof *a);
	struct rpc_reply *to = &a->r;

	a->rpc = c->rpc;
	a->method = c->method;
	*to = (struct rpc_reply){
		.size = sizeof *to,
		.code = (unsigned)c->code < ROWS_CODES ?
		    (enum rpc_code)c->code : RPC_UNKNOWN,
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
	to->data = call_bytes(u, c->answer, &to->len);
	return to;
}

const struct rpc_reply *call_refused(struct swarm_user *u, enum rpc_code code,
    const char *why)
{
	struct answer *a = swarm_alloc(u, sizeof *a);
	struct rpc_reply *to = &a->r;

	a->rpc = NULL;
	a->method = NULL;
	*to = (struct rpc_reply){
		.size = sizeof *to, .code = code,
		.message = swarm_strdup(u, why), .data = "",
		.sent = -1, .headers_after = -1, .message_after = -1,
	};
	return to;
}

/* A call that could not be made is a failed sample too. */
const struct rpc_reply *call_refuse(struct rpc *r, struct rpc_call *c)
{
	const char *why = c->refused;
	const struct rpc_reply *to = call_refused(r->user,
	    RPC_INVALID_ARGUMENT, why);

	client_fail(r, EINVAL, "%s", why);
	swarm_fail(&c->timer, "%s", why);
	c->timed = false;
	call_abandon(c);
	call_unref(c);
	return to;
}

int call_wait(struct rpc_call *c)
{
	while (!c->finished) {
		if (waiters_wait(&c->waiters, SWARM_FOREVER) == -1)
			return -1;
	}
	return 0;
}

const char *call_check(struct rpc *r, const struct rpc_call_args *a)
{
	if (!a->method || !*a->method || strlen(a->method) > 1000)
		return "a call needs a method: package.Service/Method";
	if (!r->channel)
		return r->error;
	return NULL;
}

const struct rpc_reply *call_not_made(struct rpc *r,
    const struct rpc_call_args *a, const char *why)
{
	struct swarm_timer t = swarm_begin_at(r->user, rows_of(a->name ?
	    a->name : a->method ? a->method : "call")->calls, swarm_now());

	if (why != r->error)
		client_fail(r, EINVAL, "%s", why);
	/* A user that is being stopped had no failure. */
	if (swarm_stopping(r->user))
		swarm_drop(&t);
	else
		swarm_fail(&t, "%s", why);
	return call_refused(r->user, r->channel ? RPC_INVALID_ARGUMENT :
	    RPC_UNAVAILABLE, why);
}

const struct rpc_reply *call_unary(struct rpc *r,
    const struct rpc_call_args *from)
{
	const struct rpc_reply *to;
	struct swarm_user *u = r->user;
	grpc_byte_buffer *message;
	struct rpc_call_args a;
	struct rpc_call *c;
	const char *why;
	int rc;

	client_args(&a, sizeof a, from, from->size);
	why = call_check(r, &a);
	if (!why && a.json && types_encode(r, a.method, a.json, &a.data,
	    &a.len) == -1)
		why = r->error;
	if (why)
		return call_not_made(r, &a, why);
	c = call_new(r, &a);
	message = call_buffer(a.data, a.len);
	rc = call_begin(c, &a, message, true);
	grpc_byte_buffer_destroy(message);
	if (rc == -1)
		return call_refuse(r, c);
	rows_add(ROWS_SENT, 1);
	rows_add(ROWS_SENT_BYTES, (int64_t)a.len);
	if (call_wait(c) == -1) {
		call_abandon(c);
		call_unref(c);
		errno = ECANCELED;
		return call_refused(u, RPC_CANCELLED,
		    "the user is being stopped");
	}
	rows_observe(ROWS_LAG, swarm_now() - c->ended);
	to = call_reply(c, u);
	call_unref(c);
	return to;
}
