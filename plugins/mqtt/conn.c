/*
 * Connections through Paho: its handle is made at the first connect, used
 * again by each reconnect, and given up when Paho cannot be told to stop
 * trying.
 */
#include "paho.h"

#include "props.h"
#include "reason.h"
#include "rows.h"
#include "tickler.h"

#include <swarm/log.h>

#include <errno.h>
#include <string.h>

/*
 * Paho does not always get over a lost connection: what it sends again may be
 * malformed, or more than the broker puts up with, and that for ever.  After
 * so many losses in that state its handle is given up and what was under way
 * fails, for all to see.
 */
#define RELAPSES 5

const char *conn_unsupported(const struct settings *s)
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
	if (t->min_version || t->max_version)
		return "paho.mqtt.c cannot choose among TLS 1.2 and 1.3: use "
		    "--plugin fastmqtt";
	if (t->alpn && strcmp(t->alpn, "mqtt") != 0)
		return "the only ALPN name of the mqtt plugin is mqtt";
	return NULL;
}

static void warn_ceiling(void)
{
	static bool warned;

	if (client_count() <= CLIENT_CEILING || warned)
		return;
	warned = true;
	swarm_warn("more than %d MQTT clients in one worker: each message now "
	    "costs paho.mqtt.c a walk over all of them; start more workers "
	    "(--processes) or use --plugin fastmqtt", CLIENT_CEILING);
}

/* ---- the end ---- */

void conn_abandon(struct mqtt *m, bool keep, int error, const char *why)
{
	struct op *op, *next;

	for (op = m->link ? m->link->ops : NULL; op; op = next) {
		next = op->next;
		if (op->kind == OP_PUBLISH && op->qos > 0 && keep &&
		    !op->finished) {
			m->repeated += !op->repeated;
			op->repeated = true;
			continue;
		}
		if (op->kind != OP_CONNECT && op->kind != OP_DISCONNECT)
			op_abort(op, error, why);
	}
}

void conn_lost(struct mqtt *m, int reason)
{
	if (reason >= 0x80)
		rows_reason(ROWS_IN_DISCONNECT, reason);
	else
		reason = 0;
	/* While it repeats what an earlier connection left. */
	if (m->repeated > 0)
		m->relapses += m->c.connected ? 1 : 0;
	else
		m->relapses = 0;
	if (m->repeated > 0 && (reason == 0x81 || reason == 0x82))
		m->relapses = RELAPSES;
	if (m->c.connected)
		client_lost(m, reason, reason ? "disconnected by the broker" :
		    "connection lost");
}

void conn_release(struct mqtt *m)
{
	link_free(m->link);
	m->link = NULL;
}

/* ---- connecting ---- */

static int await_connack(struct mqtt *m, struct op *op, int64_t deadline,
    int64_t *when)
{
	int error, reason;

	op->refs++;
	error = op_wait(op, deadline) == -1 ? errno : 0;
	*when = op->when;
	reason = op->refused ? op->granted : 0;
	if (error == ETIMEDOUT || error == ECANCELED) {
		/* Paho goes on trying: only the end of the handle ends it. */
		conn_release(m);
		client_fail(m, error, 0, "no CONNACK in time");
	} else if (reason) {
		rows_reason(ROWS_IN_CONNACK, reason);
		client_fail(m, error, reason, "refused by the broker: %s",
		    reason_name(reason));
	} else if (error) {
		client_fail(m, error, 0, "%s",
		    target_why(m->c.settings, deadline));
	}
	op_unref(op);
	errno = error;
	return error ? -1 : 0;
}

/* The texts move, so that Paho's thread can make others. */
void conn_up(struct mqtt *m, int64_t when)
{
	m->c.last_event = when;
	m->c.connected = true;
	link_forget_aliases(m->link);
	client_limits_release(&m->c.limits);
	m->c.limits = m->link->limits;
	m->link->limits = (struct client_limits){ .assigned_id = NULL };
	m->c.window = m->c.settings->args.inflight;
	if (m->c.window > m->c.limits.receive_maximum)
		m->c.window = m->c.limits.receive_maximum;
}

static int open_link(struct mqtt *m, int64_t deadline, int64_t *when)
{
	int64_t start = swarm_now();
	char uri[600], why[sizeof m->c.text];
	struct op *op;
	int rc;

	if (target_uri(m->c.settings, deadline, uri, sizeof uri, why,
	    sizeof why) == -1)
		return client_fail(m, errno, 0, "%s", why);
	if (!m->link)
		m->link = link_new(m, uri);
	op = m->link ? op_new(m->link, OP_CONNECT, NULL) : NULL;
	if (!op)
		return client_fail(m, ENOMEM, 0, "out of memory");
	rc = link_connect(m->link, op);
	if (rc != MQTTASYNC_SUCCESS)
		return op_refused(op, rc);
	if (await_connack(m, op, deadline, when) == -1)
		return -1;
	rows_phase(ROWS_CONNACK, *when - start);
	if (m->c.connected)
		return 0;
	errno = ENOTCONN;
	return -1;
}

int conn_open(struct mqtt *m, int64_t deadline, int64_t *when)
{
	int rc, error;

	warn_ceiling();
	if (m->relapses >= RELAPSES) {
		conn_abandon(m, false, ENOTCONN, "paho.mqtt.c could not send "
		    "it again");
		conn_release(m);
		m->relapses = 0;
	}
	tickler_connecting(1);
	rc = open_link(m, deadline, when);
	error = errno;
	tickler_connecting(-1);
	errno = error;
	return rc;
}

/* ---- disconnecting ---- */

static int say_goodbye(struct mqtt *m, struct op *op,
    const struct mqtt_disconnect_args *a)
{
	MQTTAsync_disconnectOptions o = MQTTAsync_disconnectOptions_initializer;
	int rc;

	o.context = op;
	if (m->c.settings->version == 5) {
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
	return rc == MQTTASYNC_SUCCESS ? 0 : op_refused(op, rc);
}

int conn_close(struct mqtt *m, const struct mqtt_disconnect_args *a,
    int64_t deadline, int64_t *when)
{
	struct op *op;
	int rc, error;

	if (a->abrupt)
		return client_fail(m, ENOTSUP, 0, "paho.mqtt.c cannot drop a "
		    "connection: use --plugin fastmqtt");
	op = op_new(m->link, OP_DISCONNECT, NULL);
	if (!op)
		return client_fail(m, ENOMEM, 0, "out of memory");
	rc = say_goodbye(m, op, a);
	if (rc == 0) {
		op->refs++;
		rc = op_wait(op, deadline);
		*when = op->when ? op->when : swarm_now();
		error = errno;
		op_unref(op);
		errno = error;
	}
	error = errno;
	client_lost(m, 0, "disconnected");
	if (rc == -1)
		return client_fail(m, error, 0, "the goodbye did not get "
		    "through");
	return 0;
}
