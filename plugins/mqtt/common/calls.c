/*
 * The calls of the interface: arguments are copied and checked, the sample
 * begun, the window waited for; what is left is the provider's.
 */
#include "calls.h"

#include "client.h"
#include "rows.h"

#include "provider_name.h"

#include <swarm/fiber.h>

#include <errno.h>

static int64_t deadline_from(int64_t start, double timeout)
{
	if (timeout <= 0)
		timeout = client_defaults.timeout;
	return timeout > 1e9 ? SWARM_FOREVER : start + (int64_t)(timeout * 1e9);
}

/* A client without settings failed its connect already; any other that has no
 * connection, or a wrong argument, fails each call for all to see: 0, or -1
 * when the sample has ended. */
static int begin(struct mqtt *m, uint32_t series, const char *why,
    struct swarm_timer *t)
{
	struct client *c = client_of(m);

	*t = swarm_begin_at(c->user, series, swarm_now());
	if (!c->connected)
		return client_refuse(m, t, ENOTCONN, "not connected");
	if (why)
		return client_refuse(m, t, EINVAL, why);
	return 0;
}

static bool usable(struct mqtt *m)
{
	if (m && client_of(m)->settings)
		return true;
	errno = ENOTCONN;
	return false;
}

/* ---- publish ---- */

static const char *check(const struct client *c,
    const struct mqtt_publish_args *a)
{
	const char *why = settings_check_publish(a, c->settings->version);

	if (why)
		return why;
	if (a->qos > c->limits.maximum_qos)
		return "the broker does not allow this QoS";
	if (a->retain && !c->limits.retain_available)
		return "the broker does not allow retained messages";
	if (c->settings->version == 5 &&
	    a->topic_alias > c->limits.alias_maximum)
		return "topic alias above the broker's maximum";
	return NULL;
}

/* Waits for room: in the window, and in the socket; 0 or -1 with errno. */
static int wait_room(struct mqtt *m, int qos, int64_t start,
    int64_t deadline)
{
	struct client *c = client_of(m);

	if (!provider.full(m, qos))
		return 0;
	if (!swarm_self()) {
		errno = EAGAIN;
		return -1;
	}
	while (c->connected && provider.full(m, qos)) {
		if (swarm_waiters_wait(&c->changed, deadline) == -1)
			return -1;
	}
	/* What made room was read from the socket, or else it was written. */
	rows_phase(ROWS_WINDOW, (c->last_event > start ? c->last_event :
	    swarm_now()) - start);
	if (c->connected)
		return 0;
	errno = ENOTCONN;
	return -1;
}

static int publish(struct mqtt *m, const struct mqtt_publish_args *from)
{
	struct mqtt_publish_args a;
	struct swarm_timer t;
	uint32_t series;
	int64_t deadline;

	if (!usable(m))
		return -1;
	sized_copy(&a, sizeof a, from, from->size);
	a.data = settings_payload(a.text, a.data, &a.len);
	series = rows_series("publish", a.qos, a.topic ? a.topic : "", a.name);
	if (begin(m, series, check(client_of(m), &a), &t) == -1)
		return -1;
	deadline = deadline_from(t.start, a.timeout);
	if (wait_room(m, a.qos, t.start, deadline) == -1) {
		if (errno == EAGAIN || errno == ECANCELED) {
			swarm_drop(&t);
			return -1;
		}
		return client_refuse(m, &t, errno, errno == ETIMEDOUT ?
		    "window full" : "connection lost");
	}
	return provider.publish(m, &t, &a, deadline);
}

static int wait_for_room(struct mqtt *m, int qos, int64_t deadline)
{
	if (m && client_of(m)->connected)
		return wait_room(m, qos, swarm_now(), deadline);
	errno = ENOTCONN;
	return -1;
}

/* ---- subscribe, unsubscribe, ping ---- */

static int subscribe(struct mqtt *m, const struct mqtt_subscribe_args *from)
{
	struct mqtt_subscribe_args a;
	struct swarm_timer t;
	int reason;

	if (!usable(m))
		return -1;
	sized_copy(&a, sizeof a, from, from->size);
	if (begin(m, rows_series("subscribe", a.qos, a.filter ? a.filter : "",
	    a.name), settings_check_subscribe(&a,
	    client_of(m)->settings->version), &t) == -1)
		return -1;
	reason = provider.subscribe(m, &t, &a,
	    deadline_from(t.start, a.timeout));
	if (reason != -1)
		client_of(m)->reason = reason;
	return reason;
}

static int unsubscribe(struct mqtt *m,
    const struct mqtt_unsubscribe_args *from)
{
	struct mqtt_unsubscribe_args a;
	struct swarm_timer t;
	int reason;

	if (!usable(m))
		return -1;
	sized_copy(&a, sizeof a, from, from->size);
	if (begin(m, rows_series("unsubscribe", -1, a.filter ? a.filter : "",
	    a.name), settings_check_filter(a.filter), &t) == -1)
		return -1;
	reason = provider.unsubscribe(m, &t, &a,
	    deadline_from(t.start, a.timeout));
	if (reason != -1)
		client_of(m)->reason = reason;
	return reason == -1 ? -1 : 0;
}

