/*
 * Publishing, subscribing, unsubscribing.
 *
 * The window is kept here and not left to Paho, whose own queue in front of
 * it would hide that a message waits: a message is given to Paho when the
 * broker may have it at once.  QoS 0 counts too until it is written, or an
 * asynchronous flood would pile up in Paho's queue.
 */
#include "client.h"
#include "props.h"
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void fill_callbacks(MQTTAsync_responseOptions *o, struct op *op)
{
	o->context = op;
	if (op->link->version == 5) {
		o->onSuccess5 = op_success5;
		o->onFailure5 = op_failure5;
	} else {
		o->onSuccess = op_success;
		o->onFailure = op_failure;
	}
}

static int refuse(struct mqtt *m, struct swarm_timer *t, int error,
    const char *why)
{
	swarm_fail(t, "%s", why);
	return client_fail(m, error, 0, "%s", why);
}

/* A client without settings failed its connect already; any other that has
 * no connection fails each call, for all to see. */
static int not_ready(struct mqtt *m, uint32_t series)
{
	struct swarm_timer t = swarm_begin_at(m->user, series, swarm_now());

	return refuse(m, &t, ENOTCONN, "not connected");
}

/* ---- publish ---- */

/* Waits until the window has room; 0 or -1 with errno. */
static int enter_window(struct mqtt *m, int64_t deadline)
{
	int64_t start;

	if (m->inflight < m->window)
		return 0;
	if (!swarm_self()) {
		errno = EAGAIN;
		return -1;
	}
	start = swarm_now();
	while (m->inflight >= m->window && m->connected) {
		if (waiters_wait(&m->changed, deadline) == -1)
			return -1;
	}
	rows_phase(ROWS_WINDOW, swarm_now() - start);
	if (m->connected)
		return 0;
	errno = ENOTCONN;
	return -1;
}

static const char *check(struct mqtt *m, const struct mqtt_publish_args *a)
{
	const char *why = settings_check_publish(a, m->settings->version);

	if (why)
		return why;
	if (a->qos > m->info.maximum_qos)
		return "the broker does not allow this QoS";
	if (a->retain && !m->info.retain_available)
		return "the broker does not allow retained messages";
	if (a->topic_alias > m->info.topic_alias_maximum)
		return "topic alias above the broker's maximum";
	return NULL;
}

static int send(struct mqtt *m, struct op *op,
    const struct mqtt_publish_args *a)
{
	MQTTAsync_message message = MQTTAsync_message_initializer;
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
	int rc;

	message.payload = (void *)(uintptr_t)a->data;
	message.payloadlen = (int)a->len;
	message.qos = a->qos;
	message.retained = a->retain;
	if (op->link->version == 5)
		message.properties = props_publish(a);
	fill_callbacks(&o, op);
	m->inflight++;
	rc = MQTTAsync_sendMessage(op->link->handle, a->topic, &message, &o);
	MQTTProperties_free(&message.properties);
	if (rc != MQTTASYNC_SUCCESS)
		return op_refused(op, rc);
	m->published++;
	rows_count(ROWS_PUB);
	return 0;
}

static int start(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_publish_args *a, int64_t deadline)
{
	struct op *op;

	if (enter_window(m, deadline) == -1) {
		if (errno == EAGAIN || errno == ECANCELED) {
			swarm_drop(t);
			return -1;
		}
		return refuse(m, t, errno, errno == ETIMEDOUT ?
		    "window full" : "connection lost");
	}
	op = op_new(m->link, OP_PUBLISH, t);
	if (!op)
		return refuse(m, t, ENOMEM, "out of memory");
	op->qos = (uint8_t)a->qos;
	op->len = a->len;
	op->deadline = deadline;
	if (send(m, op, a) == -1)
		return -1;
	if (!a->async)
		return op_wait(op, deadline);
	op_unref(op);
	swarm_alarm_set(m->expiry, swarm_in(0.1));
	return 0;
}

int publish_send(struct mqtt *m, const struct mqtt_publish_args *from)
{
	struct mqtt_publish_args a;
	struct swarm_timer t;
	uint32_t series;
	const char *why;

	if (!m || !m->settings) {
		errno = ENOTCONN;
		return -1;
	}
	settings_copy(&a, sizeof a, from, from->size);
	a.data = settings_payload(a.text, a.data, &a.len);
	series = rows_series("publish", a.qos, a.topic ? a.topic : "", a.name);
	if (!m->connected)
		return not_ready(m, series);
	t = swarm_begin_at(m->user, series, swarm_now());
	why = check(m, &a);
	if (why)
		return refuse(m, &t, EINVAL, why);
	return start(m, &t, &a, swarm_in(a.timeout > 0 ? a.timeout :
	    client_defaults.timeout));
}

