/*
 * Offline queues: a device sleeps while messages for it gather at the broker,
 * wakes, and catches up.
 *
 *	swarm -f mqtt_offline.so --host mqtt://127.0.0.1 -u 100 -r 50 -t 1m
 *
 * A sample "catch-up" begins with the connect and ends with the last message.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

static int messages;

struct device {
	struct mqtt *sender;
	struct mqtt *mqtt;
};

static void register_device(struct swarm_user *u)
{
	struct device *d = swarm_data(u);

	d->sender = mqtt_connect(u, .inflight = 50, .client_id =
	    swarm_printf(u, "offline-sender-%u", swarm_user_id(u)));
	d->mqtt = mqtt_connect(u, .keep_session = true,
	    .session_expiry = 600, .client_id =
		swarm_printf(u, "offline-device-%u", swarm_user_id(u)));
	mqtt_subscribe(d->mqtt, .qos = 1, .name = "subscribe:offline/[id]",
	    .filter = swarm_printf(u, "offline/%u", swarm_user_id(u)));
	mqtt_disconnect(d->mqtt);
}

static void sleep_and_catch_up(struct swarm_user *u)
{
	struct device *d = swarm_data(u);
	const char *topic = swarm_printf(u, "offline/%u", swarm_user_id(u));
	struct swarm_timer t;
	int64_t end;
	int n = 0;

	for (int i = 0; i < messages; i++)
		mqtt_publish(d->sender, .topic = topic, .qos = 1, .text = "x",
		    .name = "publish:offline/[id]", .async = true);
	mqtt_flush(d->sender, swarm_in(30));
	t = swarm_begin(u, "MQTT", "catch-up");
	end = swarm_in(30);
	if (mqtt_reconnect(d->mqtt) == 0)
		while (n < messages && mqtt_receive(d->mqtt, end))
			n++;
	if (n == messages)
		swarm_done(&t, (size_t)n);
	else if (swarm_stopping(u))
		swarm_drop(&t);
	else
		swarm_fail(&t, "not all messages were kept");
	mqtt_disconnect(d->mqtt);
}

/* The broker need not keep anything for us any more. */
static void forget(struct swarm_user *u)
{
	struct device *d = swarm_data(u);

	mqtt_reconnect(d->mqtt);
	mqtt_disconnect(d->mqtt, .set_session_expiry = true);
	mqtt_disconnect(d->sender);
}

SWARM_MODULE(
	.name = "mqtt_offline",
	.summary = "MQTT devices that catch up with their offline queue",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(messages, "50", "that gather each time")),
	.users = SWARM_USERS({
		.name = "device",
		.data_size = sizeof(struct device),
		.wait = SWARM_BETWEEN(0.5, 1.5),
		.start = register_device,
		.stop = forget,
		.tasks = SWARM_TASKS(SWARM_TASK(sleep_and_catch_up)),
	}));
