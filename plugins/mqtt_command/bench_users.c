/*
 * The users behind the command: one class, whose start connects and
 * subscribes, and whose task publishes, or looks after what it has.
 */
#include "bench.h"

#include <swarm/log.h>
#include <swarm/mqtt.h>
#include <swarm/mqtt_audit.h>
#include <swarm/swarm.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC_BYTES 512
/* How often a subscriber looks whether it was connected again. */
#define LOOK 0.25
/* Messages of a task when there is no interval between them. */
#define BATCH 16
#define P bench_plan

struct client {
	struct mqtt *mqtt;
	struct mqtt_ledger ledger;
	struct bench_received received;
	int64_t *due;                   /* of each topic, or NULL */
	uint64_t sent;
	uint64_t reconnects;            /* that are seen to */
	unsigned long number;
	char id[64];
	char username[64];
};

/* Of this worker. */
static unsigned connecting;
static int64_t first_start;
static uint32_t run;
static uint32_t overrun;
static uint32_t retried;

static bool publishes(void)
{
	return P.mode == BENCH_PUB || P.mode == BENCH_PUBSUB;
}

static bool subscribes(void)
{
	return P.mode == BENCH_SUB || P.mode == BENCH_PUBSUB;
}

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fill_values(struct swarm_user *u, const struct client *c,
    struct bench_values *v)
{
	*v = (struct bench_values){
		.client_id = c->id,
		.username = c->username,
		.number = c->number,
		.sequence = c->sent,
		.random = swarm_random(u),
		.wall_ns = wall_ns(),
		.size = (size_t)P.size,
	};
}

/* A template's text, until the task ends; NULL for NULL. */
static const char *fill(struct swarm_user *u, const struct client *c,
    const char *template)
{
	struct bench_values v;
	size_t n;
	char *to;

	if (!template || !strchr(template, '%'))
		return template;
	fill_values(u, c, &v);
	n = bench_template_fill(NULL, 0, template, &v);
	to = swarm_alloc(u, n + 1);
	bench_template_fill(to, n + 1, template, &v);
	return to;
}

/* ---- connecting ---- */

static void name_client(struct swarm_user *u, struct client *c)
{
	struct bench_values v;

	c->number = (unsigned long)P.start + swarm_user_id(u);
	if (P.client_id) {
		fill_values(u, c, &v);
		bench_template_fill(c->id, sizeof c->id, P.client_id, &v);
	} else if (P.short_ids) {
		snprintf(c->id, sizeof c->id, "%s%lu",
		    P.prefix ? P.prefix : "", c->number);
	} else {
		snprintf(c->id, sizeof c->id, "%s_%lu", P.prefix, c->number);
	}
}

/* The name and password of this client, from the file or the options. */
static const char *credentials(struct swarm_user *u, struct client *c)
{
	struct bench_values v;
	const char *line, *comma;

	fill_values(u, c, &v);
	if (P.user_count) {
		line = P.user_lines[c->number % P.user_count];
		comma = strchr(line, ',');
		snprintf(c->username, sizeof c->username, "%.*s",
		    comma ? (int)(comma - line) : (int)strlen(line), line);
		return comma ? comma + 1 : NULL;
	}
	if (P.username)
		bench_template_fill(c->username, sizeof c->username,
		    P.username, &v);
	return fill(u, c, P.password);
}

static struct mqtt *open_client(struct swarm_user *u, struct client *c)
{
	const char *password = credentials(u, c);

	return mqtt_connect(u, .url = P.url[c->number % P.hosts.count],
	    .client_id = c->id, .version = (int)P.version,
	    .username = *c->username ? c->username : NULL,
	    .password = password,
	    .keepalive = P.keepalive ? (int)P.keepalive : MQTT_NO_KEEPALIVE,
	    .keep_session = !P.clean,
	    .session_expiry = (uint32_t)P.session_expiry,
	    .receive_maximum = (uint16_t)P.receive_maximum,
	    .inflight = (unsigned)P.inflight,
	    .reconnect_min = P.reconnects ? 2 * P.reconnect_delay : 0,
	    .reconnect_limit = (unsigned)P.reconnects,
	    .source = P.sources.count ?
		P.sources.text[c->number % P.sources.count] : NULL,
	    .will = P.will_topic ? &MQTT_WILL(
		.topic = fill(u, c, P.will_topic),
		.text = P.will_payload ? fill(u, c, P.will_payload) : c->id,
		.qos = (int)P.will_qos, .retain = P.will_retain,
		.delay = (uint32_t)P.will_delay) : NULL,
	    .tls = P.tls ? &MQTT_TLS(.ca_file = P.cafile,
		.cert_file = fill(u, c, P.cert),
		.key_file = fill(u, c, P.key), .insecure = P.insecure,
		.min_version = P.tls_version, .max_version = P.tls_version,
		.ciphers = P.ciphers) : NULL);
}

