/*
 * Enhanced authentication as a client sees it: what the broker asks is sent
 * back, and at the end it must prove itself.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

#include <stdio.h>
#include <string.h>

struct dialogue {
	unsigned steps;
	bool proven;
	char answer[64];
};

static int step(void *arg, const struct mqtt_auth_data *in,
    struct mqtt_auth_data *out)
{
	struct dialogue *d = arg;

	if (in->reason == 0) {
		d->proven = in->len == 5 && memcmp(in->data, "proof", 5) == 0;
		return d->proven ? 0 : -1;
	}
	d->steps++;
	snprintf(d->answer, sizeof d->answer, "%.*s back", (int)in->len,
	    (const char *)in->data);
	out->data = d->answer;
	out->len = strlen(d->answer);
	return 0;
}

static void authenticate(struct swarm_user *u)
{
	struct dialogue *d = swarm_data(u);
	struct mqtt *m = mqtt_connect(u, .auth_method = "ECHO",
	    .auth = "first", .auth_len = 5, .auth_step = step, .auth_arg = d,
	    .timeout = 5);

	if (mqtt_connected(m) && d->proven && d->steps == 2)
		swarm_count(swarm_counter("authenticated"), 1);
	mqtt_free(m);
	swarm_stop_test(u, "done");
	swarm_stop_user(u);
}

SWARM_MODULE(
	.name = "mqtt_auth",
	.summary = "enhanced authentication of MQTT 5",
	.users = SWARM_USERS({ .name = "asked", .fixed_count = 1,
		.data_size = sizeof(struct dialogue),
		.tasks = SWARM_TASKS(SWARM_TASK(authenticate)) }));