int publish_wait_room(struct mqtt *m, int qos, int64_t deadline)
{
	(void)qos;
	if (m && m->connected)
		return enter_window(m, deadline);
	errno = ENOTCONN;
	return -1;
}

int publish_flush(struct mqtt *m, int64_t deadline)
{
	while (m && m->inflight > 0) {
		if (waiters_wait(&m->changed, deadline) == -1)
			return -1;
	}
	return 0;
}

void publish_expire(void *arg)
{
	struct mqtt *m = arg;
	int64_t now = swarm_now();
	struct op *op, *next;

	if (!m->link)
		return;
	for (op = m->link->ops; op; op = next) {
		next = op->next;
		if (op->kind == OP_PUBLISH && op->deadline <= now)
			op_abort(op, ETIMEDOUT, op->qos == 0 ?
			    "no write in time" : op->qos == 1 ?
			    "no PUBACK in time" : "no PUBCOMP in time");
	}
	if (m->inflight > 0)
		swarm_alarm_set(m->expiry, swarm_in(0.1));
}

/* ---- subscribe, unsubscribe ---- */

static struct op *begin(struct mqtt *m, enum op_kind kind, const char *verb,
    int qos, const char *filter, const char *name, const char *why)
{
	uint32_t series;
	struct swarm_timer t;
	struct op *op;

	series = rows_series(verb, qos, filter ? filter : "", name);
	if (!m->connected) {
		not_ready(m, series);
		return NULL;
	}
	t = swarm_begin_at(m->user, series, swarm_now());
	if (why) {
		refuse(m, &t, EINVAL, why);
		return NULL;
	}
	op = op_new(m->link, kind, &t);
	if (!op)
		refuse(m, &t, ENOMEM, "out of memory");
	return op;
}

static int finish(struct op *op, int rc, double timeout)
{
	int granted;

	if (rc != MQTTASYNC_SUCCESS)
		return op_refused(op, rc);
	op->refs++;
	rc = op_wait(op, swarm_in(timeout > 0 ? timeout :
	    client_defaults.timeout));
	granted = op->granted;
	if (rc == 0 && op->link->client)
		op->link->client->reason = granted;
	op_unref(op);
	return rc == -1 ? -1 : granted;
}

int publish_subscribe(struct mqtt *m, const struct mqtt_subscribe_args *from)
{
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
	struct mqtt_subscribe_args a;
	struct op *op;
	int rc;

	if (!m || !m->settings) {
		errno = ENOTCONN;
		return -1;
	}
	settings_copy(&a, sizeof a, from, from->size);
	op = begin(m, OP_SUBSCRIBE, "subscribe", a.qos, a.filter, a.name,
	    settings_check_subscribe(&a, m->settings->version));
	if (!op)
		return -1;
	fill_callbacks(&o, op);
	if (op->link->version == 5) {
		o.properties = props_subscribe(&a);
		o.subscribeOptions.noLocal = a.no_local;
		o.subscribeOptions.retainAsPublished = a.retain_as_published;
		o.subscribeOptions.retainHandling =
		    (unsigned char)a.retain_handling;
	}
	rc = MQTTAsync_subscribe(op->link->handle, a.filter, a.qos, &o);
	MQTTProperties_free(&o.properties);
	return finish(op, rc, a.timeout);
}

int publish_unsubscribe(struct mqtt *m,
    const struct mqtt_unsubscribe_args *from)
{
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
	struct mqtt_unsubscribe_args a;
	struct op *op;
	int rc;

	if (!m || !m->settings) {
		errno = ENOTCONN;
		return -1;
	}
	settings_copy(&a, sizeof a, from, from->size);
	op = begin(m, OP_UNSUBSCRIBE, "unsubscribe", -1, a.filter, a.name,
	    settings_check_filter(a.filter));
	if (!op)
		return -1;
	fill_callbacks(&o, op);
	if (op->link->version == 5)
		o.properties = props_unsubscribe(&a);
	rc = MQTTAsync_unsubscribe(op->link->handle, a.filter, &o);
	MQTTProperties_free(&o.properties);
	return finish(op, rc, a.timeout) == -1 ? -1 : 0;
}