static void connect_client(struct swarm_user *u, struct client *c)
{
	c->mqtt = open_client(u, c);
	for (long i = 0; i < P.connect_retries && !mqtt_connected(c->mqtt) &&
	    !swarm_stopping(u); i++) {
		swarm_count(retried, 1);
		mqtt_free(c->mqtt);
		c->mqtt = open_client(u, c);
	}
}

/* ---- subscribing ---- */

static void note(struct mqtt *m, const struct mqtt_message *message,
    void *arg)
{
	struct client *c = arg;

	(void)m;
	if (!mqtt_ledger_note(&c->ledger, message))
		bench_payload_check(&c->received, message);
}

static void subscribe(struct swarm_user *u, struct client *c)
{
	for (size_t i = 0; i < P.topic_count; i++) {
		const struct bench_topic *t = &P.topic[i];

		mqtt_subscribe(c->mqtt, .filter = fill(u, c, t->name),
		    .qos = (int)t->qos, .no_local = P.no_local,
		    .retain_as_published = P.retain_as_published,
		    .retain_handling =
			(enum mqtt_retain_handling)P.retain_handling,
		    .subscription_id = (uint32_t)P.subscription_id,
		    .name = swarm_printf(u, "subscribe:%ld:%s", t->qos,
			t->name));
	}
}

static void unsubscribe(struct swarm_user *u, struct client *c)
{
	for (size_t i = 0; i < P.topic_count; i++)
		mqtt_unsubscribe(c->mqtt, .filter = fill(u, c, P.topic[i].name),
		    .name = swarm_printf(u, "unsubscribe:%s",
			P.topic[i].name));
}

/*
 * Until all clients should be there (the time that the connects take at the
 * rate asked for) and those of this worker are.
 */
static void wait_for_all(void)
{
	int64_t ramp = (int64_t)((double)P.count / P.rate * 1e9);

	if (swarm_sleep_until(first_start + ramp + 1000000000) == -1)
		return;
	while (connecting > 0 && swarm_sleep(0.1) == 0)
		;
}

static void plan_topics(struct swarm_user *u, struct client *c)
{
	int64_t now = swarm_now();

	c->due = calloc(P.topic_count, sizeof *c->due);
	for (size_t i = 0; c->due && i < P.topic_count; i++)
		c->due[i] = now + (int64_t)(P.topic[i].interval *
		    swarm_uniform(u) * 1e9);
}

static void start(struct swarm_user *u)
{
	struct client *c = swarm_data(u);

	if (first_start == 0) {
		first_start = swarm_now();
		run = (uint32_t)(first_start >> 16);
		overrun = swarm_counter("mqtt_pub_overrun");
		retried = swarm_counter("mqtt_connect_retried");
	}
	c->ledger.clock_error_percent = (unsigned)P.clock_error;
	name_client(u, c);
	connecting++;
	connect_client(u, c);
	if (subscribes()) {
		mqtt_on_message(c->mqtt, note, c);
		subscribe(u, c);
	}
	connecting--;
	if (!publishes())
		return;
	if (P.wait)
		wait_for_all();
	if (P.wait_max > 0)
		swarm_sleep(P.wait_min + (P.wait_max - P.wait_min) *
		    swarm_uniform(u));
	if (P.own_topics)
		plan_topics(u, c);
}

/* ---- publishing ---- */

/* The one to publish now: in turn, or the next that is due. */
static const struct bench_topic *choose(struct client *c)
{
	size_t next = 0;

	if (!c->due)
		return &P.topic[P.topic_count > 1 ? c->sent % P.topic_count :
		    0];
	for (size_t i = 1; i < P.topic_count; i++) {
		if (c->due[i] < c->due[next])
			next = i;
	}
	if (swarm_sleep_until(c->due[next]) == -1)
		return NULL;
	c->due[next] += (int64_t)(P.topic[next].interval * 1e9);
	return &P.topic[next];
}

