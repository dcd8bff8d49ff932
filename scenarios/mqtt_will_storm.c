/*
 * A will storm: clients die by the dozen, and the broker must tell the
 * watchers of each.
 *
 *	swarm -f mqtt_will_storm.so --host mqtt://127.0.0.1 -u 500 -r 100 -t 1m
 *
 * fastmqtt closes the socket without a word, as a crash does; paho.mqtt.c
 * cannot, so with --plugin mqtt the clients ask for their will by the reason
 * code 4 of MQTT 5.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

#include <string.h>

struct client {
	struct mqtt *mqtt;
	uint32_t counter;
};

static void live(struct swarm_user *u)
{
	struct client *c = swarm_data(u);

	c->counter = swarm_counter("deaths");
	c->mqtt = mqtt_connect(u, .version = 5, .will = &MQTT_WILL(
	    .topic = swarm_printf(u, "wills/%u", swarm_user_id(u)),
	    .text = "gone", .qos = 1));
}

static void die(struct swarm_user *u)
{
	struct client *c = swarm_data(u);
	bool can_drop = strcmp(mqtt_provider(), "fastmqtt") == 0;

	if (mqtt_disconnect(c->mqtt, .abrupt = can_drop, .reason = 4,
	    .name = "die") == 0)
		swarm_count(c->counter, 1);
	mqtt_reconnect(c->mqtt);
}

static void mourn(struct mqtt *m, const struct mqtt_message *message,
    void *arg)
{
	struct client *c = arg;

	(void)m;
	(void)message;
	swarm_count(c->counter, 1);
}

static void watch(struct swarm_user *u)
{
	struct client *c = swarm_data(u);

	c->counter = swarm_counter("wills read");
	c->mqtt = mqtt_connect(u);
	mqtt_on_message(c->mqtt, mourn, c);
	mqtt_subscribe(c->mqtt, .filter = "wills/#", .qos = 1);
}

static void stay(struct swarm_user *u)
{
	(void)u;
}

SWARM_SCENARIO(
	{
		.name = "watcher",
		.fixed_count = 1,
		.data_size = sizeof(struct client),
		.wait = SWARM_CONSTANT(1),
		.start = watch,
		.tasks = SWARM_TASKS(SWARM_TASK(stay)),
	},
	{
		.name = "mortal",
		.data_size = sizeof(struct client),
		.wait = SWARM_BETWEEN(0.5, 1.5),
		.start = live,
		.tasks = SWARM_TASKS(SWARM_TASK(die)),
	}
);
