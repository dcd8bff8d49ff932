/*
 * Devices that report and obey, and the gateway that counts their reports.
 *
 *	swarm -f iot.so --host mqtt://127.0.0.1:1883 -u 1000 -r 100 -t 1m
 *
 * It is written against the interface swarm.mqtt/1, so the same file runs on
 * either provider: --plugin fastmqtt for many devices, --plugin mqtt for all
 * that paho.mqtt.c can do.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

struct device {
	struct mqtt *mqtt;
	unsigned seq;
	unsigned commands;
};

static void obey(struct mqtt *m, const struct mqtt_message *message,
    void *arg)
{
	struct device *d = arg;

	(void)m;
	(void)message;
	d->commands++;
}

static void switch_on(struct swarm_user *u)
{
	struct device *d = swarm_data(u);

	d->mqtt = mqtt_connect(u, .reconnect_min = 1, .reconnect_max = 30);
	mqtt_on_message(d->mqtt, obey, d);
	mqtt_subscribe(d->mqtt, .qos = 1, .name = "subscribe:1:commands/[id]",
	    .filter = swarm_printf(u, "commands/%u", swarm_user_id(u)));
}

/* One row for all devices: a topic of each one's own would be a row each. */
static void report(struct swarm_user *u)
{
	struct device *d = swarm_data(u);

	mqtt_publish(d->mqtt, .qos = 1, .name = "publish:1:telemetry/[id]",
	    .topic = swarm_printf(u, "telemetry/%u", swarm_user_id(u)),
	    .text = swarm_printf(u, "{\"seq\":%u,\"celsius\":%.1f}",
		d->seq++, 15 + 10 * swarm_uniform(u)));
}

/* Users are numbered from 0; somebody with a smaller number is there. */
static void command(struct swarm_user *u)
{
	struct device *d = swarm_data(u);
	unsigned other = (unsigned)swarm_below(u, swarm_user_id(u) + 1);

	mqtt_publish(d->mqtt, .qos = 0, .name = "publish:0:commands/[id]",
	    .topic = swarm_printf(u, "commands/%u", other),
	    .text = "blink");
}

static void switch_off(struct swarm_user *u)
{
	struct device *d = swarm_data(u);

	mqtt_disconnect(d->mqtt);
}

struct gateway {
	struct mqtt *mqtt;
	uint32_t counter;
};

static void count(struct mqtt *m, const struct mqtt_message *message,
    void *arg)
{
	struct gateway *g = arg;

	(void)m;
	(void)message;
	swarm_count(g->counter, 1);
}

static void listen_in(struct swarm_user *u)
{
	struct gateway *g = swarm_data(u);

	g->counter = swarm_counter("reports at the gateway");
	g->mqtt = mqtt_connect(u, .reconnect_min = 1, .reconnect_max = 30);
	mqtt_on_message(g->mqtt, count, g);
	mqtt_subscribe(g->mqtt, .filter = "telemetry/#", .qos = 1);
}

/* Reports come by themselves: a gateway only has to stay. */
static void stay(struct swarm_user *u)
{
	(void)u;
}

SWARM_SCENARIO(
	{
		.name = "device",
		.data_size = sizeof(struct device),
		.wait = SWARM_BETWEEN(1, 3),
		.start = switch_on,
		.stop = switch_off,
		.tasks = SWARM_TASKS(SWARM_TASK(report, .weight = 9),
		    SWARM_TASK(command)),
	},
	{
		.name = "gateway",
		.fixed_count = 1,
		.data_size = sizeof(struct gateway),
		.wait = SWARM_CONSTANT(1),
		.start = listen_in,
		.tasks = SWARM_TASKS(SWARM_TASK(stay)),
	}
);
