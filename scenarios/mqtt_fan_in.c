/*
 * Fan-in: many sensors, few collectors.
 *
 *	swarm -f mqtt_fan_in.so --host mqtt://127.0.0.1 -u 1000 -r 200 -t 1m
 *
 * Every message carries a stamp, so that the collectors' ledgers tell what
 * was lost, doubled or out of order, and how long it took from end to end.
 * With `keep` and QoS 1 or 2 nothing may get lost, even when the broker is
 * started again in the middle.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>
#include <swarm/mqtt_audit.h>

static int qos;
static bool keep;
static int clock_error;

struct sensor {
	struct mqtt *mqtt;
	uint64_t sequence;
};

static void plug_in(struct swarm_user *u)
{
	struct sensor *s = swarm_data(u);

	s->mqtt = mqtt_connect(u, .reconnect_min = 0.5, .reconnect_max = 30,
	    .keep_session = keep, .session_expiry = keep ? 3600 : 0);
}

static void measure(struct swarm_user *u)
{
	struct sensor *s = swarm_data(u);
	char data[64] = { 0 };

	mqtt_stamp(data, 0, swarm_user_id(u), s->sequence);
	/* A number that was not taken is used again. */
	if (mqtt_publish(s->mqtt, .qos = qos, .name = "publish:fan-in/[id]",
	    .topic = swarm_printf(u, "fan-in/%u", swarm_user_id(u)),
	    .data = data, .len = sizeof data) == -1)
		return;
	s->sequence++;
	mqtt_ledger_sent(qos);
}

struct collector {
	struct mqtt *mqtt;
	struct mqtt_ledger ledger;
};

static void note(struct mqtt *m, const struct mqtt_message *message,
    void *ledger)
{
	(void)m;
	mqtt_ledger_note(ledger, message);
}

static void collect(struct swarm_user *u)
{
	struct collector *c = swarm_data(u);

	c->mqtt = mqtt_connect(u, .reconnect_min = 0.5, .reconnect_max = 30,
	    .keep_session = keep, .session_expiry = keep ? 3600 : 0);
	c->ledger.clock_error_percent = (unsigned)clock_error;
	mqtt_on_message(c->mqtt, note, &c->ledger);
	mqtt_subscribe(c->mqtt, .filter = "fan-in/#", .qos = qos);
}

static void stay(struct swarm_user *u)
{
	(void)u;
}

static void close_ledger(struct swarm_user *u)
{
	struct collector *c = swarm_data(u);

	mqtt_ledger_close(&c->ledger);
}

SWARM_MODULE(
	.name = "mqtt_fan_in",
	.summary = "many MQTT publishers, few subscribers, delivery audited",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(qos, "1", "of messages and subscriptions"),
		SWARM_OPTION(keep, "false", "keep sessions over a lost "
		    "connection"),
		SWARM_OPTION(clock_error, "10", "how far off a latency "
		    "between two machines may be, in percent of the median")),
	.users = SWARM_USERS(
		{
			.name = "sensor",
			.data_size = sizeof(struct sensor),
			.wait = SWARM_BETWEEN(0.5, 1.5),
			.start = plug_in,
			.tasks = SWARM_TASKS(SWARM_TASK(measure)),
		},
		{
			.name = "collector",
			.fixed_count = 2,
			.data_size = sizeof(struct collector),
			.wait = SWARM_CONSTANT(1),
			.start = collect,
			.stop = close_ledger,
			.tasks = SWARM_TASKS(SWARM_TASK(stay)),
		}));
