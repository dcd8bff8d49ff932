/*
 * Clients: a channel as a user holds it, of its own or shared.
 */
#include "client.h"

#include "call.h"

#include <swarm/log.h>
#include <swarm/net.h>
#include <swarm/user.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int client_slot;
struct client_defaults client_defaults;

int client_fail(struct rpc *r, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->error, sizeof r->error, fmt, ap);
	va_end(ap);
	errno = error;
	return -1;
}

/* ---- arguments ---- */

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* Everything that makes one channel differ from another. */
static char *key_of(const struct rpc_connect_args *a, const char *target)
{
	struct rpc_tls t = { .size = 0 };
	char *key;

	if (a->tls)
		sized_copy(&t, sizeof t, a->tls, a->tls->size);
	if (asprintf(&key, "%s\n%d %d\n%s\n%s\n%s\n%s\n%s\n%s\n%g %g %d\n"
	    "%zu %zu\n%s\n%s\n%s\n%g %g", target, a->tls != NULL, t.insecure,
	    or_empty(t.ca_file), or_empty(t.cert_file), or_empty(t.key_file),
	    or_empty(t.server_name), or_empty(a->authority),
	    or_empty(a->user_agent), a->keepalive, a->keepalive_timeout,
	    a->keepalive_idle, a->max_receive, a->max_send,
	    or_empty(a->compression), or_empty(a->policy),
	    or_empty(a->service_config), a->reconnect_min, a->reconnect_max)
	    == -1)
		return NULL;
	return key;
}

static const char *check(const struct rpc_connect_args *a)
{
	if (a->timeout < 0 || a->keepalive < 0 || a->keepalive_timeout < 0 ||
	    a->reconnect_min < 0 || a->reconnect_max < 0)
		return "a time is negative";
	if (a->max_receive > INT32_MAX || a->max_send > INT32_MAX)
		return "a message has at most 2 GiB";
	if (a->share < -1 || a->share > 10000)
		return "share is -1 to 10000";
	if (a->metadata_count > CLIENT_METADATA / 2)
		return "too many pairs of metadata";
	return NULL;
}

/* ---- connecting ---- */

/* What the library connects to: addresses, so that it asks no name server. */
static int resolve(struct rpc *r, const struct target *t, int64_t deadline,
    char *to, size_t size)
{
	char found[8][SWARM_ADDRESS_SIZE], error[CLIENT_ERROR - 8];
	int64_t start = swarm_now();
	int n;

	if (t->is_unix) {
		snprintf(to, size, "unix:%s", t->host);
		return 0;
	}
	n = swarm_resolve(t->host, found, 8, deadline, error, sizeof error);
	if (n == -1)
		return client_fail(r, errno, "%s", error);
	rows_observe(ROWS_RESOLVE, swarm_now() - start);
	if (target_addresses(t, (const char (*)[SWARM_ADDRESS_SIZE])found, n,
	    to, size) == -1)
		return client_fail(r, EINVAL, "too many addresses");
	return 0;
}

static struct channel *open_channel(struct rpc *r, const struct target *t,
    const struct rpc_connect_args *a, int64_t deadline)
{
	char addresses[8 * (SWARM_ADDRESS_SIZE + 8)];
	struct channel *c;
	const char *why;

	if (resolve(r, t, deadline, addresses, sizeof addresses) == -1)
		return NULL;
	c = channel_new(t, addresses, a, &why);
	if (!c)
		client_fail(r, EINVAL, "%s", why);
	return c;
}

/* One of those that are shared; made when it is the first use of it. */
static struct channel *shared_channel(struct rpc *r, const struct target *t,
    const struct rpc_connect_args *a, const char *target, int64_t deadline,
    bool *is_new)
{
	char *key = key_of(a, target);
	struct channel *c = key ? channel_find(key, 0) : NULL, *other;
	int index = c ? (int)(++c->given % (unsigned)a->share) : 0;

	*is_new = false;
	if (index > 0) {
		channel_unref(c);
		c = channel_find(key, index);
	}
	if (c || !key) {
		free(key);
		return c;
	}
	c = open_channel(r, t, a, deadline);
	/* Another user may have made it while this one looked up a name. */
	other = channel_find(key, index);
	if (other) {
		if (c)
			channel_unref(c);
		free(key);
		return other;
	}
	if (!c) {
		free(key);
		return NULL;
	}
	c->key = key;
	c->index = index;
	*is_new = true;
	return c;
}

static int await_ready(struct rpc *r, int64_t deadline)
{
	char why[CLIENT_ERROR - 40];
	bool is_cut;

	if (channel_wait(r->channel, deadline) == 0)
		return 0;
	if (errno == ETIMEDOUT)
		return client_fail(r, ETIMEDOUT, "no connection in time");
	if (errno == ECANCELED)
		return client_fail(r, ECANCELED, "the user is being stopped");
	channel_why(r->channel, why, sizeof why);
	/* As a server that wants TLS does at the first bytes without. */
	is_cut = !r->channel->target.tls && strcmp(why, "Socket closed") == 0;
	return client_fail(r, ECONNREFUSED, "connect: %s%s", why,
	    is_cut ? ": a port for TLS?" : "");
}

