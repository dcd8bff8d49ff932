/*
 * Channels: one connection each, also to the same target, because simulated
 * users are not to share one unless asked to.  (The library would let all
 * channels of a process with equal arguments share; hence the local pool.)
 *
 * The library connects, and connects again, by itself.  What it tells is the
 * state; a watch for its next change is always under way.
 */
#include "client.h"

#include "creds.h"
#include "sockets.h"
#include "text.h"

#include <swarm/log.h>

#include <grpc/compression.h>
#include <grpc/grpc_security.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 24
/* Why a channel failed is asked by a call; it is answered at once. */
#define WHY_SECONDS 2

static struct channel *channels;
static unsigned alive;                  /* and those that are owed events */

/* ---- arguments ---- */

struct args {
	grpc_arg at[ARGS_MAX];
	size_t count;
};

static void add_int(struct args *a, const char *key, double value)
{
	grpc_arg *to = &a->at[a->count++];

	to->type = GRPC_ARG_INTEGER;
	to->key = (char *)(uintptr_t)key;
	to->value.integer = value > INT32_MAX ? INT32_MAX : (int)value;
}

static void add_text(struct args *a, const char *key, const char *value)
{
	grpc_arg *to;

	if (!value)
		return;
	to = &a->at[a->count++];
	to->type = GRPC_ARG_STRING;
	to->key = (char *)(uintptr_t)key;
	to->value.string = (char *)(uintptr_t)value;
}