static int send(struct swarm_user *u, struct client *c,
    const struct bench_topic *t)
{
	char room[TOPIC_BYTES];
	struct bench_values v = { .number = c->number, .sequence = c->sent };
	const char *topic = t->name;
	const void *data;
	size_t len;

	/* Where the same is sent each time nothing is to be filled in. */
	if (t->varies)
		fill_values(u, c, &v);
	if (t->is_template) {
		bench_template_fill(room, sizeof room, topic, &v);
		topic = room;
	}
	data = bench_payload_next(u, t, &v, run, &len);
	if (mqtt_publish(c->mqtt, .topic = topic, .data = data, .len = len,
	    .qos = (int)t->qos, .retain = t->retain, .async = true,
	    .name = t->row, .message_expiry = (uint32_t)P.message_expiry,
	    .topic_alias = P.topic_alias && !t->is_template ?
		(uint16_t)(t - P.topic + 1) : 0,
	    .content_type = P.content_type,
	    .response_topic = P.response_topic,
	    .correlation = P.correlation,
	    .correlation_len = P.correlation ? strlen(P.correlation) : 0,
	    .properties = P.properties,
	    .property_count = P.property_count) == -1)
		return -1;
	/* A number that was not sent is used again. */
	mqtt_ledger_sent((int)t->qos);
	c->sent++;
	return 0;
}

static bool at_limit(const struct client *c)
{
	return P.limit && c->sent >= (uint64_t)P.limit;
}

static int publish_next(struct swarm_user *u, struct client *c)
{
	const struct bench_topic *t = choose(c);

	if (!t)
		return -1;
	/* The window is still full when the next message is due. */
	if (t->qos > 0 && t->interval > 0 &&
	    mqtt_info(c->mqtt)->inflight >= (size_t)P.inflight)
		swarm_count(overrun, 1);
	/* The wait is no part of the way from end to end; and the payload is
	 * shared by all clients, so nobody may wait once it is stamped.
	 * Without a connection the publish fails, for all to see. */
	if (mqtt_wait_room(c->mqtt, (int)t->qos, SWARM_FOREVER) == -1 &&
	    errno != ENOTCONN)
		return -1;
	return send(u, c, t);
}

static void publish(struct swarm_user *u)
{
	struct client *c = swarm_data(u);

	if (at_limit(c)) {
		mqtt_flush(c->mqtt, swarm_in(30));
		if (P.keep_connected)
			swarm_sleep_until(SWARM_FOREVER);
		else
			swarm_stop_user(u);
		return;
	}
	/* As fast as it goes: a task is more than one message, few enough for
	 * what they allocate until it ends. */
	for (int i = 0; i < BATCH; i++) {
		if (publish_next(u, c) == -1 || P.interval > 0 ||
		    P.own_topics || at_limit(c) || swarm_stopping(u))
			break;
	}
}

/* ---- the others ---- */

static void flap(struct swarm_user *u, struct client *c)
{
	if (P.mode == BENCH_SUB) {
		unsubscribe(u, c);
		subscribe(u, c);
	} else if (mqtt_connected(c->mqtt)) {
		mqtt_disconnect(c->mqtt);
		mqtt_reconnect(c->mqtt);
	} else {
		mqtt_reconnect(c->mqtt);
	}
}

/* A new session after a reconnect knows of no subscription. */
static void stay(struct swarm_user *u)
{
	struct client *c = swarm_data(u);
	const struct mqtt_info *i = mqtt_info(c->mqtt);

	if (i->reconnects != c->reconnects && i->connected) {
		c->reconnects = i->reconnects;
		if (subscribes() && !i->session_present)
			subscribe(u, c);
	}
	if (P.flap > 0 && c->sent++ > 0)
		flap(u, c);
}

static void stop(struct swarm_user *u)
{
	struct client *c = swarm_data(u);

	/* What is on its way to a receiver gets a moment. */
	if (P.mode == BENCH_PUBSUB) {
		mqtt_flush(c->mqtt, swarm_in(1));
		for (int i = 0; i < 20 && c->ledger.received < c->sent; i++) {
			if (swarm_sleep(0.01) == -1)
				break;
		}
	}
	mqtt_disconnect(c->mqtt);
	mqtt_ledger_close(&c->ledger);
	free(c->due);
}

static struct swarm_wait wait_of(void)
{
	if (publishes() && P.own_topics)
		return (struct swarm_wait)SWARM_CONSTANT(0);
	if (publishes())
		return (struct swarm_wait)SWARM_PACING(P.interval);
	if (P.flap > 0)
		return (struct swarm_wait)SWARM_CONSTANT(P.flap);
	return (struct swarm_wait)SWARM_CONSTANT(P.reconnects &&
	    subscribes() ? LOOK : 3600);
}

int bench_users_add(void)
{
	static const char *const names[] = { "conn", "pub", "sub", "pubsub" };
	struct swarm_user_class class = {
		.name = names[P.mode],
		.data_size = sizeof(struct client),
		.wait = wait_of(),
		.start = start,
		.stop = stop,
	};
	struct swarm_task task = {
		.name = publishes() ? "publish" : "stay",
		.run = publishes() ? publish : stay,
	};
	int index;

	if (bench_payload_prepare() == -1)
		return -1;
	index = swarm_class_add(&class);
	return index == -1 ? -1 : swarm_task_add(index, &task);
}
