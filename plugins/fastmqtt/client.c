/*
 * Clients: connecting, reconnecting, keep-alive, and the end.
 *
 * Connecting needs a fiber (the user's, or a helper's for a reconnect); from
 * then on everything comes from callbacks.  A client is freed when nobody uses
 * it any more: the user that holds it, a helper fiber, a callback under way.
 */
#include "client.h"

#include "reason.h"
#include "rows.h"

#include <swarm/fiber.h>
#include <swarm/log.h>
#include <swarm/user.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int client_slot;

/* How long a disconnect waits for acknowledgements under way. */
#define LINGER 1.0
#define SECOND INT64_C(1000000000)

int client_fail(struct mqtt *m, int error, int reason, const char *fmt, ...)
{
	va_list ap;

	m->reason = reason;
	va_start(ap, fmt);
	vsnprintf(m->text, sizeof m->text, fmt, ap);
	va_end(ap);
	errno = error;
	return -1;
}

struct extras *client_extras(struct mqtt *m)
{
	if (!m->extras)
		m->extras = calloc(1, sizeof *m->extras);
	return m->extras;
}

static void free_list(char ***list, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
	*count = 0;
}

/* Aliases mean something on one connection only. */
static void forget_aliases(struct extras *x)
{
	if (!x)
		return;
	free_list(&x->sent_aliases, &x->sent_count);
	free_list(&x->received_aliases, &x->received_count);
}

static void free_extras(struct extras *x)
{
	if (!x)
		return;
	forget_aliases(x);
	free(x->assigned_id);
	free(x->response_information);
	free(x->server_reference);
	free(x);
}

void client_unref(struct mqtt *m)
{
	if (--m->refs > 0)
		return;
	free_extras(m->extras);
	free(m->settings);
	free(m);
}

/* ---- the end of a connection ---- */

static void close_stream(struct mqtt *m)
{
	swarm_close(m->stream);
	m->stream = NULL;
	m->state = CLIENT_DOWN;
	m->ping_sent = 0;
	m->tx_at = 0;
	m->written_bytes = m->queued_bytes;
	codec_release(&m->rx);
	codec_release(&m->tx);
	free(m->ws);
	m->ws = NULL;
	forget_aliases(m->extras);
}

static void plan_retry(struct mqtt *m)
{
	const struct mqtt_connect_args *a = &m->settings->args;
	double most = a->reconnect_min;

	if (a->reconnect_min <= 0 || m->closing || m->freed)
		return;
	for (unsigned i = 0; i < m->failures && most < a->reconnect_max; i++)
		most *= 2;
	if (most > a->reconnect_max)
		most = a->reconnect_max;
	m->retrying = true;
	m->retry_at = swarm_in(most * swarm_uniform(m->user));
	client_arm(m);
}

void client_lost(struct mqtt *m, int reason, const char *why)
{
	bool was_up = m->state == CLIENT_UP;

	if (!m->stream)
		return;
	close_stream(m);
	if (reason)
		client_fail(m, ENOTCONN, reason, "%s: %s", why,
		    reason_name(reason));
	else
		client_fail(m, ENOTCONN, 0, "%s", why);
	if (was_up && !m->closing) {
		rows_count(ROWS_LOST);
		plan_retry(m);
	}
	if (was_up)
		pending_lost(m, m->settings->args.keep_session && m->retrying,
		    m->closing && swarm_stopping(m->user) ? ECANCELED :
		    ENOTCONN, why);
	waiters_wake(&m->changed);
	waiters_wake(&m->inbox.waiters);
}

/* ---- the alarm ---- */

static int64_t ping_at(const struct mqtt *m)
{
	if (m->state != CLIENT_UP || m->keepalive == 0)
		return SWARM_FOREVER;
	/* The answer gets half the keep-alive, but at least a second. */
	if (m->ping_sent)
		return m->ping_sent + SECOND +
		    m->keepalive * (SECOND / 2);
	return m->last_sent + m->keepalive * SECOND;
}

void client_arm(struct mqtt *m)
{
	int64_t at = ping_at(m);

	if (m->expiry_at < at)
		at = m->expiry_at;
	if (m->retrying && !m->connecting && m->retry_at < at)
		at = m->retry_at;
	swarm_alarm_set(m->alarm, at);
}

static int connect_again(struct mqtt *m);

static void retry_fiber(void *arg)
{
	struct mqtt *m = arg;

	if (!m->freed && m->state == CLIENT_DOWN && !m->connecting &&
	    connect_again(m) == -1 && errno != ECANCELED)
		plan_retry(m);
	client_unref(m);
}

static void keep_alive(struct mqtt *m, int64_t now)
{
	if (ping_at(m) > now)
		return;
	if (m->ping_sent) {
		client_lost(m, 0, "no PINGRESP in time");
		return;
	}
	m->ping_sent = now;
	codec_put_ping(&wire_out);
	wire_send(m, now);
}