static void record(struct rpc *r, struct swarm_timer *t, int rc)
{
	int error = errno;

	if (rc == 0)
		swarm_done_at(t, r->channel->since, 0);
	else if (error == ECANCELED)
		swarm_drop(t);
	else
		swarm_fail(t, "%s", r->error);
	errno = error;
}

static int attempt(struct rpc *r, const struct rpc_connect_args *a)
{
	const char *target = a->target ? a->target : swarm_host(r->user);
	int64_t deadline = swarm_in(a->timeout > 0 ? a->timeout :
	    client_defaults.connect_timeout);
	struct swarm_timer timer = swarm_begin_at(r->user,
	    rows_of(a->name ? a->name : "connect")->calls, swarm_now());
	const char *why = check(a);
	bool is_new = true;
	struct target t;
	int rc;

	if (why || target_parse(&t, target, &why) == -1) {
		client_fail(r, EINVAL, "%s", why);
		record(r, &timer, -1);
		return -1;
	}
	t.tls |= a->tls != NULL;
	r->channel = a->share > 0 ?
	    shared_channel(r, &t, a, target, deadline, &is_new) :
	    open_channel(r, &t, a, deadline);
	if (!r->channel) {
		record(r, &timer, -1);
		return -1;
	}
	if (a->lazy) {
		swarm_drop(&timer);
		return 0;
	}
	channel_connect(r->channel);
	rc = await_ready(r, deadline);
	/* One connection, one sample, however many share it. */
	if (is_new)
		record(r, &timer, rc);
	else
		swarm_drop(&timer);
	return rc;
}

/* ---- the calls ---- */

static int keep_metadata(struct rpc *r, const struct rpc_connect_args *a)
{
	const char *why;

	if (a->metadata_count == 0)
		return 0;
	r->metadata = calloc(a->metadata_count, sizeof *r->metadata);
	if (!r->metadata)
		return client_fail(r, ENOMEM, "out of memory");
	if (ask_metadata(r->metadata, a->metadata, a->metadata_count, &why)
	    == -1) {
		free(r->metadata);
		r->metadata = NULL;
		return client_fail(r, EINVAL, "%s", why);
	}
	r->metadata_count = a->metadata_count;
	return 0;
}

struct rpc *client_connect(struct swarm_user *u,
    const struct rpc_connect_args *from)
{
	struct rpc **list = swarm_slot(u, client_slot);
	struct rpc *r = calloc(1, sizeof *r);
	struct rpc_connect_args a;

	if (!r) {
		swarm_error("out of memory");
		abort();
	}
	sized_copy(&a, sizeof a, from, from->size);
	if (a.share == 0)
		a.share = client_defaults.share;
	r->user = u;
	r->refs = 1;
	r->next = *list;
	*list = r;
	if (a.metadata_count <= CLIENT_METADATA / 2 &&
	    keep_metadata(r, &a) == -1) {
		/* A failed sample too: a run must not pass with it. */
		struct swarm_timer t = swarm_begin(u, "GRPC", "connect");

		swarm_fail(&t, "%s", r->error);
		return r;
	}
	attempt(r, &a);
	return r;
}

void client_ref(struct rpc *r)
{
	r->refs++;
}

void client_unref(struct rpc *r)
{
	struct rpc **at;
	int error = errno;

	if (--r->refs > 0)
		return;
	at = swarm_slot(r->user, client_slot);
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (r->channel)
		channel_unref(r->channel);
	for (size_t i = 0; i < r->metadata_count; i++) {
		grpc_slice_unref(r->metadata[i].key);
		grpc_slice_unref(r->metadata[i].value);
	}
	free(r->metadata);
	free(r);
	errno = error;
}

bool client_lives(struct swarm_user *u, const struct rpc *r)
{
	struct rpc *const *list = swarm_slot(u, client_slot);
	const struct rpc *at = *list;

	while (at && at != r)
		at = at->next;
	return at && !at->freed;
}

void client_free(struct rpc *r)
{
	if (!r || r->freed)
		return;
	r->freed = true;
	while (r->calls)
		call_drop(r->calls);
	client_unref(r);
}

void client_free_all(struct swarm_user *u, void *slot)
{
	struct rpc **list = slot;

	(void)u;
	while (*list) {
		struct rpc *r = *list;

		/* Streams may have been opened on it after it was freed. */
		client_ref(r);
		client_free(r);
		while (r->calls)
			call_drop(r->calls);
		client_unref(r);
	}
}
