/*
 * Connections: made on a fiber, kept alive by the client's alarm, and ended
 * from wherever their end is noticed.
 */
#include "fast.h"

#include "rows.h"
#include "tls.h"

#include <swarm/fiber.h>

#include <errno.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000000)

struct extras *conn_extras(struct mqtt *m)
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

/* ---- the end of a connection ---- */

static void close_stream(struct mqtt *m)
{
	swarm_close(m->stream);
	m->stream = NULL;
	m->shaking = false;
	m->ping_sent = 0;
	m->tx_at = 0;
	m->written_bytes = m->queued_bytes;
	codec_release(&m->rx);
	codec_release(&m->tx);
	free(m->ws);
	m->ws = NULL;
	forget_aliases(m->extras);
}

void conn_lost(struct mqtt *m, int reason, const char *why)
{
	if (!m->stream)
		return;
	close_stream(m);
	client_lost(m, reason, why);
}

/* ---- the alarm ---- */

static int64_t ping_at(const struct mqtt *m)
{
	if (!m->c.connected || m->c.limits.keepalive == 0)
		return SWARM_FOREVER;
	/* The answer gets half the keep-alive, but at least a second. */
	if (m->ping_sent)
		return m->ping_sent + SECOND +
		    m->c.limits.keepalive * (SECOND / 2);
	return m->last_sent + m->c.limits.keepalive * SECOND;
}

int64_t conn_next(const struct mqtt *m)
{
	int64_t at = ping_at(m);

	return m->expiry_at < at ? m->expiry_at : at;
}

static void keep_alive(struct mqtt *m, int64_t now)
{
	if (ping_at(m) > now)
		return;
	if (m->ping_sent) {
		conn_lost(m, 0, "no PINGRESP in time");
		return;
	}
	m->ping_sent = now;
	codec_put_ping(&wire_out);
	wire_send(m, now);
}

void conn_tick(struct mqtt *m, int64_t now)
{
	keep_alive(m, now);
	if (m->expiry_at <= now)
		m->expiry_at = pending_expire(m, now);
}

/* ---- connecting ---- */

static int open_stream(struct mqtt *m, int64_t deadline)
{
	const struct settings *s = m->c.settings;
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

	while (m->shaking) {
		if (swarm_waiters_wait(&m->c.changed, deadline) == 0)
			continue;
		error = errno;
		close_stream(m);
		if (error == ETIMEDOUT)
			rows_count(ROWS_IDLE);
		return client_fail(m, error, 0, "no CONNACK in time");
	}
	if (m->c.connected)
		return 0;
	errno = m->c.reason ? EPROTO : ENOTCONN;
	return -1;
}

static int shake_hands(struct mqtt *m, int64_t deadline)
{
	int64_t sent = swarm_now();

	if (swarm_stream_watch(m->stream, SWARM_READ, wire_ready, m) == -1 ||
	    connack_put_connect(&wire_out, m->c.settings) == -1) {
		wire_out.len = 0;
		close_stream(m);
		return client_fail(m, ENOMEM, 0, "cannot send the CONNECT");
	}
	m->shaking = true;
	wire_send(m, sent);
	if (await_connack(m, deadline) == -1)
		return -1;
	rows_phase(ROWS_CONNACK, m->c.last_event - sent);
	return 0;
}

int conn_open(struct mqtt *m, int64_t deadline, int64_t *when)
{
	if (m->expiry_at == 0)
		m->expiry_at = SWARM_FOREVER;
	if (open_stream(m, deadline) == -1 || shake_hands(m, deadline) == -1)
		return -1;
	*when = m->c.last_event;
	return 0;
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
	codec_put_reason(&wire_out, m->c.settings->version, CODEC_DISCONNECT,
	    a->reason, props.has || props.user_count ? &props : NULL);
}

int conn_close(struct mqtt *m, const struct mqtt_disconnect_args *a,
    int64_t deadline, int64_t *when)
{
	int rc = 0, error;

	if (!a->abrupt) {
		put_goodbye(m, a);
		wire_send(m, swarm_now());
		rc = wire_drain(m, 0, deadline);
	}
	error = errno;
	*when = swarm_now();
	conn_lost(m, 0, "disconnected");
	if (rc == -1)
		return client_fail(m, error, 0, "the goodbye did not get "
		    "through");
	return 0;
}

void conn_release(struct mqtt *m)
{
	if (m->c.connected) {
		codec_put_reason(&wire_out, m->c.settings->version,
		    CODEC_DISCONNECT, 0, NULL);
		wire_send(m, swarm_now());
	}
	pending_table_release(m);
	if (m->stream)
		close_stream(m);
	idset_clear(&m->incoming);
	forget_aliases(m->extras);
	free(m->extras);
	m->extras = NULL;
}