static void tick(void *arg)
{
	struct mqtt *m = arg;
	int64_t now = swarm_now();

	m->refs++;
	keep_alive(m, now);
	if (m->expiry_at <= now)
		m->expiry_at = pending_expire(m, now);
	if (m->retrying && !m->connecting && m->retry_at <= now) {
		m->retry_at = SWARM_FOREVER;
		m->refs++;
		swarm_spawn(m->user, retry_fiber, m);
	}
	if (!m->freed)
		client_arm(m);
	client_unref(m);
}

/* ---- connecting ---- */

static void count_failure(int error)
{
	if (error == ECONNREFUSED)
		rows_count(ROWS_REFUSED);
	else if (error == ETIMEDOUT)
		rows_count(ROWS_TIMEOUT);
	else if (error == EHOSTUNREACH || error == ENETUNREACH)
		rows_count(ROWS_UNREACHABLE);
}

/* The end of a failed connect; m->reason and m->text say why. */
static int connect_failed(struct mqtt *m, struct swarm_timer *t, int error)
{
	if (error == ECANCELED)
		swarm_drop(t);
	else
		swarm_fail(t, "%s", m->text);
	count_failure(error);
	errno = error;
	return -1;
}

static int open_stream(struct mqtt *m, int64_t deadline)
{
	const struct settings *s = m->settings;
	struct swarm_connect_args a = {
		.size = sizeof a,
		.host = s->url.host,
		.port = s->url.port,
		.server_name = s->args.tls->server_name,
		.source = s->args.source,
		.deadline = deadline,
	};
	const struct swarm_connect_times *times;
	char why[128];

	if (s->url.tls) {
		a.tls = tls_context(s->args.tls);
		if (!a.tls)
			return client_fail(m, EINVAL, 0, "the TLS files "
			    "cannot be used");
	}
	m->stream = swarm_connect(&a, why, sizeof why);
	if (!m->stream)
		return client_fail(m, errno, 0, "%s", why);
	times = swarm_stream_times(m->stream);
	rows_phase(ROWS_TCP, times->connected - times->start);
	if (times->secured)
		rows_phase(ROWS_TLS, times->secured - times->connected);
	if (s->url.websocket && upgrade_stream(m, deadline) == -1) {
		int error = errno;

		close_stream(m);
		errno = error;
		return -1;
	}
	return 0;
}

static int await_connack(struct mqtt *m, int64_t deadline)
{
	int error;

	while (m->state == CLIENT_CONNECTING) {
		if (waiters_wait(&m->changed, deadline) == 0)
			continue;
		error = errno;
		close_stream(m);
		return client_fail(m, error, 0, "no CONNACK in time");
	}
	if (m->state == CLIENT_UP)
		return 0;
	errno = m->reason ? EPROTO : ENOTCONN;
	return -1;
}

static int shake_hands(struct mqtt *m, int64_t deadline)
{
	int64_t sent = swarm_now();

	if (swarm_stream_watch(m->stream, SWARM_READ, wire_ready, m) == -1 ||
	    connack_put_connect(&wire_out, m->settings) == -1) {
		wire_out.len = 0;
		close_stream(m);
		return client_fail(m, ENOMEM, 0, "cannot send the CONNECT");
	}
	m->state = CLIENT_CONNECTING;
	wire_send(m, sent);
	if (await_connack(m, deadline) == -1)
		return -1;
	rows_phase(ROWS_CONNACK, m->last_event - sent);
	return 0;
}

static int attempt(struct mqtt *m, const char *name)
{
	struct swarm_timer t = swarm_begin_at(m->user,
	    rows_series("", 0, "", name), swarm_now());
	int64_t deadline = swarm_in(m->settings->args.timeout);
	int rc, error = 0;

	m->connecting = true;
	m->closing = false;
	rc = open_stream(m, deadline);
	if (rc == 0)
		rc = shake_hands(m, deadline);
	m->connecting = false;
	if (rc == -1) {
		error = errno;
		connect_failed(m, &t, error);
	} else {
		swarm_done_at(&t, m->last_event, 0);
		m->retrying = false;
		m->failures = 0;
		m->reason = 0;
		m->text[0] = 0;
		client_arm(m);
	}
	waiters_wake(&m->changed);
	errno = error;
	return rc;
}

static int connect_again(struct mqtt *m)
{
	int rc = attempt(m, "reconnect");

	if (rc == 0)
		m->reconnects++;
	else
		m->failures++;
	if (rc == 0 || errno != ECANCELED)
		rows_count(rc == 0 ? ROWS_RECONNECT_SUCC :
		    ROWS_RECONNECT_FAIL);
	return rc;
}

