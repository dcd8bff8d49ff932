/*
 * A link: one Paho handle, its options and its callbacks.
 *
 * Destroying a handle is a call that does not wait: Paho sends a DISCONNECT
 * if it can, closes the socket and forgets the handle under its lock, so no
 * callback comes after it.  What its threads had queued before is still on
 * its way through the door, and so the link is buried by an event behind it.
 */
#include "paho.h"
#include "props.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- messages: from Paho's thread to the inbox ---- */

struct arrival {
	struct door_event event;
	struct link *link;
	char *topic;
	size_t topic_len;
	MQTTAsync_message *message;
	int64_t when;
};

/* The topic behind an alias, or as it came; NULL for an unknown alias. */
static const char *topic_of(struct link *l, struct arrival *a)
{
	uint32_t alias = props_number(&a->message->properties,
	    MQTTPROPERTY_CODE_TOPIC_ALIAS, 0);

	if (alias == 0)
		return a->topic;
	if (alias > l->alias_count)
		return NULL;
	if (a->topic_len > 0) {
		free(l->aliases[alias - 1]);
		l->aliases[alias - 1] = strndup(a->topic, a->topic_len);
	}
	return l->aliases[alias - 1];
}

static void deliver(struct mqtt *m, struct arrival *a)
{
	const MQTTAsync_message *from = a->message;
	const char *topic = topic_of(a->link, a);
	struct mqtt_message to = {
		.size = sizeof to,
		.topic = topic,
		.data = from->payload,
		.len = (size_t)from->payloadlen,
		.qos = from->qos,
		.retain = from->retained,
		.dup = from->dup,
		.received = a->when,
	};
	struct props_view view;

	/* An alias that says nothing: Paho cannot be told to hang up. */
	if (!topic || props_message(&view, &to, &from->properties) == -1) {
		inbox_drop(&m->c.inbox);
		return;
	}
	inbox_put(&m->c.inbox, m, &to,
	    topic == a->topic ? a->topic_len : strlen(topic),
	    (size_t)client_queue);
	props_view_release(&view);
}

static void arrive(struct door_event *e)
{
	struct arrival *a = (struct arrival *)e;
	struct mqtt *m = a->link->client;

	if (m && !m->c.freed)
		deliver(m, a);
	MQTTAsync_freeMessage(&a->message);
	MQTTAsync_free(a->topic);
	free(a);
}

static int on_message(void *context, char *topic, int topic_len,
    MQTTAsync_message *message)
{
	struct arrival *a = malloc(sizeof *a);

	/* 0: Paho keeps it and offers it again. */
	if (!a)
		return 0;
	a->event.run = arrive;
	a->link = context;
	a->topic = topic;
	a->topic_len = topic_len ? (size_t)topic_len : strlen(topic);
	a->message = message;
	a->when = swarm_now();
	door_push(&a->event);
	return 1;
}

/* ---- the end of a connection ---- */

struct loss {
	struct door_event event;
	struct link *link;
	int reason;
};

static void lose(struct door_event *e)
{
	struct loss *l = (struct loss *)e;
	struct mqtt *m = l->link->client;

	if (m)
		conn_lost(m, l->reason);
	free(l);
}

static void push_loss(struct link *link, int reason)
{
	struct loss *l = malloc(sizeof *l);

	if (!l)
		return;
	l->event.run = lose;
	l->link = link;
	l->reason = reason;
	door_push(&l->event);
}

static void on_lost(void *context, char *cause)
{
	(void)cause;
	push_loss(context, 0);
}

static void on_disconnected(void *context, MQTTProperties *properties,
    enum MQTTReasonCodes reason)
{
	(void)properties;
	push_loss(context, (int)reason);
}

/* ---- connecting ---- */

static void fill_tls(MQTTAsync_SSLOptions *o, const struct mqtt_tls *t)
{
	static const unsigned char mqtt[] = { 4, 'm', 'q', 't', 't' };

	o->trustStore = t->ca_file;
	o->keyStore = t->cert_file;
	o->privateKey = t->key_file ? t->key_file : t->cert_file;
	o->enabledCipherSuites = t->ciphers;
	o->enableServerCertAuth = !t->insecure;
	o->verify = !t->insecure;
	if (t->alpn && strcmp(t->alpn, "mqtt") == 0) {
		o->protos = mqtt;
		o->protos_len = sizeof mqtt;
	}
}

static void fill_will(MQTTAsync_willOptions *o, const struct mqtt_will *w)
{
	o->topicName = w->topic;
	o->payload.data = w->data;
	o->payload.len = (int)w->len;
	o->qos = w->qos;
	o->retained = w->retain;
}