static void add_limits(struct args *a, const struct rpc_connect_args *from)
{
	double min = from->reconnect_min > 0 ? from->reconnect_min :
	    client_defaults.reconnect_min;
	double max = from->reconnect_max > 0 ? from->reconnect_max :
	    client_defaults.reconnect_max;

	if (max < min)
		max = min;
	add_int(a, GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, min * 1000);
	add_int(a, GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, max * 1000);
	/* Which is also how long the library tries one address. */
	add_int(a, GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
	    (from->timeout > 0 ? from->timeout :
	    client_defaults.connect_timeout) * 1000);
	add_int(a, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, from->max_receive ?
	    (double)from->max_receive : (double)client_defaults.max_receive);
	if (from->max_send)
		add_int(a, GRPC_ARG_MAX_SEND_MESSAGE_LENGTH,
		    (double)from->max_send);
	if (from->keepalive > 0) {
		add_int(a, GRPC_ARG_KEEPALIVE_TIME_MS, from->keepalive * 1000);
		add_int(a, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
		add_int(a, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS,
		    from->keepalive_idle);
	}
	if (from->keepalive_timeout > 0)
		add_int(a, GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
		    from->keepalive_timeout * 1000);
}

static int add_compression(struct args *a, const char *name)
{
	grpc_compression_algorithm algorithm;

	if (!name)
		return 0;
	if (!grpc_compression_algorithm_parse(
	    grpc_slice_from_static_string(name), &algorithm))
		return -1;
	add_int(a, GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM, algorithm);
	return 0;
}

static int fill(struct args *a, struct channel *c,
    const struct rpc_connect_args *from, char *authority, size_t size)
{
	const char *name = from->tls && from->tls->server_name ?
	    from->tls->server_name : client_defaults.tls.server_name;

	target_authority(&c->target, authority, size);
	add_int(a, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
	add_int(a, GRPC_ARG_ENABLE_RETRIES, 0);
	add_text(a, GRPC_ARG_DEFAULT_AUTHORITY, from->authority ?
	    from->authority : authority);
	/* The library knows the address only. */
	if (c->target.tls)
		add_text(a, GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, name ? name :
		    c->target.host);
	add_text(a, GRPC_ARG_PRIMARY_USER_AGENT_STRING, from->user_agent);
	add_text(a, GRPC_ARG_LB_POLICY_NAME, from->policy);
	add_text(a, GRPC_ARG_SERVICE_CONFIG, from->service_config);
	add_limits(a, from);
	if (!c->target.is_unix)
		c->sockets = sockets_new();
	if (c->sockets)
		a->at[a->count++] = sockets_arg(c->sockets);
	return add_compression(a, from->compression);
}

/* ---- the state ---- */

static void ready(struct channel *c, int64_t when)
{
	int64_t began, tcp_ns;
	bool is_split = sockets_take(c->sockets, &began, &tcp_ns);

	/* The state is told a little later than the socket began. */
	if (is_split && began < c->began)
		c->began = began;
	c->since = when;
	c->failed = false;
	if (c->was_ready) {
		c->reconnects++;
		rows_add(ROWS_RECONNECTS, 1);
		rows_observe(ROWS_RECONNECT, when - c->began);
	}
	c->was_ready = true;
	rows_add(ROWS_CONNECTS, 1);
	rows_observe(ROWS_HANDSHAKE, when - c->began);
	if (is_split) {
		rows_observe(ROWS_TCP, tcp_ns);
		rows_observe(c->target.tls ? ROWS_TLS : ROWS_SETTINGS,
		    when - began - tcp_ns);
	}
}

static void lost(struct channel *c, int64_t when)
{
	rows_add(ROWS_LOST, 1);
	rows_observe(ROWS_CONNECTED, when - c->since);
}

static void enter(struct channel *c, grpc_connectivity_state state,
    int64_t when)
{
	if (state == c->state)
		return;
	if (c->state == GRPC_CHANNEL_READY)
		lost(c, when);
	if (state == GRPC_CHANNEL_CONNECTING && c->began == 0)
		c->began = when;
	if (state == GRPC_CHANNEL_READY)
		ready(c, when);
	if (state != GRPC_CHANNEL_CONNECTING)
		c->began = 0;
	if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
		c->failed = true;
		sockets_drop(c->sockets);
		rows_add(ROWS_CONNECT_FAIL, 1);
	}
	c->state = state;
	swarm_waiters_wake(&c->changed);
}

static void watch(struct channel *c)
{
	if (c->watching || !c->grpc)
		return;
	c->watching = true;
	channel_ref(c);
	grpc_channel_watch_connectivity_state(c->grpc, c->state,
	    gpr_inf_future(GPR_CLOCK_MONOTONIC), cq_queue(), &c->watch);
}

/* The library only says where it is now.  What stood for a moment, before we
 * came to ask, has been a connection all the same: nothing else leads back to
 * where it is. */
static void catch_up(struct channel *c, grpc_connectivity_state state,
    int64_t when)
{
	bool was_up = state == GRPC_CHANNEL_IDLE && (c->state == state ||
	    c->state == GRPC_CHANNEL_CONNECTING);

	if (state == GRPC_CHANNEL_READY && c->state == state)
		enter(c, GRPC_CHANNEL_IDLE, when);
	/* Which is where its handshake has begun. */
	if (was_up || state == GRPC_CHANNEL_READY)
		enter(c, GRPC_CHANNEL_CONNECTING, when);
	if (was_up)
		enter(c, GRPC_CHANNEL_READY, when);
	enter(c, state, when);
}

static void changed(struct cq_event *e)
{
	struct channel *c = (struct channel *)((char *)e -
	    offsetof(struct channel, watch));

	c->watching = false;
	if (c->grpc) {
		grpc_connectivity_state state =
		    grpc_channel_check_connectivity_state(c->grpc, 0);

		catch_up(c, state, e->when);
		watch(c);
	}
	channel_unref(c);
}

void channel_connect(struct channel *c)
{
	if (c->began == 0)
		c->began = swarm_now();
	grpc_channel_check_connectivity_state(c->grpc, 1);
	watch(c);
}

int channel_wait(struct channel *c, int64_t deadline)
{
	while (c->state != GRPC_CHANNEL_READY) {
		if (c->failed) {
			errno = ECONNREFUSED;
			return -1;
		}
		if (swarm_waiters_wait(&c->changed, deadline) == -1)
			return -1;
	}
	return 0;
}

/* ---- why it failed ---- */

struct why {
	struct cq_event event;
	struct swarm_waiters waiters;
	struct channel *channel;
	grpc_call *call;
	grpc_metadata_array trailers;
	grpc_status_code code;
	grpc_slice details;
	bool done;
	bool alone;                     /* nobody waits */
};

static void why_free(struct why *w)
{
	grpc_slice_unref(w->details);
	grpc_metadata_array_destroy(&w->trailers);
	grpc_call_unref(w->call);
	channel_unref(w->channel);
	free(w);
}

static void why_done(struct cq_event *e)
{
	struct why *w = (struct why *)e;

	w->done = true;
	swarm_waiters_wake(&w->waiters);
	if (w->alone)
		why_free(w);
}

static struct why *why_ask(struct channel *c)
{
	struct why *w = calloc(1, sizeof *w);
	grpc_op ops[2] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA },
		{ .op = GRPC_OP_RECV_STATUS_ON_CLIENT },
	};

	if (!w)
		return NULL;
	w->event.run = why_done;
	w->channel = c;
	channel_ref(c);
	w->details = grpc_empty_slice();
	grpc_metadata_array_init(&w->trailers);
	w->call = grpc_channel_create_call(c->grpc, NULL,
	    GRPC_PROPAGATE_DEFAULTS, cq_queue(),
	    grpc_slice_from_static_string("/swarm/why"), NULL,
	    gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
		gpr_time_from_seconds(WHY_SECONDS, GPR_TIMESPAN)), NULL);
	ops[1].data.recv_status_on_client.trailing_metadata = &w->trailers;
	ops[1].data.recv_status_on_client.status = &w->code;
	ops[1].data.recv_status_on_client.status_details = &w->details;
	if (grpc_call_start_batch(w->call, ops, 2, &w->event, NULL) ==
	    GRPC_CALL_OK)
		return w;
	why_free(w);
	return NULL;
}

