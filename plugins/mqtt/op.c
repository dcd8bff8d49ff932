/*
 * Operations: asked on a fiber, answered on Paho's threads with the time
 * taken there, recorded on the loop.
 *
 * Two references: the caller's, while it waits, and the library's, until its
 * one callback has come through the door or its handle is gone.
 */
#include "paho.h"

#include "props.h"
#include "reason.h"
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *awaited(const struct op *op)
{
	switch ((enum op_kind)op->kind) {
	case OP_CONNECT:
		return "CONNACK";
	case OP_PUBLISH:
		return op->qos == 0 ? "write" : op->qos == 1 ? "PUBACK" :
		    "PUBCOMP";
	case OP_SUBSCRIBE:
		return "SUBACK";
	case OP_UNSUBSCRIBE:
		return "UNSUBACK";
	default:
		return "end of the connection";
	}
}

/* ---- on Paho's threads ---- */

static void answer(struct op *op)
{
	/* Once: Paho calls a failed connect's callback twice at times. */
	if (op->answered)
		return;
	op->answered = true;
	op->when = swarm_now();
	door_push(&op->event);
}

static void take_limits(struct link *l, const MQTTProperties *p)
{
	struct client_limits *to = &l->limits;

	to->assigned_id = props_text(p,
	    MQTTPROPERTY_CODE_ASSIGNED_CLIENT_IDENTIFER);
	to->response_information = props_text(p,
	    MQTTPROPERTY_CODE_RESPONSE_INFORMATION);
	to->server_reference = props_text(p,
	    MQTTPROPERTY_CODE_SERVER_REFERENCE);
	to->keepalive = (uint16_t)props_number(p,
	    MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE, to->keepalive);
	to->maximum_qos = (uint8_t)props_number(p,
	    MQTTPROPERTY_CODE_MAXIMUM_QOS, 2);
	to->retain_available = props_number(p,
	    MQTTPROPERTY_CODE_RETAIN_AVAILABLE, 1);
	to->receive_maximum = (uint16_t)props_number(p,
	    MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, 65535);
	to->alias_maximum = (uint16_t)props_number(p,
	    MQTTPROPERTY_CODE_TOPIC_ALIAS_MAXIMUM, 0);
	to->max_packet = props_number(p,
	    MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, 0);
}

void op_success(void *context, MQTTAsync_successData *data)
{
	struct op *op = context;

	op->ok = true;
	if (data && op->kind == OP_SUBSCRIBE)
		op->granted = data->alt.qos;
	if (data && op->kind == OP_CONNECT)
		op->link->limits.session_present =
		    data->alt.connect.sessionPresent;
	answer(op);
}

void op_success5(void *context, MQTTAsync_successData5 *data)
{
	struct op *op = context;

	op->ok = true;
	if (data)
		op->granted = (int)data->reasonCode;
	if (data && op->kind == OP_CONNECT) {
		op->link->limits.session_present =
		    data->alt.connect.sessionPresent;
		take_limits(op->link, &data->properties);
	}
	answer(op);
}

void op_failure(void *context, MQTTAsync_failureData *data)
{
	struct op *op = context;

	op->ok = false;
	op->code = data ? data->code : MQTTASYNC_FAILURE;
	if (op->kind == OP_CONNECT && op->code > 0) {
		op->refused = true;
		op->granted = reason_of_connack(op->code);
	}
	if (op->kind == OP_SUBSCRIBE && op->code >= 0x80) {
		op->refused = true;
		op->granted = op->code;
	}
	answer(op);
}

void op_failure5(void *context, MQTTAsync_failureData5 *data)
{
	struct op *op = context;

	op->ok = false;
	op->code = data ? data->code : MQTTASYNC_FAILURE;
	if (data && (int)data->reasonCode >= 0x80)
		op->granted = (int)data->reasonCode;
	else if (op->code >= 0x80)
		op->granted = op->code;
	op->refused = op->granted >= 0x80;
	answer(op);
}

/* ---- on the loop ---- */

static void leave_list(struct op *op)
{
	if (!op->prev)
		return;
	*op->prev = op->next;
	if (op->next)
		op->next->prev = op->prev;
	op->prev = NULL;
}

void op_unref(struct op *op)
{
	if (--op->refs > 0)
		return;
	leave_list(op);
	free(op);
}

static void count(const struct op *op, bool ok)
{
	switch ((enum op_kind)op->kind) {
	case OP_PUBLISH:
		rows_count(ok ? ROWS_PUB_SUCC : ROWS_PUB_FAIL);
		break;
	case OP_SUBSCRIBE:
		rows_count(ok ? ROWS_SUB : ROWS_SUB_FAIL);
		break;
	case OP_UNSUBSCRIBE:
		rows_count(ok ? ROWS_UNSUB : ROWS_UNSUB_FAIL);
		break;
	default:
		break;
	}
}

/* Whoever waits for it records it. */
static bool recorded_elsewhere(const struct op *op)
{
	return op->kind == OP_CONNECT || op->kind == OP_DISCONNECT;
}

