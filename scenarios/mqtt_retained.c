/*
 * A flood of retained messages: every newcomer is sent all of them at once.
 *
 *	swarm -f mqtt_retained.so --host mqtt://127.0.0.1 -u 100 -r 50 -t 1m
 *
 * A sample "retained" ends when the last message has come.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

static int topics;

/* The first user of a worker fills the broker; the others wait for it. */
static bool filled;

static void fill(struct swarm_user *u)
{
	struct mqtt *m = mqtt_connect(u, .inflight = 100);

	for (int i = 0; i < topics; i++)
		mqtt_publish(m, .topic = swarm_printf(u, "retained/%d", i),
		    .name = "publish:retained/[n]", .text = "kept", .qos = 1,
		    .retain = true, .async = true);
	mqtt_flush(m, swarm_in(30));
	mqtt_disconnect(m);
	mqtt_free(m);
	filled = true;
}

static void begin(struct swarm_user *u)
{
	static bool filling;

	if (!filling) {
		filling = true;
		fill(u);
	}
	while (!filled && swarm_sleep(0.05) == 0)
		;
}

static void look(struct swarm_user *u)
{
	struct mqtt *m = mqtt_connect(u);
	struct swarm_timer t;
	int64_t end = swarm_in(30);
	size_t bytes = 0;
	int n = 0;

	t = swarm_begin(u, "MQTT", "retained");
	if (mqtt_subscribe(m, .filter = "retained/+", .qos = 1) >= 0) {
		for (; n < topics; n++) {
			const struct mqtt_message *got = mqtt_receive(m, end);

			if (!got)
				break;
			bytes += got->len;
		}
	}
	if (n == topics)
		swarm_done(&t, bytes);
	else if (swarm_stopping(u))
		swarm_drop(&t);
	else
		swarm_fail(&t, "not all retained messages came");
	mqtt_disconnect(m);
	mqtt_free(m);
}

SWARM_MODULE(
	.name = "mqtt_retained",
	.summary = "a flood of retained MQTT messages on each subscription",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(topics, "500", "retained messages")),
	.users = SWARM_USERS({
		.name = "newcomer",
		.wait = SWARM_BETWEEN(0.5, 1.5),
		.start = begin,
		.tasks = SWARM_TASKS(SWARM_TASK(look)),
	}));