static int ping(struct mqtt *m, double timeout)
{
	struct swarm_timer t;

	if (!usable(m))
		return -1;
	if (begin(m, rows_series("", 0, "", "ping"), NULL, &t) == -1)
		return -1;
	return provider.ping(m, &t, deadline_from(t.start, timeout));
}

/* ---- messages ---- */

static const struct mqtt_message *receive(struct mqtt *m, int64_t deadline)
{
	struct client *c = client_of(m);
	const struct mqtt_message *message;

	if (!m) {
		errno = ENOTCONN;
		return NULL;
	}
	for (;;) {
		message = inbox_take(&c->inbox);
		if (message)
			return message;
		if (!c->connected && !c->retrying && !c->connecting) {
			errno = ENOTCONN;
			return NULL;
		}
		if (swarm_waiters_wait(&c->inbox.waiters, deadline) == -1)
			return NULL;
	}
}

static void on_message(struct mqtt *m, mqtt_handler *fn, void *arg)
{
	if (m)
		inbox_handle(&client_of(m)->inbox, m, fn, arg);
}

/* ---- what is known ---- */

static bool is_connected(struct mqtt *m)
{
	return m && client_of(m)->connected;
}

static int reason(struct mqtt *m)
{
	return m ? client_of(m)->reason : 0;
}

static const char *reason_text(struct mqtt *m)
{
	return m ? client_of(m)->text : "no client";
}

static const struct mqtt_info *info(struct mqtt *m)
{
	static const struct mqtt_info none = { .size = sizeof none };
	static struct mqtt_info i;
	const struct client *c = client_of(m);
	const struct client_limits *l;

	if (!m)
		return &none;
	l = &c->limits;
	i = (struct mqtt_info){
		.size = sizeof i,
		.connected = c->connected,
		.session_present = l->session_present,
		.version = c->settings ? c->settings->version : 0,
		.client_id = l->assigned_id ? l->assigned_id :
		    c->settings ? c->settings->args.client_id : "",
		.keepalive = l->keepalive,
		.maximum_qos = l->maximum_qos,
		.retain_available = l->retain_available,
		.receive_maximum = l->receive_maximum,
		.topic_alias_maximum = l->alias_maximum,
		.max_packet_size = l->max_packet,
		.response_information = l->response_information,
		.server_reference = l->server_reference,
		.published = c->published,
		.acknowledged = c->acknowledged,
		.received = c->inbox.received,
		.dropped = c->inbox.dropped,
		.reconnects = c->reconnects,
		.inflight = c->inflight,
		.queued = c->inbox.count,
	};
	return &i;
}

static const char *provider_name(void)
{
	return PROVIDER_NAME;
}

/*
 * While a call waits, another fiber or a message's handler may free the
 * client: its memory stays until the last of them is back.
 */
static void hold(struct mqtt *m)
{
	if (m)
		client_of(m)->refs++;
}

static int let_go(struct mqtt *m, int rc)
{
	int error = errno;

	if (m)
		client_unref(m);
	errno = error;
	return rc;
}

static int held_publish(struct mqtt *m, const struct mqtt_publish_args *a)
{
	hold(m);
	return let_go(m, publish(m, a));
}

static int held_subscribe(struct mqtt *m, const struct mqtt_subscribe_args *a)
{
	hold(m);
	return let_go(m, subscribe(m, a));
}

static int held_unsubscribe(struct mqtt *m,
    const struct mqtt_unsubscribe_args *a)
{
	hold(m);
	return let_go(m, unsubscribe(m, a));
}

static int held_disconnect(struct mqtt *m, const struct mqtt_disconnect_args *a)
{
	hold(m);
	return let_go(m, client_disconnect(m, a));
}

static int held_reconnect(struct mqtt *m)
{
	hold(m);
	return let_go(m, client_reconnect(m));
}

static int held_ping(struct mqtt *m, double timeout)
{
	hold(m);
	return let_go(m, ping(m, timeout));
}

static int held_flush(struct mqtt *m, int64_t deadline)
{
	hold(m);
	return let_go(m, client_flush(m, deadline));
}

static int held_wait_for_room(struct mqtt *m, int qos, int64_t deadline)
{
	hold(m);
	return let_go(m, wait_for_room(m, qos, deadline));
}

static const struct mqtt_message *held_receive(struct mqtt *m,
    int64_t deadline)
{
	const struct mqtt_message *message;

	hold(m);
	message = receive(m, deadline);
	let_go(m, 0);
	return message;
}

static void held_on_message(struct mqtt *m, mqtt_handler *fn, void *arg)
{
	hold(m);
	on_message(m, fn, arg);
	let_go(m, 0);
}

const struct mqtt_api calls_api = {
	SWARM_IFACE(struct mqtt_api, 1),
	.connect = client_connect,
	.reconnect = held_reconnect,
	.disconnect = held_disconnect,
	.free = client_free,
	.publish = held_publish,
	.flush = held_flush,
	.wait_room = held_wait_for_room,
	.subscribe = held_subscribe,
	.unsubscribe = held_unsubscribe,
	.receive = held_receive,
	.on_message = held_on_message,
	.ping = held_ping,
	.connected = is_connected,
	.reason = reason,
	.reason_text = reason_text,
	.info = info,
	.provider = provider_name,
};
