/*
 * Clients: connecting, reconnecting, and the end.
 *
 * A client outlives its connections.  It is freed when nobody uses it any
 * more: the user that holds it, and the helper fiber that may just be
 * connecting it again.
 */
#include "client.h"

#include "props.h"
#include "reason.h"
#include "rows.h"
#include "tickler.h"

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

static unsigned clients;                /* of this worker */

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

bool client_ready(struct mqtt *m)
{
	if (m && m->connected)
		return true;
	if (m && m->settings)
		client_fail(m, ENOTCONN, 0, "not connected");
	errno = ENOTCONN;
	return false;
}

static void unref(struct mqtt *m)
{
	if (--m->refs > 0)
		return;
	free(m->settings);
	free(m);
}

/* ---- connecting ---- */

/* The end of a failed connect: the sample, the counters and the text. */
static int connect_failed(struct mqtt *m, struct swarm_timer *t, int64_t when,
    int error, int reason, const char *why)
{
	if (error == ECANCELED) {
		swarm_drop(t);
	} else if (reason) {
		swarm_fail_at(t, when, "refused by the broker: %s",
		    reason_name(reason));
		rows_reason(ROWS_IN_CONNACK, reason);
		client_fail(m, error, reason, "refused by the broker: %s",
		    reason_name(reason));
	} else {
		swarm_fail_at(t, when, "%s", why);
		client_fail(m, error, 0, "%s", why);
	}
	if (error == ECONNREFUSED)
		rows_count(ROWS_REFUSED);
	if (error == ETIMEDOUT)
		rows_count(ROWS_TIMEOUT);
	if (error == EHOSTUNREACH || error == ENETUNREACH)
		rows_count(ROWS_UNREACHABLE);
	errno = error;
	return -1;
}

/* Paho's answer to a connect that reached nobody, in words. */
static const char *why_not(struct mqtt *m, int64_t deadline)
{
	const char *why;

	if (m->link->tls_error[0])
		return m->link->tls_error;
	errno = 0;
	why = target_why(m->settings, deadline);
	return why;
}

static int await_connack(struct mqtt *m, struct op *op, int64_t deadline)
{
	int error, reason;
	int64_t when;

	op->refs++;
	error = op_wait(op, deadline) == -1 ? errno : 0;
	when = op->when;
	reason = op->refused ? op->granted : 0;
	if (error == ETIMEDOUT || error == ECANCELED) {
		/* Paho goes on trying: only the end of the handle ends it. */
		op_abort(op, error, "no CONNACK in time");
		link_free(m->link);
		m->link = NULL;
		rows_count(ROWS_TIMEOUT);
	} else if (error) {
		connect_failed(m, &op->timer, when, error, reason,
		    reason ? "" : why_not(m, deadline));
	}
	op_unref(op);
	errno = error;
	return error ? -1 : 0;
}

static int start(struct mqtt *m, const struct swarm_timer *t,
    int64_t deadline)
{
	struct swarm_timer timer = *t;
	char uri[600];
	struct op *op;
	int rc;

	if (target_uri(m->settings, uri, sizeof uri) == -1)
		return connect_failed(m, &timer, swarm_now(), EHOSTUNREACH, 0,
		    "the host's name is unknown");
	if (!m->link)
		m->link = link_new(m, uri);
	op = m->link ? op_new(m->link, OP_CONNECT, t) : NULL;
	if (!op)
		return connect_failed(m, &timer, swarm_now(), ENOMEM, 0,
		    "out of memory");
	rc = link_connect(m->link, op);
	if (rc != MQTTASYNC_SUCCESS)
		return op_refused(op, rc);
	return await_connack(m, op, deadline);
}

