/*
 * MQTT 3.1.1 and 5 on paho.mqtt.c: the module's table.
 *
 * Paho serves all clients of a process with two threads of its own, and its
 * cost per message grows with their number; up to about 250 clients a worker
 * it is a complete and well-tried client.  What it measures wrongly by itself
 * is put right here: times are taken on its threads, its polling is kept
 * awake (tickler.c), names are resolved elsewhere (target.c).
 */
#include "client.h"
#include "rows.h"
#include "tickler.h"

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
		if (!m->connected && !m->retrying && !m->connecting) {
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

static int ping(struct mqtt *m, double seconds)
{
	(void)seconds;
	if (!client_ready(m))
		return -1;
	return client_fail(m, ENOTSUP, 0, "paho.mqtt.c pings by itself only");
}

static bool is_connected(struct mqtt *m)
{
	return m && m->connected;
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

	if (!m)
		return &none;
	m->info.size = sizeof m->info;
	m->info.connected = m->connected;
	m->info.published = m->published;
	m->info.acknowledged = m->acknowledged;
	m->info.received = m->inbox.received;
	m->info.dropped = m->inbox.dropped;
	m->info.reconnects = m->reconnects;
	m->info.inflight = m->inflight;
	m->info.queued = m->inbox.count;
	return &m->info;
}

static const char *provider(void)
{
	return "mqtt";
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
	MQTTAsync_init_options init = MQTTAsync_init_options_initializer;

	/* OpenSSL 3 initializes itself, and others use it too. */
	init.do_openssl_init = 0;
	MQTTAsync_global_init(&init);
	rows_start();
	return tickler_start();
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
	.ping = ping,
	.connected = is_connected,
	.reason = reason,
	.reason_text = reason_text,
	.info = info,
	.provider = provider,
};

SWARM_MODULE(
	.name = "mqtt",
	.version = SWARM_VERSION,
	.summary = "MQTT 3.1.1 and 5 client on paho.mqtt.c",
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
	.worker_stop = tickler_stop,
);
