/*
 * @NAME@: devices that report to a broker and listen for commands.
 *
 *	swarm try @FILE@ -H mqtt://127.0.0.1:1883
 *	swarm -f @FILE@ -H mqtt://127.0.0.1:1883 --users 1000
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

struct device {
	struct mqtt *mqtt;
	unsigned reports;
};

/* Topics differ by device; the name makes them one row of the statistics. */
static void switch_on(struct swarm_user *u)
{
	struct device *d = swarm_data(u);

	d->mqtt = mqtt_connect(u,
	    .client_id = swarm_printf(u, "@NAME@-%u", swarm_user_id(u)));
	mqtt_subscribe(d->mqtt, .qos = 1, .name = "commands",
	    .filter = swarm_printf(u, "commands/%u", swarm_user_id(u)));
}

static void report(struct swarm_user *u)
{
	struct device *d = swarm_data(u);

	mqtt_publish(d->mqtt, .qos = 1, .name = "report",
	    .topic = swarm_printf(u, "reports/%u", swarm_user_id(u)),
	    .text = swarm_printf(u, "{\"n\":%u,\"celsius\":%.1f}",
		d->reports++, swarm_normal(u, 21, 2)));
}

static void switch_off(struct swarm_user *u)
{
	struct device *d = swarm_data(u);

	mqtt_disconnect(d->mqtt);
}

SWARM_SCENARIO({
	.name      = "device",
	.data_size = sizeof(struct device),
	.wait      = SWARM_PACING(5),
	.start     = switch_on,
	.stop      = switch_off,
	.tasks     = SWARM_TASKS(SWARM_TASK(report)),
});
