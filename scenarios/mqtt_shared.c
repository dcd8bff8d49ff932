/*
 * A shared subscription: jobs go to one of many workers each.
 *
 *	swarm -f mqtt_shared.so --host mqtt://127.0.0.1 -u 100 -r 50 -t 1m
 *
 * The counters "jobs sent" and "jobs done" must agree: each job is done once,
 * by whomever the broker chose.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

struct client {
	struct mqtt *mqtt;
	uint32_t counter;
};

static void begin(struct swarm_user *u)
{
	struct client *c = swarm_data(u);

	c->counter = swarm_counter("jobs sent");
	c->mqtt = mqtt_connect(u);
}

static void send_job(struct swarm_user *u)
{
	struct client *c = swarm_data(u);

	if (mqtt_publish(c->mqtt, .topic = "jobs/new", .qos = 1,
	    .text = "resize picture 4711") == 0)
		swarm_count(c->counter, 1);
}

static void work(struct mqtt *m, const struct mqtt_message *message,
    void *arg)
{
	struct client *c = arg;

	(void)m;
	(void)message;
	swarm_count(c->counter, 1);
}

static void join(struct swarm_user *u)
{
	struct client *c = swarm_data(u);

	c->counter = swarm_counter("jobs done");
	c->mqtt = mqtt_connect(u);
	mqtt_on_message(c->mqtt, work, c);
	mqtt_subscribe(c->mqtt, .filter = "$share/workers/jobs/#", .qos = 1);
}

static void stay(struct swarm_user *u)
{
	(void)u;
}

SWARM_SCENARIO(
	{
		.name = "worker",
		.fixed_count = 5,
		.data_size = sizeof(struct client),
		.wait = SWARM_CONSTANT(1),
		.start = join,
		.tasks = SWARM_TASKS(SWARM_TASK(stay)),
	},
	{
		.name = "boss",
		.data_size = sizeof(struct client),
		.wait = SWARM_BETWEEN(0.5, 1.5),
		.start = begin,
		.tasks = SWARM_TASKS(SWARM_TASK(send_job)),
	}
);
