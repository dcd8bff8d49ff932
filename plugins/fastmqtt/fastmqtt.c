/*
 * MQTT 3.1.1 and 5 with a codec of its own on swarm's streams: the module's
 * table.
 *
 * It offers what the mqtt plugin offers, for tens of thousands of clients a
 * worker: no threads, no walk over all clients, no stack for one that waits,
 * and exact times for every packet.
 */
#include "client.h"
#include "rows.h"

#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>

#include <errno.h>

static int version;
static int keepalive;
static int inflight;
static double timeout;
static const char *username;
static const char *password;
static const char *cafile;
static const char *cert;
static const char *key;
static bool insecure;
static int queue;

struct settings_defaults client_defaults;
int client_queue;

static const struct mqtt_message *receive(struct mqtt *m, int64_t deadline)
{
	const struct mqtt_message *message;

	if (!m) {
		errno = ENOTCONN;
		return NULL;
	}
	for (;;) {
		message = inbox_take(&m->inbox);
		if (message)
			return message;
		if (m->state == CLIENT_DOWN && !m->retrying &&
		    !m->connecting) {
			errno = ENOTCONN;
			return NULL;
		}
		if (waiters_wait(&m->inbox.waiters, deadline) == -1)
			return NULL;
	}
}

static void on_message(struct mqtt *m, mqtt_handler *fn, void *arg)
{
	if (m)
		inbox_handle(&m->inbox, m, fn, arg);
}

static bool is_connected(struct mqtt *m)
{
	return m && m->state == CLIENT_UP;
}

static int reason(struct mqtt *m)
{
	return m ? m->reason : 0;
}

static const char *reason_text(struct mqtt *m)
{
	return m ? m->text : "no client";
}

static const struct mqtt_info *info(struct mqtt *m)
{
	static const struct mqtt_info none = { .size = sizeof none };
	static struct mqtt_info i;
	const struct extras *x;

	if (!m)
		return &none;
	x = m->extras;
	i = (struct mqtt_info){
		.size = sizeof i,
		.connected = m->state == CLIENT_UP,
		.session_present = m->session_present,
		.version = m->settings ? m->settings->version : 0,
		.client_id = x && x->assigned_id ? x->assigned_id :
		    m->settings ? m->settings->args.client_id : "",
		.keepalive = m->keepalive,
		.maximum_qos = m->maximum_qos,
		.retain_available = m->retain_available,
		.receive_maximum = m->receive_maximum,
		.topic_alias_maximum = m->alias_maximum,
		.max_packet_size = m->max_packet,
		.response_information = x ? x->response_information : NULL,
		.server_reference = x ? x->server_reference : NULL,
		.published = m->published,
		.acknowledged = m->acknowledged,
		.received = m->inbox.received,
		.dropped = m->inbox.dropped,
		.reconnects = m->reconnects,
		.inflight = m->inflight,
		.queued = m->inbox.count,
	};
	return &i;
}

static const char *provider(void)
{
	return "fastmqtt";
}

static int check_options(void)
{
	if (version != 4 && version != 5) {
		swarm_error("version is %d; give 4 (for 3.1.1) or 5", version);
		return -1;
	}
	if (keepalive < 0 || keepalive > 65535) {
		swarm_error("keepalive is %d; give 0 to 65535 seconds",
		    keepalive);
		return -1;
	}
	if (inflight < 1 || inflight > 65535) {
		swarm_error("inflight is %d; give 1 to 65535", inflight);
		return -1;
	}
	if (timeout <= 0 || queue < 1) {
		swarm_error("timeout and queue must be more than 0");
		return -1;
	}
	return 0;
}

static int load(void)
{
	if (check_options() == -1)
		return -1;
	client_defaults = (struct settings_defaults){
		.version = version,
		.keepalive = keepalive,
		.inflight = (unsigned)inflight,
		.timeout = timeout,
		.username = username,
		.password = password,
		.tls = {
			.size = sizeof client_defaults.tls,
			.ca_file = *cafile ? cafile : NULL,
			.cert_file = *cert ? cert : NULL,
			.key_file = *key ? key : NULL,
			.insecure = insecure,
		},
	};
	client_queue = queue;
	client_slot = swarm_slot_new(sizeof(struct mqtt *), client_free_all);
	return 0;
}

static int worker_start(void)
{
	rows_start();
	return 0;
}

static const struct mqtt_api api = {
	SWARM_IFACE(struct mqtt_api, 0),
	.connect = client_connect,
	.reconnect = client_reconnect,
	.disconnect = client_disconnect,
	.free = client_free,
	.publish = publish_send,
	.flush = publish_flush,
	.wait_room = publish_wait_room,
	.subscribe = publish_subscribe,
	.unsubscribe = publish_unsubscribe,
	.receive = receive,
	.on_message = on_message,
	.ping = publish_ping,
	.connected = is_connected,
	.reason = reason,
	.reason_text = reason_text,
	.info = info,
	.provider = provider,
};

SWARM_MODULE(
	.name = "fastmqtt",
	.version = SWARM_VERSION,
	.summary = "MQTT 3.1.1 and 5 client for many thousand connections",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(version, "5", "protocol: 4 (3.1.1) or 5"),
		SWARM_OPTION(keepalive, "60",
		    "seconds between pings when idle; 0: none"),
		SWARM_OPTION(inflight, "20",
		    "messages under way at a time, of each client"),
		SWARM_OPTION_DURATION(timeout, "30s",
		    "longest wait for an acknowledgement or a connect"),
		SWARM_OPTION(username, "", "user name, unless the scenario "
		    "gives one"),
		SWARM_OPTION(password, "", "password for it",
		    .flags = SWARM_SECRET),
		SWARM_OPTION(cafile, "", "PEM file of trusted authorities; "
		    "empty: the system's"),
		SWARM_OPTION(cert, "", "PEM file of the client certificate"),
		SWARM_OPTION(key, "", "PEM file of its key"),
		SWARM_OPTION(insecure, "false", "do not verify the broker's "
		    "certificate"),
		SWARM_OPTION(queue, "10000", "received messages kept for each "
		    "client until asked for")),
	.exports = SWARM_EXPORTS({ "swarm.mqtt/1", &api.head }),
	.load = load,
	.worker_start = worker_start,
);