int client_reconnect(struct mqtt *m)
{
	if (!m || !m->settings) {
		errno = ENOTCONN;
		return -1;
	}
	while (m->connecting) {
		if (waiters_wait(&m->changed, SWARM_FOREVER) == -1)
			return -1;
	}
	if (m->state == CLIENT_UP)
		return 0;
	m->retrying = false;
	return connect_again(m);
}

static struct mqtt *make(struct swarm_user *u)
{
	struct mqtt **list = swarm_slot(u, client_slot);
	struct mqtt *m = calloc(1, sizeof *m);

	if (!m) {
		swarm_error("out of memory");
		abort();
	}
	m->user = u;
	m->refs = 1;
	m->next = *list;
	*list = m;
	m->alarm = swarm_alarm_new(tick, m);
	m->expiry_at = m->retry_at = SWARM_FOREVER;
	inbox_init(&m->inbox);
	return m;
}

/* A wrong argument is a failed sample too: a run must not pass with it. */
static void refuse(struct mqtt *m, const char *name, int error,
    const char *why)
{
	struct swarm_timer t = swarm_begin_at(m->user,
	    rows_series("", 0, "", name), swarm_now());

	free(m->settings);
	m->settings = NULL;
	client_fail(m, error, 0, "%s", why);
	connect_failed(m, &t, error);
}

struct mqtt *client_connect(struct swarm_user *u,
    const struct mqtt_connect_args *a)
{
	struct mqtt *m = make(u);
	const char *why;
	int rc;

	m->settings = settings_new(u, a, &client_defaults, &why);
	if (!m->settings) {
		refuse(m, "connect", errno, why);
		return m;
	}
	rc = attempt(m, m->settings->args.name);
	if (rc == 0 || errno != ECANCELED)
		rows_count(rc == 0 ? ROWS_CONNECT_SUCC : ROWS_CONNECT_FAIL);
	if (rc == -1 && errno != ECANCELED) {
		m->failures = 1;
		plan_retry(m);
	}
	return m;
}

/* ---- disconnecting ---- */

static void put_goodbye(struct mqtt *m, const struct mqtt_disconnect_args *a)
{
	struct codec_props props = {
		.user = a->properties,
		.user_count = (uint32_t)a->property_count,
	};

	if (a->set_session_expiry)
		codec_set_number(&props, CODEC_SESSION_EXPIRY,
		    a->session_expiry);
	codec_put_reason(&wire_out, m->settings->version, CODEC_DISCONNECT,
	    a->reason, props.has || props.user_count ? &props : NULL);
}

int client_disconnect(struct mqtt *m, const struct mqtt_disconnect_args *from)
{
	struct mqtt_disconnect_args a;
	struct swarm_timer t;
	int rc = 0;

	if (!m || !m->settings) {
		errno = ENOTCONN;
		return -1;
	}
	settings_copy(&a, sizeof a, from, from->size);
	m->closing = true;
	m->retrying = false;
	if (m->state == CLIENT_UP && !a.abrupt)
		publish_flush(m, swarm_in(LINGER));
	if (m->state != CLIENT_UP)
		return client_fail(m, ENOTCONN, 0, "not connected");
	t = swarm_begin_at(m->user, rows_series("", 0, "",
	    a.name ? a.name : "disconnect"), swarm_now());
	if (!a.abrupt) {
		put_goodbye(m, &a);
		wire_send(m, swarm_now());
		rc = wire_drain(m, 0, swarm_in(m->settings->args.timeout));
	}
	if (rc == 0)
		swarm_done(&t, 0);
	else
		swarm_fail(&t, "%m");
	client_lost(m, 0, "disconnected");
	m->text[0] = 0;
	return rc;
}

static void take_off_list(struct mqtt *m)
{
	struct mqtt **at = swarm_slot(m->user, client_slot);

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
}

void client_free(struct mqtt *m)
{
	if (!m || m->freed)
		return;
	take_off_list(m);
	m->freed = true;
	m->closing = true;
	m->retrying = false;
	if (m->state == CLIENT_UP) {
		codec_put_reason(&wire_out, m->settings->version,
		    CODEC_DISCONNECT, 0, NULL);
		wire_send(m, swarm_now());
	}
	pending_table_release(m);
	if (m->stream)
		close_stream(m);
	swarm_alarm_free(m->alarm);
	idset_clear(&m->incoming);
	inbox_release(&m->inbox);
	waiters_wake(&m->changed);
	client_unref(m);
}

void client_free_all(struct swarm_user *u, void *slot)
{
	struct mqtt **list = slot;
	int64_t deadline = swarm_in(LINGER);

	(void)u;
	for (struct mqtt *m = *list; m; m = m->next) {
		if (m->state == CLIENT_UP)
			publish_flush(m, deadline);
	}
	while (*list)
		client_free(*list);
}