static void keep_info(struct mqtt *m)
{
	const struct link_limits *l = &m->link->limits;
	struct mqtt_info *i = &m->info;

	i->session_present = l->session_present;
	i->client_id = l->assigned_id ? l->assigned_id :
	    m->settings->args.client_id;
	i->keepalive = l->keepalive;
	i->maximum_qos = l->maximum_qos;
	i->retain_available = l->retain_available;
	i->receive_maximum = l->receive_maximum;
	i->topic_alias_maximum = l->alias_maximum;
	i->max_packet_size = l->max_packet;
	i->response_information = l->response_information;
	i->server_reference = l->server_reference;
	m->window = m->settings->args.inflight;
	if (m->window > l->receive_maximum)
		m->window = l->receive_maximum;
}

static int attempt(struct mqtt *m, const char *name)
{
	struct swarm_timer t = swarm_begin_at(m->user,
	    rows_series("", 0, "", name), swarm_now());
	int rc, error;

	m->connecting = true;
	tickler_connecting(1);
	rc = start(m, &t, swarm_in(m->settings->args.timeout));
	error = errno;
	tickler_connecting(-1);
	m->connecting = false;
	if (rc == 0) {
		rows_phase(ROWS_CONNACK, swarm_now() - t.start);
		keep_info(m);
		m->connected = true;
		m->failures = 0;
		m->reason = 0;
		m->text[0] = 0;
	}
	waiters_wake(&m->changed);
	errno = error;
	return rc;
}

/* ---- reconnecting ---- */

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
	swarm_alarm_set(m->retry, swarm_in(most * swarm_uniform(m->user)));
}

static int connect_again(struct mqtt *m)
{
	int rc = attempt(m, "reconnect");

	if (rc == 0) {
		m->reconnects++;
		m->retrying = false;
	} else {
		m->failures++;
	}
	if (rc == 0 || errno != ECANCELED)
		rows_count(rc == 0 ? ROWS_RECONNECT_SUCC :
		    ROWS_RECONNECT_FAIL);
	return rc;
}

static void retry_fiber(void *arg)
{
	struct mqtt *m = arg;

	if (!m->freed && !m->connected && !m->connecting &&
	    connect_again(m) == -1 && errno != ECANCELED)
		plan_retry(m);
	unref(m);
}

static void retry(void *arg)
{
	struct mqtt *m = arg;

	m->refs++;
	swarm_spawn(m->user, retry_fiber, m);
}

static void drop_link_state(struct mqtt *m, const char *why)
{
	struct op *op, *next;
	bool keep = m->settings->args.keep_session && m->retrying;

	for (op = m->link->ops; op; op = next) {
		next = op->next;
		if (op->kind == OP_PUBLISH && op->qos > 0 && keep)
			continue;
		if (op->kind != OP_CONNECT)
			op_abort(op, m->closing && swarm_stopping(m->user) ?
			    ECANCELED : ENOTCONN, why);
	}
}

void client_lost(struct mqtt *m, int reason)
{
	if (reason >= 0x80) {
		rows_reason(ROWS_IN_DISCONNECT, reason);
		client_fail(m, ENOTCONN, reason, "disconnected: %s",
		    reason_name(reason));
	}
	if (!m->connected)
		return;
	m->connected = false;
	if (!m->closing) {
		rows_count(ROWS_LOST);
		plan_retry(m);
	}
	if (m->link)
		drop_link_state(m, "connection lost");
	waiters_wake(&m->changed);
	waiters_wake(&m->inbox.waiters);
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
	if (m->connected)
		return 0;
	swarm_alarm_set(m->retry, SWARM_FOREVER);
	m->closing = false;
	return connect_again(m);
}

/* ---- the calls ---- */

static const char *unsupported(const struct settings *s)
{
	const struct mqtt_tls *t = s->args.tls;

	if (s->args.source)
		return "paho.mqtt.c cannot bind a source address: use "
		    "--plugin fastmqtt";
	if (s->args.auth_method)
		return "paho.mqtt.c has no enhanced authentication: use "
		    "--plugin fastmqtt";
	if (s->url.tls && t->server_name &&
	    strcmp(t->server_name, s->url.host) != 0)
		return "paho.mqtt.c verifies the URL's host only: use "
		    "--plugin fastmqtt";
	if (t->alpn && strcmp(t->alpn, "mqtt") != 0)
		return "the only ALPN name of the mqtt plugin is mqtt";
	return NULL;
}

