/*
 * A reconnect storm: all clients lose their connections in the same moment,
 * again and again, and come back with a jittered back-off or at once.
 *
 *	swarm -f mqtt_reconnect_storm.so --host mqtt://127.0.0.1 -u 1000 \
 *	    -r 200 -t 1m -o mqtt_reconnect_storm.spread=0
 *
 * The sample "reconnect" shows what the storm does to the broker.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

#include <string.h>

static double every;
static double spread;

struct client {
	struct mqtt *mqtt;
};

static void begin(struct swarm_user *u)
{
	struct client *c = swarm_data(u);

	c->mqtt = mqtt_connect(u);
	mqtt_subscribe(c->mqtt, .filter = "storm/news", .qos = 1);
}

/* The same instants for all users of all workers of a machine. */
static int64_t next_storm(void)
{
	int64_t period = (int64_t)(every * 1e9);

	return (swarm_now() / period + 1) * period;
}

static void weather(struct swarm_user *u)
{
	struct client *c = swarm_data(u);
	bool can_drop = strcmp(mqtt_provider(), "fastmqtt") == 0;

	if (swarm_sleep_until(next_storm()) == -1)
		return;
	mqtt_disconnect(c->mqtt, .abrupt = can_drop, .name = "lost");
	while (!mqtt_connected(c->mqtt) && !swarm_stopping(u)) {
		swarm_sleep(spread * swarm_uniform(u));
		mqtt_reconnect(c->mqtt);
	}
	mqtt_subscribe(c->mqtt, .filter = "storm/news", .qos = 1);
}

SWARM_MODULE(
	.name = "mqtt_reconnect_storm",
	.summary = "all MQTT clients lose their connections at once",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(every, "5s", "from storm to storm"),
		SWARM_OPTION_DURATION(spread, "1s",
		    "longest wait before an attempt; 0: at once")),
	.users = SWARM_USERS({
		.name = "client",
		.data_size = sizeof(struct client),
		.start = begin,
		.tasks = SWARM_TASKS(SWARM_TASK(weather)),
	}));