/* The library tells the cause to calls only; while the channel has failed,
 * one that will not wait is told at once and never leaves this machine. */
void channel_why(struct channel *c, char *to, size_t size)
{
	struct why *w;

	snprintf(to, size, "connection failed");
	if (c->state != GRPC_CHANNEL_TRANSIENT_FAILURE || !(w = why_ask(c)))
		return;
	while (!w->done && swarm_waiters_wait(&w->waiters, SWARM_FOREVER) == 0)
		;
	if (!w->done) {
		grpc_call_cancel(w->call, NULL);
		w->alone = true;
		return;
	}
	if (w->code == GRPC_STATUS_UNAVAILABLE)
		text_reason(to, size,
		    (const char *)GRPC_SLICE_START_PTR(w->details),
		    GRPC_SLICE_LENGTH(w->details));
	why_free(w);
}

/* ---- life ---- */

struct channel *channel_find(const char *key, int index)
{
	for (struct channel *c = channels; c; c = c->next) {
		if (c->key && c->index == index && strcmp(c->key, key) == 0) {
			channel_ref(c);
			return c;
		}
	}
	return NULL;
}

struct channel *channel_new(const struct target *t, const char *addresses,
    const struct rpc_connect_args *from, const char **why)
{
	struct channel *c = calloc(1, sizeof *c);
	grpc_channel_credentials *creds;
	grpc_channel_args args;
	char authority[300];
	struct args a = { .count = 0 };

	*why = "out of memory";
	if (!c)
		return NULL;
	c->target = *t;
	c->refs = 1;
	c->watch.run = changed;
	creds = creds_of(t->tls, from->tls, why);
	if (!creds)
		goto free_channel;
	if (fill(&a, c, from, authority, sizeof authority) == -1) {
		*why = "compression is \"gzip\", \"deflate\" or \"identity\"";
		goto free_sockets;
	}
	args = (grpc_channel_args){ a.count, a.at };
	c->grpc = grpc_channel_create(addresses, creds, &args);
	c->state = GRPC_CHANNEL_IDLE;
	c->next = channels;
	channels = c;
	alive++;
	return c;
free_sockets:
	sockets_free(c->sockets);
free_channel:
	free(c);
	return NULL;
}

void channel_ref(struct channel *c)
{
	c->refs++;
}

static void destroy(struct channel *c)
{
	struct channel **at = &channels;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->state == GRPC_CHANNEL_READY)
		rows_observe(ROWS_CONNECTED, swarm_now() - c->since);
	grpc_channel_destroy(c->grpc);
	c->grpc = NULL;
	sockets_free(c->sockets);
	c->sockets = NULL;
}

/* The watch's reference alone does not keep it open. */
void channel_unref(struct channel *c)
{
	c->refs--;
	if (c->grpc && c->refs == (c->watching ? 1u : 0u))
		destroy(c);
	if (c->refs > 0)
		return;
	alive--;
	free(c->key);
	free(c);
}

bool channel_any(void)
{
	return alive > 0;
}