static void warn_ceiling(void)
{
	static bool warned;

	if (clients <= CLIENT_CEILING || warned)
		return;
	warned = true;
	swarm_warn("more than %d MQTT clients in one worker: each message now "
	    "costs paho.mqtt.c a walk over all of them; start more workers "
	    "(--processes) or use --plugin fastmqtt", CLIENT_CEILING);
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
	m->retry = swarm_alarm_new(retry, m);
	m->expiry = swarm_alarm_new(publish_expire, m);
	inbox_init(&m->inbox);
	clients++;
	warn_ceiling();
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
	connect_failed(m, &t, swarm_now(), error, 0, why);
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
	m->info.version = m->settings->version;
	m->info.client_id = m->settings->args.client_id;
	why = unsupported(m->settings);
	if (why) {
		refuse(m, m->settings->args.name, ENOTSUP, why);
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

static int say_goodbye(struct mqtt *m, struct op *op,
    const struct mqtt_disconnect_args *a)
{
	MQTTAsync_disconnectOptions o = MQTTAsync_disconnectOptions_initializer;
	int rc;

	o.context = op;
	if (m->settings->version == 5) {
		o.struct_version = 1;
		o.reasonCode = (enum MQTTReasonCodes)a->reason;
		o.properties = props_disconnect(a);
		o.onSuccess5 = op_success5;
		o.onFailure5 = op_failure5;
	} else {
		o.onSuccess = op_success;
		o.onFailure = op_failure;
	}
	rc = MQTTAsync_disconnect(m->link->handle, &o);
	MQTTProperties_free(&o.properties);
	if (rc != MQTTASYNC_SUCCESS)
		return op_refused(op, rc);
	return op_wait(op, swarm_in(m->settings->args.timeout));
}

int client_disconnect(struct mqtt *m, const struct mqtt_disconnect_args *from)
{
	struct mqtt_disconnect_args a;
	struct swarm_timer t;
	struct op *op;
	int rc, error;

	settings_copy(&a, sizeof a, from, from->size);
	if (m && m->settings) {
		m->closing = true;
		swarm_alarm_set(m->retry, SWARM_FOREVER);
		m->retrying = false;
	}
	if (client_ready(m) && !a.abrupt)
		publish_flush(m, swarm_in(LINGER));
	if (!client_ready(m))
		return -1;
	t = swarm_begin_at(m->user, rows_series("", 0, "",
	    a.name ? a.name : "disconnect"), swarm_now());
	if (a.abrupt) {
		swarm_fail(&t, "paho.mqtt.c cannot drop a connection: use "
		    "--plugin fastmqtt");
		return client_fail(m, ENOTSUP, 0, "paho.mqtt.c cannot drop a "
		    "connection");
	}
	op = op_new(m->link, OP_DISCONNECT, &t);
	if (!op)
		return client_fail(m, ENOMEM, 0, "out of memory");
	rc = say_goodbye(m, op, &a);
	error = errno;
	m->connected = false;
	if (m->link)
		drop_link_state(m, "disconnected");
	waiters_wake(&m->inbox.waiters);
	errno = error;
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
	m->connected = false;
	swarm_alarm_free(m->retry);
	swarm_alarm_free(m->expiry);
	link_free(m->link);
	m->link = NULL;
	inbox_release(&m->inbox);
	waiters_wake(&m->changed);
	clients--;
	unref(m);
}

void client_free_all(struct swarm_user *u, void *slot)
{
	struct mqtt **list = slot;
	int64_t deadline = swarm_in(LINGER);

	(void)u;
	for (struct mqtt *m = *list; m; m = m->next) {
		if (m->connected)
			publish_flush(m, deadline);
	}
	while (*list)
		client_free(*list);
}
