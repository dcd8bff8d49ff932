/*
 * Publishing, subscribing, unsubscribing.
 *
 * The window is kept here and not left to Paho, whose own queue in front of
 * it would hide that a message waits: a message is given to Paho when the
 * broker may have it at once.  QoS 0 counts too until it is written, or an
 * asynchronous flood would pile up in Paho's queue.
 */
#include "paho.h"
#include "props.h"
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How often asynchronous publishes are looked at, in seconds. */
#define EXPIRY 0.1

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

/* ---- publish ---- */

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
	m->c.inflight++;
	rc = MQTTAsync_sendMessage(op->link->handle, a->topic, &message, &o);
	MQTTProperties_free(&message.properties);
	if (rc != MQTTASYNC_SUCCESS)
		return op_refused(op, rc);
	m->c.published++;
	rows_count(ROWS_PUB);
	return 0;
}

/* New ones wait until Paho has repeated what the last connection left: mixed
 * with them it would repeat them too, again and again. */
bool publish_full(const struct mqtt *m, int qos)
{
	(void)qos;
	return m->c.inflight >= m->c.window || m->repeated > 0;
}

bool publish_busy(const struct mqtt *m)
{
	return m->c.inflight > 0;
}

int publish_send(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_publish_args *a, int64_t deadline)
{
	struct op *op = op_new(m->link, OP_PUBLISH, t);

	if (!op)
		return client_refuse(m, t, ENOMEM, "out of memory");
	op->qos = (uint8_t)a->qos;
	op->len = a->len;
	op->deadline = deadline;
	if (send(m, op, a) == -1)
		return -1;
	if (!a->async)
		return op_wait(op, deadline);
	op_unref(op);
	if (m->expiry_at == 0) {
		m->expiry_at = swarm_in(EXPIRY);
		client_arm(m);
	}
	return 0;
}

int64_t publish_next(const struct mqtt *m)
{
	return m->expiry_at ? m->expiry_at : SWARM_FOREVER;
}

/* Ends asynchronous publishes past their deadline. */
void publish_tick(struct mqtt *m, int64_t now)
{
	struct op *op, *next;

	if (m->expiry_at == 0 || m->expiry_at > now)
		return;
	for (op = m->link ? m->link->ops : NULL; op; op = next) {
		next = op->next;
		if (op->kind == OP_PUBLISH && op->deadline <= now)
			op_abort(op, ETIMEDOUT, op->qos == 0 ?
			    "no write in time" : op->qos == 1 ?
			    "no PUBACK in time" : "no PUBCOMP in time");
	}
	m->expiry_at = m->c.inflight > 0 ? swarm_in(EXPIRY) : 0;
}

/* ---- subscribe, unsubscribe, ping ---- */

static int finish(struct op *op, int rc, int64_t deadline)
{
	int granted;

	if (rc != MQTTASYNC_SUCCESS)
		return op_refused(op, rc);
	op->refs++;
	rc = op_wait(op, deadline);
	granted = op->granted;
	op_unref(op);
	return rc == -1 ? -1 : granted;
}

int publish_subscribe(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_subscribe_args *a, int64_t deadline)
{
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
	struct op *op = op_new(m->link, OP_SUBSCRIBE, t);
	int rc;

	if (!op)
		return client_refuse(m, t, ENOMEM, "out of memory");
	fill_callbacks(&o, op);
	if (op->link->version == 5) {
		o.properties = props_subscribe(a);
		o.subscribeOptions.noLocal = a->no_local;
		o.subscribeOptions.retainAsPublished = a->retain_as_published;
		o.subscribeOptions.retainHandling =
		    (unsigned char)a->retain_handling;
	}
	rc = MQTTAsync_subscribe(op->link->handle, a->filter, a->qos, &o);
	MQTTProperties_free(&o.properties);
	return finish(op, rc, deadline);
}

int publish_unsubscribe(struct mqtt *m, struct swarm_timer *t,
    const struct mqtt_unsubscribe_args *a, int64_t deadline)
{
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
	struct op *op = op_new(m->link, OP_UNSUBSCRIBE, t);
	int rc;

	if (!op)
		return client_refuse(m, t, ENOMEM, "out of memory");
	fill_callbacks(&o, op);
	if (op->link->version == 5)
		o.properties = props_unsubscribe(a);
	rc = MQTTAsync_unsubscribe(op->link->handle, a->filter, &o);
	MQTTProperties_free(&o.properties);
	return finish(op, rc, deadline);
}

int publish_ping(struct mqtt *m, struct swarm_timer *t, int64_t deadline)
{
	(void)deadline;
	return client_refuse(m, t, ENOTSUP, "paho.mqtt.c pings by itself "
	    "only: use --plugin fastmqtt");
}