/* From the call to the answer: what Paho does in between is in it. */
static void phase(const struct op *op)
{
	static const int phases[][3] = {
		[OP_PUBLISH] = { -1, ROWS_PUBACK, ROWS_PUBCOMP },
		[OP_SUBSCRIBE] = { ROWS_SUBACK, ROWS_SUBACK, ROWS_SUBACK },
		[OP_UNSUBSCRIBE] = { ROWS_UNSUBACK, -1, -1 },
	};
	int which = phases[op->kind][op->qos];

	if (which != -1)
		rows_phase((enum rows_phase)which,
		    op->when - op->timer.start);
}

/* What every end has in common. */
static void finish(struct op *op, int error)
{
	struct mqtt *m = op->link->client;

	op->finished = true;
	op->error = error;
	count(op, error == 0);
	if (m && op->kind == OP_PUBLISH) {
		m->c.inflight--;
		m->repeated -= op->repeated;
		if (error == 0 && op->qos > 0)
			m->c.acknowledged++;
	}
	if (m)
		swarm_waiters_wake(&m->c.changed);
	swarm_waiters_wake(&op->waiters);
}

void op_abort(struct op *op, int error, const char *why)
{
	if (op->finished)
		return;
	/* A user that is stopped had no failure. */
	if (recorded_elsewhere(op))
		;
	else if (error == ECANCELED)
		swarm_drop(&op->timer);
	else
		swarm_fail(&op->timer, "%s", why);
	if (op->link->client)
		client_fail(op->link->client, error, 0, "%s", why);
	finish(op, error);
}

static void fail(struct op *op)
{
	struct mqtt *m = op->link->client;

	if (!op->refused) {
		op_abort(op, ENOTCONN, op->code ==
		    MQTTASYNC_OPERATION_INCOMPLETE ||
		    op->code == MQTTASYNC_DISCONNECTED ?
		    "connection lost" : "paho.mqtt.c gave up");
		return;
	}
	op->reason = op->granted;
	swarm_fail_at(&op->timer, op->when, "refused by the broker: %s",
	    reason_name(op->reason));
	if (m)
		client_fail(m, EPROTO, op->reason, "refused by the broker: %s",
		    reason_name(op->reason));
	finish(op, EPROTO);
}

static void run(struct door_event *e)
{
	struct op *op = (struct op *)e;

	if (op->finished) {
		/* Given up before the answer came. */
	} else if (op->kind == OP_CONNECT && !op->ok) {
		finish(op, op->refused ? EPROTO : ECONNREFUSED);
	} else if (recorded_elsewhere(op) && op->ok) {
		if (op->kind == OP_CONNECT && op->link->client)
			conn_up(op->link->client, op->when);
		finish(op, 0);
	} else if (!op->ok) {
		fail(op);
	} else {
		op->reason = op->granted;
		swarm_done_at(&op->timer, op->when, op->len);
		phase(op);
		if (op->link->client)
			op->link->client->c.last_event = op->when;
		finish(op, 0);
	}
	/* A connect may be called back once more: the link keeps it. */
	if (op->kind == OP_CONNECT)
		return;
	op->in_library = false;
	op_unref(op);
}

struct op *op_new(struct link *l, enum op_kind kind,
    const struct swarm_timer *timer)
{
	struct op *op = calloc(1, sizeof *op);

	if (!op)
		return NULL;
	op->event.run = run;
	op->link = l;
	op->kind = (uint8_t)kind;
	if (timer)
		op->timer = *timer;
	op->refs = 2;
	op->in_library = true;
	op->deadline = SWARM_FOREVER;
	op->next = l->ops;
	op->prev = &l->ops;
	if (l->ops)
		l->ops->prev = &op->next;
	l->ops = op;
	return op;
}

int op_refused(struct op *op, int code)
{
	bool gone = code == MQTTASYNC_DISCONNECTED;
	struct mqtt *m = op->link->client;

	op_abort(op, gone ? ENOTCONN : EINVAL, gone ? "not connected" :
	    MQTTAsync_strerror(code) ? MQTTAsync_strerror(code) :
	    "paho.mqtt.c refuses the call");
	op->in_library = false;
	op->refs = 1;
	op_unref(op);
	/* It knows better than its events have told so far. */
	if (gone && m)
		conn_lost(m, 0);
	errno = gone ? ENOTCONN : EINVAL;
	return -1;
}

int op_wait(struct op *op, int64_t deadline)
{
	int error;

	while (!op->finished && swarm_waiters_wait(&op->waiters, deadline) == 0)
		;
	error = op->finished ? op->error : errno;
	/* A canceled wait leaves the operation to be recorded when its
	 * answer comes: the broker may well have done it. */
	if (!op->finished && error == ETIMEDOUT) {
		char why[64];

		snprintf(why, sizeof why, "no %s in time", awaited(op));
		op_abort(op, ETIMEDOUT, why);
	}
	op_unref(op);
	errno = error;
	return error ? -1 : 0;
}