static void fill_callbacks(MQTTAsync_connectOptions *o, struct op *op)
{
	o->context = op;
	if (o->MQTTVersion == MQTTVERSION_5) {
		o->onSuccess5 = op_success5;
		o->onFailure5 = op_failure5;
	} else {
		o->onSuccess = op_success;
		o->onFailure = op_failure;
	}
}

static void fill(MQTTAsync_connectOptions *o, struct op *op,
    const struct mqtt_connect_args *a)
{
	bool v5 = a->version == 5;

	o->keepAliveInterval = a->keepalive < 0 ? 0 : a->keepalive;
	o->cleansession = !v5 && !a->keep_session;
	o->cleanstart = v5 && !a->keep_session;
	o->maxInflight = (int)a->inflight;
	o->MQTTVersion = v5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
	o->username = a->username;
	o->binarypwd.data = a->password;
	o->binarypwd.len = a->password ? (int)a->password_len : 0;
	o->connectTimeout = (int)ceil(a->timeout) + 1;
	fill_callbacks(o, op);
}

int link_connect(struct link *l, struct op *op)
{
	const struct settings *s = l->client->c.settings;
	MQTTAsync_connectOptions o = MQTTAsync_connectOptions_initializer;
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
	MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
	MQTTProperties props = props_connect(&s->args);
	MQTTProperties will_props = MQTTProperties_initializer;
	int rc;

	fill(&o, op, &s->args);
	if (s->url.tls) {
		fill_tls(&tls, s->args.tls);
		o.ssl = &tls;
	}
	if (s->args.will) {
		fill_will(&will, s->args.will);
		will_props = props_will(s->args.will);
		o.will = &will;
	}
	if (s->version == 5) {
		o.connectProperties = &props;
		if (s->args.will)
			o.willProperties = &will_props;
	}
	client_limits_release(&l->limits);
	l->limits = (struct client_limits){
		.keepalive = (uint16_t)o.keepAliveInterval,
		.maximum_qos = 2,
		.retain_available = true,
		.receive_maximum = 65535,
	};
	rc = MQTTAsync_connect(l->handle, &o);
	MQTTProperties_free(&props);
	MQTTProperties_free(&will_props);
	if (rc != MQTTASYNC_SUCCESS)
		return rc;
	if (l->connect) {
		l->connect->in_library = false;
		op_unref(l->connect);
	}
	l->connect = op;
	return 0;
}

/* ---- life ---- */

struct link *link_new(struct mqtt *m, const char *uri)
{
	const struct settings *s = m->c.settings;
	MQTTAsync_createOptions o = MQTTAsync_createOptions_initializer;
	struct link *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->client = m;
	l->version = s->version;
	l->alias_count = s->args.topic_alias_maximum;
	if (l->alias_count) {
		l->aliases = calloc(l->alias_count, sizeof *l->aliases);
		if (!l->aliases)
			l->alias_count = 0;
	}
	o.MQTTVersion = s->version == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
	o.maxBufferedMessages = 65535;
	if (MQTTAsync_createWithOptions(&l->handle, uri, s->args.client_id,
	    MQTTCLIENT_PERSISTENCE_NONE, NULL, &o) != MQTTASYNC_SUCCESS) {
		free(l->aliases);
		free(l);
		return NULL;
	}
	MQTTAsync_setCallbacks(l->handle, l, on_lost, on_message, NULL);
	if (s->version == 5)
		MQTTAsync_setDisconnected(l->handle, l, on_disconnected);
	return l;
}

void link_forget_aliases(struct link *l)
{
	for (size_t i = 0; i < l->alias_count; i++) {
		free(l->aliases[i]);
		l->aliases[i] = NULL;
	}
}

static void bury(struct door_event *e)
{
	struct link *l = (struct link *)((char *)e -
	    offsetof(struct link, bury));
	struct op *op, *next;

	/* A fiber may still hold a reference of its own. */
	for (op = l->ops; op; op = next) {
		next = op->next;
		op->prev = NULL;
		if (op->in_library)
			op_unref(op);
	}
	link_forget_aliases(l);
	free(l->aliases);
	client_limits_release(&l->limits);
	free(l);
}

void link_free(struct link *l)
{
	struct op *op, *next;

	if (!l)
		return;
	for (op = l->ops; op; op = next) {
		next = op->next;
		op_abort(op, ECANCELED, "closed");
	}
	l->client = NULL;
	MQTTAsync_destroy(&l->handle);
	l->bury.run = bury;
	door_push(&l->bury);
}
