/*
 * Every flow of the interface swarm.mqtt/1 once, against a real broker; what
 * does not come back as it was sent is an error of this scenario, and its run
 * fails.  It counts "all flows done" and ends the run itself.
 */
#include <swarm/swarm.h>
#include <swarm/mqtt.h>

#include <errno.h>
#include <string.h>

static int version;

#define EXPECT(u, what) \
	((what) ? (void)0 : swarm_raise((u), "not true: %s", #what))

static struct mqtt *open_as(struct swarm_user *u, const char *suffix)
{
	return mqtt_connect(u, .version = version, .client_id =
	    swarm_printf(u, "flow-%s-%d-%s", mqtt_provider(), version,
		suffix));
}

static bool is(const struct mqtt_message *m, const char *text)
{
	return m && m->len == strlen(text) && memcmp(m->data, text, m->len) ==
	    0 && ((const char *)m->data)[m->len] == 0;
}

static void each_qos(struct swarm_user *u)
{
	struct mqtt *m = open_as(u, "qos");

	for (int qos = 0; qos < 3; qos++) {
		const char *topic = swarm_printf(u, "flow/%d/%d", version, qos);
		const struct mqtt_message *got;

		EXPECT(u, mqtt_subscribe(m, .filter = topic, .qos = qos) ==
		    qos);
		EXPECT(u, mqtt_publish(m, .topic = topic, .text = "hello",
		    .qos = qos) == 0);
		got = mqtt_receive(m, swarm_in(5));
		EXPECT(u, is(got, "hello"));
		EXPECT(u, got && strcmp(got->topic, topic) == 0);
		EXPECT(u, got && got->qos == qos);
		EXPECT(u, got && !got->retain && !got->dup);
		EXPECT(u, mqtt_publish(m, .topic = topic, .qos = qos) == 0);
		EXPECT(u, is(mqtt_receive(m, swarm_in(5)), ""));
		EXPECT(u, mqtt_unsubscribe(m, .filter = topic) == 0);
		EXPECT(u, mqtt_publish(m, .topic = topic, .text = "x",
		    .qos = qos) == 0);
		EXPECT(u, mqtt_receive(m, swarm_in(0.1)) == NULL);
		EXPECT(u, errno == ETIMEDOUT);
	}
	EXPECT(u, mqtt_disconnect(m) == 0);
	EXPECT(u, !mqtt_connected(m));
	mqtt_free(m);
}

static void large(struct swarm_user *u)
{
	static char data[300000];
	struct mqtt *m = open_as(u, "large");
	const struct mqtt_message *got;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7);
	mqtt_subscribe(m, .filter = "flow/large", .qos = 1);
	EXPECT(u, mqtt_publish(m, .topic = "flow/large", .data = data,
	    .len = sizeof data, .qos = 1) == 0);
	got = mqtt_receive(m, swarm_in(5));
	EXPECT(u, got && got->len == sizeof data);
	EXPECT(u, got && memcmp(got->data, data, sizeof data) == 0);
	mqtt_free(m);
}

/* Retained messages come at once to who subscribes later. */
static void retained(struct swarm_user *u)
{
	struct mqtt *m = open_as(u, "retained");
	const char *topic = swarm_printf(u, "flow/retained/%d", version);
	const struct mqtt_message *got;

	EXPECT(u, mqtt_publish(m, .topic = topic, .text = "kept", .qos = 1,
	    .retain = true) == 0);
	mqtt_subscribe(m, .filter = topic, .qos = 1);
	got = mqtt_receive(m, swarm_in(5));
	EXPECT(u, is(got, "kept"));
	EXPECT(u, got && got->retain);
	EXPECT(u, mqtt_publish(m, .topic = topic, .qos = 1,
	    .retain = true) == 0);
	mqtt_free(m);
}

static void count(struct mqtt *m, const struct mqtt_message *message,
    void *arg)
{
	unsigned *n = arg;

	(void)m;
	(void)message;
	++*n;
}

/* A window's worth at a time, in order, nothing lost. */
static void many(struct swarm_user *u)
{
	struct mqtt *m = open_as(u, "many");
	unsigned n = 0;
	int64_t end = swarm_in(10);

	mqtt_on_message(m, count, &n);
	mqtt_subscribe(m, .filter = "flow/many", .qos = 2);
	for (int i = 0; i < 600; i++)
		mqtt_publish(m, .topic = "flow/many", .text = "x",
		    .qos = i % 3, .async = true);
	EXPECT(u, mqtt_flush(m, end) == 0);
	EXPECT(u, mqtt_info(m)->acknowledged == 400);
	EXPECT(u, mqtt_info(m)->inflight == 0);
	while (n < 600 && swarm_now() < end && swarm_sleep(0.01) == 0)
		;
	EXPECT(u, n == 600);
	mqtt_free(m);
}

/* What comes while nobody is there waits at the broker. */
static void session(struct swarm_user *u)
{
	struct mqtt *p = open_as(u, "publisher");
	struct mqtt *s;

	for (int round = 0; round < 2; round++) {
		s = mqtt_connect(u, .version = version, .keep_session = true,
		    .session_expiry = 60, .client_id = swarm_printf(u,
			"flow-session-%s-%d", mqtt_provider(), version));
		EXPECT(u, mqtt_info(s)->session_present == (round == 1));
		if (round == 0)
			mqtt_subscribe(s, .filter = "flow/session", .qos = 1);
		else
			EXPECT(u, is(mqtt_receive(s, swarm_in(5)), "offline"));
		EXPECT(u, mqtt_disconnect(s) == 0);
		if (round == 0)
			mqtt_publish(p, .topic = "flow/session", .qos = 1,
			    .text = "offline");
		mqtt_free(s);
	}
	/* A clean start forgets it. */
	s = mqtt_connect(u, .version = version, .client_id = swarm_printf(u,
	    "flow-session-%s-%d", mqtt_provider(), version));
	EXPECT(u, !mqtt_info(s)->session_present);
	mqtt_free(s);
	mqtt_free(p);
}

/* Two members of a group share what another sends. */
static void shared(struct swarm_user *u)
{
	struct mqtt *member[2];
	struct mqtt *p = open_as(u, "sharing");
	unsigned n[2] = { 0, 0 };
	int64_t end = swarm_in(5);

	for (int i = 0; i < 2; i++) {
		member[i] = open_as(u, i ? "member1" : "member0");
		mqtt_on_message(member[i], count, &n[i]);
		mqtt_subscribe(member[i], .filter = "$share/g/flow/shared",
		    .qos = 1);
	}
	for (int i = 0; i < 10; i++)
		mqtt_publish(p, .topic = "flow/shared", .qos = 1);
	while (n[0] + n[1] < 10 && swarm_now() < end &&
	    swarm_sleep(0.01) == 0)
		;
	EXPECT(u, n[0] + n[1] == 10);
	EXPECT(u, n[0] > 0 && n[1] > 0);
	mqtt_free(member[0]);
	mqtt_free(member[1]);
	mqtt_free(p);
}

static void check_properties(struct swarm_user *u,
    const struct mqtt_message *got)
{
	EXPECT(u, is(got, "rich"));
	if (!got)
		return;
	EXPECT(u, got->content_type && strcmp(got->content_type, "text") == 0);
	EXPECT(u, got->response_topic &&
	    strcmp(got->response_topic, "flow/answer") == 0);
	EXPECT(u, got->correlation_len == 3 &&
	    memcmp(got->correlation, "a\0b", 3) == 0);
	EXPECT(u, got->payload_is_utf8);
	EXPECT(u, got->message_expiry > 0 && got->message_expiry <= 100);
	EXPECT(u, got->property_count == 2 &&
	    strcmp(got->properties[1].value, "two") == 0);
	EXPECT(u, got->subscription_id_count == 1 &&
	    got->subscription_ids[0] == 300);
}

/* What was too large to be sent has not taught the broker an alias. */
static void oversized(struct swarm_user *u, struct mqtt *m)
{
	static char data[400000];
	size_t len = mqtt_info(m)->max_packet_size;

	EXPECT(u, mqtt_info(m)->topic_alias_maximum >= 2);
	/* The other provider leaves it to the broker, which hangs up. */
	if (len > sizeof data || strcmp(mqtt_provider(), "fastmqtt") != 0)
		return;
	for (int qos = 0; qos < 2; qos++)
		EXPECT(u, mqtt_publish(m, .topic = "flow/rich", .data = data,
		    .len = len, .qos = qos, .topic_alias = 2) == -1 &&
		    errno == EINVAL);
	EXPECT(u, mqtt_publish(m, .topic = "flow/rich", .text = "small",
	    .qos = 1, .topic_alias = 2) == 0);
	EXPECT(u, is(mqtt_receive(m, swarm_in(5)), "small"));
}

static void properties(struct swarm_user *u)
{
	static const struct mqtt_property list[] = {
		{ "first", "one" }, { "second", "two" },
	};
	struct mqtt *m = mqtt_connect(u, .version = 5,
	    .topic_alias_maximum = 10, .receive_maximum = 5,
	    .properties = list, .property_count = 2);

	EXPECT(u, mqtt_subscribe(m, .filter = "flow/rich", .qos = 1,
	    .subscription_id = 300, .properties = list,
	    .property_count = 1) == 1);
	for (int i = 0; i < 3; i++) {
		EXPECT(u, mqtt_publish(m, .topic = "flow/rich", .text = "rich",
		    .qos = 1, .content_type = "text", .correlation = "a\0b",
		    .correlation_len = 3, .response_topic = "flow/answer",
		    .payload_is_utf8 = true, .message_expiry = 100,
		    .properties = list, .property_count = 2,
		    .topic_alias = mqtt_info(m)->topic_alias_maximum ? 1 :
		    0) == 0);
		check_properties(u, mqtt_receive(m, swarm_in(5)));
	}
	if (mqtt_info(m)->max_packet_size)
		oversized(u, m);
	/* Nobody hears oneself. */
	EXPECT(u, mqtt_subscribe(m, .filter = "flow/local", .qos = 1,
	    .no_local = true) == 1);
	mqtt_publish(m, .topic = "flow/local", .qos = 1);
	EXPECT(u, mqtt_receive(m, swarm_in(0.1)) == NULL);
	mqtt_free(m);
}

/* The id that the broker chose, a will on a polite end, an empty id. */
static void assigned(struct swarm_user *u)
{
	struct mqtt *w = open_as(u, "watcher");
	struct mqtt *m = mqtt_connect(u, .version = 5, .client_id = "",
	    .will = &MQTT_WILL(.topic = "flow/will", .text = "gone",
		.qos = 1));

	EXPECT(u, strlen(mqtt_info(m)->client_id) > 0);
	mqtt_subscribe(w, .filter = "flow/will", .qos = 1);
	EXPECT(u, mqtt_disconnect(m, .reason = 4) == 0);
	EXPECT(u, is(mqtt_receive(w, swarm_in(5)), "gone"));
	mqtt_free(m);
	mqtt_free(w);
}

static void abrupt(struct swarm_user *u)
{
	struct mqtt *w = open_as(u, "watcher");
	struct mqtt *m;

	if (strcmp(mqtt_provider(), "fastmqtt") == 0) {
		m = mqtt_connect(u, .version = version, .will = &MQTT_WILL(
		    .topic = "flow/crash", .text = "crashed"));
		mqtt_subscribe(w, .filter = "flow/crash", .qos = 1);
		EXPECT(u, mqtt_disconnect(m, .abrupt = true) == 0);
		EXPECT(u, is(mqtt_receive(w, swarm_in(5)), "crashed"));
		EXPECT(u, mqtt_reconnect(m) == 0);
		EXPECT(u, mqtt_ping(m, 5) == 0);
	}
	mqtt_free(w);
}

/* A second client of the same id ends the first, which comes back. */
static void reconnect(struct swarm_user *u)
{
	struct mqtt *a = mqtt_connect(u, .version = version,
	    .client_id = "flow-twin", .reconnect_min = 0.2);
	struct mqtt *b = mqtt_connect(u, .version = version,
	    .client_id = "flow-twin");
	int64_t end = swarm_in(10);

	while ((mqtt_connected(b) || !mqtt_connected(a)) &&
	    swarm_now() < end && swarm_sleep(0.01) == 0)
		;
	EXPECT(u, mqtt_connected(a));
	EXPECT(u, mqtt_info(a)->reconnects == 1);
	EXPECT(u, mqtt_receive(b, swarm_in(5)) == NULL && errno == ENOTCONN);
	mqtt_free(a);
	mqtt_free(b);
}

/* Freed while another fiber waits in it, and by its own handler. */
static bool told;

static void listen(void *arg)
{
	told = !mqtt_receive(arg, swarm_in(20)) && errno == ENOTCONN;
}

static void free_it(struct mqtt *m, const struct mqtt_message *message,
    void *arg)
{
	(void)message;
	(void)arg;
	mqtt_free(m);
}

static void freed(struct swarm_user *u)
{
	struct mqtt *m = open_as(u, "freed");
	int64_t end = swarm_in(5);

	told = false;
	swarm_spawn(u, listen, m);
	swarm_sleep(0);
	mqtt_free(m);
	while (!told && swarm_now() < end && swarm_sleep(0.01) == 0)
		;
	EXPECT(u, told);
	m = open_as(u, "handled");
	mqtt_subscribe(m, .filter = "flow/handled", .qos = 1);
	for (int i = 0; i < 2; i++)
		mqtt_publish(m, .topic = "flow/handled", .qos = 1);
	while (mqtt_info(m)->queued < 2 && swarm_now() < end &&
	    swarm_sleep(0.01) == 0)
		;
	mqtt_on_message(m, free_it, NULL);
}

static void all(struct swarm_user *u)
{
	each_qos(u);
	large(u);
	retained(u);
	many(u);
	session(u);
	shared(u);
	if (version == 5) {
		properties(u);
		assigned(u);
	}
	abrupt(u);
	reconnect(u);
	freed(u);
	swarm_count(swarm_counter("all flows done"), 1);
	swarm_stop_test(u, "done");
	swarm_stop_user(u);
}

SWARM_MODULE(
	.name = "mqtt_flows",
	.summary = "every flow of swarm.mqtt/1",
	.options = SWARM_OPTIONS(SWARM_OPTION(version, "5", "4 or 5")),
	.users = SWARM_USERS({ .name = "flows", .fixed_count = 1,
		.tasks = SWARM_TASKS(SWARM_TASK(all)) }));
