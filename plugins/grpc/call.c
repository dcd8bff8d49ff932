/*
 * Calls: their life, what the library has completed of them, and how that is
 * recorded.
 *
 * A call that nobody waits for any more (its user was stopped) is canceled and
 * lives on until the library owes it nothing.
 */
#include "call.h"

#include "answer.h"
#include "stream.h"
#include "text.h"
#include "types.h"

#include <swarm/log.h>
#include <swarm/user.h>

#include <grpc/support/alloc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 4096u
/* Calls that are timed in full after one that ended so. */
#define AFTER_DEADLINE 1024u
#define AFTER_QUEUED   256u
/* Shorter ones are this side's own doing when it is busy. */
#define LONG_QUEUED    INT64_C(5000000)

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
	if (c->rpc)
		client_unref(c->rpc);
	stream_release(c);
	ask_destroy(c);
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

void call_drop(struct rpc_call *c)
{
	if (!c->rpc)
		return;
	if (c->timed)
		swarm_drop(&c->timer);
	c->timed = false;
	leave_list(c);
	client_unref(c->rpc);
	c->rpc = NULL;
	if (c->grpc && !c->finished)
		grpc_call_cancel(c->grpc, NULL);
	swarm_waiters_wake(&c->waiters);
	stream_abandon(c);
	if (c->stream)
		call_unref(c);
}

/* ---- what the library has completed ---- */

/* Where the deadline has struck. */
static const char *lateness(const struct rpc_call *c)
{
	if (!c->timed_in_full) {
		rows_add(ROWS_LATE_SOMEWHERE, 1);
		return "";
	}
	if (!c->sent_at) {
		rows_add(ROWS_LATE_QUEUED, 1);
		return " before the request was sent";
	}
	/* Not by the headers: the library may complete them when a call breaks
	 * off, too.  One answer has nothing in between. */
	if (!c->first_at || !c->stream) {
		rows_add(ROWS_LATE_WAITING, 1);
		return " waiting for an answer";
	}
	rows_add(ROWS_LATE_STREAMING, 1);
	return " between messages";
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
		swarm_fail_at(&c->timer, c->ended, "DEADLINE_EXCEEDED%s",
		    lateness(c));
		return;
	}
	count_http2(c, details, len);
	text_reason(why, sizeof why, details, len);
	swarm_fail_at(&c->timer, c->ended, "%s: %s",
	    rows_code_name((int)c->code), why);
}

/* What goes wrong is looked at closely: the next calls of the channel. */
static void look_closer(struct rpc_call *c)
{
	struct channel *ch = c->channel;

	if (c->code == GRPC_STATUS_DEADLINE_EXCEEDED)
		ch->full = AFTER_DEADLINE;
	else if (c->sent_at - c->began >= LONG_QUEUED &&
	    2 * (c->sent_at - c->began) > c->ended - c->began &&
	    ch->full < AFTER_QUEUED)
		ch->full = AFTER_QUEUED;
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
	bool expected = c->expect >> code & 1;

	look_closer(c);
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
	swarm_waiters_wake(&c->waiters);
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
	/* As the standard has it for a number that is none. */
	if ((unsigned)c->code >= ROWS_CODES)
		c->code = GRPC_STATUS_UNKNOWN;
	if (c->answer) {
		c->received = grpc_byte_buffer_length(c->answer);
		c->first_at = e->when;
		rows_add(ROWS_RECEIVED, 1);
		rows_add(ROWS_RECEIVED_BYTES, (int64_t)c->received);
	}
	call_settle(c);
	call_unref(c);
}

/* ---- beginning ---- */

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

	c->refs = 1;
	c->rpc = r;
	client_ref(r);
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
	c->path = rows_path(method);
	c->rows = a->name ? rows_of(a->name) : method;
	c->expect = a->expect;
	c->channel = r->channel;
	channel_ref(c->channel);
	c->channel->under_way++;
	c->began = swarm_now();
	c->timer = swarm_begin_at(r->user, c->rows->calls, c->began);
	c->timed = true;
	return c;
}

/* A call that could not be begun is a failed sample too. */
void call_refuse(struct rpc_call *c)
{
	client_fail(c->rpc, EINVAL, "%s", c->refused);
	if (c->timed)
		swarm_fail(&c->timer, "%s", c->refused);
	c->timed = false;
	c->finished = true;
	c->code = GRPC_STATUS_INVALID_ARGUMENT;
	swarm_waiters_wake(&c->waiters);
}

int call_wait(struct rpc_call *c)
{
	while (!c->finished) {
		if (!c->rpc) {
			errno = ECANCELED;
			return -1;
		}
		if (swarm_waiters_wait(&c->waiters, SWARM_FOREVER) == -1)
			return -1;
	}
	return 0;
}

int call_check(struct rpc *r, struct rpc_call_args *a)
{
	if (!a->method || !*a->method || strlen(a->method) > 1000)
		return client_fail(r, EINVAL, "a call needs a method: "
		    "package.Service/Method");
	if (!r->channel) {
		errno = ENOTCONN;
		return -1;
	}
	if (a->json)
		return types_encode(r, a->method, a->json, &a->data, &a->len);
	return 0;
}

static enum rpc_code code_of(int error)
{
	switch (error) {
	case ECANCELED:
		return RPC_CANCELLED;
	case ENOTCONN:
	case EIO:
		return RPC_UNAVAILABLE;
	default:
		return RPC_INVALID_ARGUMENT;
	}
}

const struct rpc_reply *call_not_made(struct rpc *r,
    const struct rpc_call_args *a)
{
	enum rpc_code code = code_of(errno);
	const char *method = a->method && *a->method ? a->method : "call";
	struct swarm_timer t = swarm_begin_at(r->user, rows_of(a->name ?
	    a->name : method)->calls, swarm_now());

	/* A user that is being stopped had no failure. */
	if (code == RPC_CANCELLED)
		swarm_drop(&t);
	else
		swarm_fail(&t, "%s", r->error);
	return answer_none(r->user, code, r->error);
}

static void launch_later(struct rpc_call *c)
{
	call_ref(c);
	ask_later(c);
}

const struct rpc_reply *call_unary(struct rpc *r,
    const struct rpc_call_args *from)
{
	const struct rpc_reply *to;
	struct swarm_user *u = r->user;
	struct rpc_call_args a;
	struct rpc_call *c;

	sized_copy(&a, sizeof a, from, from->size);
	if (call_check(r, &a) == -1)
		return call_not_made(r, &a);
	c = call_new(r, &a);
	if (ask_prepare(c, &a, a.data ? a.data : "", a.len, true) == -1)
		call_refuse(c);
	else if (ask_is_busy())
		launch_later(c);
	else if (ask_now(c) == -1)
		call_refuse(c);
	if (call_wait(c) == -1) {
		to = answer_canceled(c, u);
		call_drop(c);
		call_unref(c);
		errno = ECANCELED;
		return to;
	}
	if (c->refused) {
		to = answer_none(u, RPC_INVALID_ARGUMENT, c->refused);
		call_drop(c);
		call_unref(c);
		return to;
	}
	rows_add(ROWS_SENT, 1);
	rows_add(ROWS_SENT_BYTES, (int64_t)a.len);
	rows_observe(ROWS_LAG, swarm_now() - c->ended);
	to = answer_of(c, u);
	if (ask_is_busy())
		ask_later(c);
	else
		call_unref(c);
	return to;
}
