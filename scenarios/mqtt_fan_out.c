/*
 * Fan-out: one station, many listeners.
 *
 *	swarm -f mqtt_fan_out.so --host mqtt://127.0.0.1 -u 1000 -r 200 -t 1m
 *
 * What one message costs the broker grows with the listeners; the series
 * "MQTT end to end" shows how long the last of them waits for it.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>
#include <swarm/mqtt_audit.h>

static int qos;

struct station {
	struct mqtt *mqtt;
	uint64_t sequence;
};

static void go_on_air(struct swarm_user *u)
{
	struct station *s = swarm_data(u);

	s->mqtt = mqtt_connect(u, .reconnect_min = 1);
}

static void broadcast(struct swarm_user *u)
{
	struct station *s = swarm_data(u);
	char data[256] = { 0 };

	mqtt_stamp(data, 0, swarm_user_id(u), s->sequence);
	/* A number that was not taken is used again. */
	if (mqtt_publish(s->mqtt, .qos = qos, .topic = "fan-out/news",
	    .data = data, .len = sizeof data) == -1)
		return;
	s->sequence++;
	mqtt_ledger_sent(qos);
}

struct listener {
	struct mqtt *mqtt;
	struct mqtt_ledger ledger;
};

static void note(struct mqtt *m, const struct mqtt_message *message,
    void *ledger)
{
	(void)m;
	mqtt_ledger_note(ledger, message);
}

static void tune_in(struct swarm_user *u)
{
	struct listener *l = swarm_data(u);

	l->mqtt = mqtt_connect(u, .reconnect_min = 1, .reconnect_max = 30);
	mqtt_on_message(l->mqtt, note, &l->ledger);
	mqtt_subscribe(l->mqtt, .filter = "fan-out/news", .qos = qos);
}

static void stay(struct swarm_user *u)
{
	(void)u;
}

static void close_ledger(struct swarm_user *u)
{
	struct listener *l = swarm_data(u);

	mqtt_ledger_close(&l->ledger);
}

SWARM_MODULE(
	.name = "mqtt_fan_out",
	.summary = "one MQTT publisher, many subscribers, delivery audited",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(qos, "1", "of messages and subscriptions")),
	.users = SWARM_USERS(
		{
			.name = "listener",
			.data_size = sizeof(struct listener),
			.wait = SWARM_CONSTANT(1),
			.start = tune_in,
			.stop = close_ledger,
			.tasks = SWARM_TASKS(SWARM_TASK(stay)),
		},
		{
			.name = "station",
			.fixed_count = 1,
			.data_size = sizeof(struct station),
			.wait = SWARM_PACING(0.2),
			.start = go_on_air,
			.tasks = SWARM_TASKS(SWARM_TASK(broadcast)),
		}));
