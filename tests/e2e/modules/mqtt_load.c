/*
 * Publishers without a break between messages that differ in size, so that a
 * broker has something to count.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

static int qos;
static bool keep;
static int aliases;
static int bytes;

struct publisher {
	struct mqtt *mqtt;
	unsigned n;
};

static void begin(struct swarm_user *u)
{
	struct publisher *p = swarm_data(u);

	p->mqtt = mqtt_connect(u, .keep_session = keep,
	    .session_expiry = keep ? 3600 : 0,
	    .reconnect_min = keep ? 0.2 : 0, .reconnect_max = keep ? 1 : 0,
	    .topic_alias_maximum = (uint16_t)aliases,
	    .client_id = swarm_printf(u, "load-%u", swarm_user_id(u)));
	mqtt_subscribe(p->mqtt, .filter = "load/nothing", .qos = 2);
}

static void publish(struct swarm_user *u)
{
	static const char data[64];
	struct publisher *p = swarm_data(u);
	const char *large = bytes ? swarm_alloc(u, (size_t)bytes) : NULL;

	mqtt_publish(p->mqtt, .topic = swarm_printf(u, "load/%u",
	    swarm_user_id(u)), .name = "publish:load",
	    .data = large ? large : data,
	    .len = large ? (size_t)bytes : p->n++ % sizeof data, .qos = qos);
}

SWARM_MODULE(
	.name = "mqtt_load",
	.summary = "publishers without a break",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(qos, "1", "of the messages"),
		SWARM_OPTION(bytes, "0", "of each; 0: few, and different"),
		SWARM_OPTION(aliases, "0", "that the broker may use"),
		SWARM_OPTION(keep, "false", "keep the session, reconnect")),
	.users = SWARM_USERS({
		.name = "publisher",
		.data_size = sizeof(struct publisher),
		.wait = SWARM_CONSTANT(0.01),
		.start = begin,
		.tasks = SWARM_TASKS(SWARM_TASK(publish)),
	}));
