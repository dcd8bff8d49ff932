/*
 * The users behind the command: one class, whose start connects and
 * subscribes, and whose task publishes.
 */
#include "bench.h"

#include <swarm/log.h>
#include <swarm/mqtt.h>
#include <swarm/mqtt_audit.h>
#include <swarm/swarm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC_BYTES 512

struct client {
	struct mqtt *mqtt;
	struct mqtt_ledger ledger;
	uint64_t sent;
	unsigned long number;
	char id[64];
	char username[64];
};

/* Of this worker. */
static unsigned connecting;
static int64_t first_start;
static uint32_t run;
static char *payload;
static uint32_t overrun;
static char *row_names[BENCH_TOPICS];

static void fill_values(struct swarm_user *u, const struct client *c,
    struct bench_values *v)
{
	*v = (struct bench_values){
		.client_id = c->id,
		.username = c->username,
		.number = c->number,
		.sequence = c->sent,
		.random = swarm_random(u),
	};
}

static void note(struct mqtt *m, const struct mqtt_message *message,
    void *arg)
{
	struct client *c = arg;

	(void)m;
	mqtt_ledger_note(&c->ledger, message);
}

static void name_client(struct swarm_user *u, struct client *c)
{
	const struct bench_plan *p = &bench_plan;
	struct bench_values v;

	c->number = (unsigned long)p->start + swarm_user_id(u);
	fill_values(u, c, &v);
	if (p->client_id)
		bench_template_fill(c->id, sizeof c->id, p->client_id, &v);
	else
		snprintf(c->id, sizeof c->id, "%s_%lu", p->prefix, c->number);
	if (p->username)
		bench_template_fill(c->username, sizeof c->username,
		    p->username, &v);
}

static void connect_client(struct swarm_user *u, struct client *c)
{
	const struct bench_plan *p = &bench_plan;

	c->mqtt = mqtt_connect(u, .url = p->url, .client_id = c->id,
	    .version = (int)p->version,
	    .username = p->username ? c->username : NULL,
	    .password = p->password,
	    .keepalive = p->keepalive ? (int)p->keepalive : MQTT_NO_KEEPALIVE,
	    .keep_session = p->keep_session,
	    .session_expiry = (uint32_t)p->session_expiry,
	    .inflight = (unsigned)p->inflight,
	    .reconnect_min = p->reconnect / 8, .reconnect_max = p->reconnect,
	    .source = p->source_count ?
		p->source[c->number % p->source_count] : NULL,
	    .will = p->will_topic ? &MQTT_WILL(.topic = p->will_topic,
		.text = c->id) : NULL,
	    .tls = p->tls ? &MQTT_TLS(.ca_file = p->cafile,
		.cert_file = p->cert, .key_file = p->key,
		.insecure = p->insecure) : NULL);
}

static void subscribe(struct swarm_user *u, struct client *c)
{
	const struct bench_plan *p = &bench_plan;
	char topic[TOPIC_BYTES];
	struct bench_values v;

	mqtt_on_message(c->mqtt, note, c);
	fill_values(u, c, &v);
	for (size_t i = 0; i < p->topic_count; i++) {
		bench_template_fill(topic, sizeof topic, p->topic[i], &v);
		mqtt_subscribe(c->mqtt, .filter = topic, .qos = (int)p->qos,
		    .name = swarm_printf(u, "subscribe:%ld:%s", p->qos,
			p->topic[i]));
	}
}

/*
 * Until all clients should be there (the time that the connects take at the
 * rate asked for) and those of this worker are.
 */
static void wait_for_all(struct swarm_user *u)
{
	const struct bench_plan *p = &bench_plan;
	int64_t ramp = (int64_t)((double)p->count / p->rate * 1e9);

	(void)u;
	if (swarm_sleep_until(first_start + ramp + 1000000000) == -1)
		return;
	while (connecting > 0 && swarm_sleep(0.1) == 0)
		;
}

static void start(struct swarm_user *u)
{
	const struct bench_plan *p = &bench_plan;
	struct client *c = swarm_data(u);

	if (first_start == 0) {
		first_start = swarm_now();
		run = (uint32_t)(first_start >> 16);
		overrun = swarm_counter("mqtt_pub_overrun");
	}
	name_client(u, c);
	connecting++;
	connect_client(u, c);
	if (p->mode == BENCH_SUB || p->mode == BENCH_PUBSUB)
		subscribe(u, c);
	connecting--;
	if (p->wait && (p->mode == BENCH_PUB || p->mode == BENCH_PUBSUB))
		wait_for_all(u);
}

static const void *next_payload(struct swarm_user *u, struct client *c,
    size_t *len)
{
	const struct bench_plan *p = &bench_plan;
	struct bench_values v;
	char *text;

	if (p->file) {
		*len = p->file_len;
		return p->file;
	}
	if (!p->message) {
		*len = p->size;
		if (p->stamp)
			mqtt_stamp(payload, run, (uint32_t)c->number, c->sent);
		return payload;
	}
	fill_values(u, c, &v);
	*len = bench_template_fill(NULL, 0, p->message, &v);
	text = swarm_alloc(u, *len + 1);
	bench_template_fill(text, *len + 1, p->message, &v);
	return text;
}

/* The topic of the next message, in `room` unless it is always the same. */
static const char *next_topic(struct swarm_user *u, struct client *c,
    char room[TOPIC_BYTES], size_t i)
{
	const struct bench_plan *p = &bench_plan;
	struct bench_values v;

	if (!strchr(p->topic[i], '%'))
		return p->topic[i];
	fill_values(u, c, &v);
	bench_template_fill(room, TOPIC_BYTES, p->topic[i], &v);
	return room;
}

static void publish(struct swarm_user *u)
{
	const struct bench_plan *p = &bench_plan;
	struct client *c = swarm_data(u);
	size_t i = p->topic_count > 1 ? c->sent % p->topic_count : 0;
	char room[TOPIC_BYTES];
	const char *topic;
	const void *data;
	size_t len;

	if (p->limit && c->sent >= (uint64_t)p->limit) {
		mqtt_flush(c->mqtt, swarm_in(30));
		swarm_stop_user(u);
		return;
	}
	/* The window is still full when the next message is due. */
	if (p->qos > 0 && mqtt_info(c->mqtt)->inflight >=
	    (size_t)p->inflight)
		swarm_count(overrun, 1);
	/* The wait is no part of the way from end to end; and the payload is
	 * shared by all clients, so nobody may wait once it is stamped. */
	if (mqtt_connected(c->mqtt) && mqtt_wait_room(c->mqtt, (int)p->qos,
	    SWARM_FOREVER) == -1)
		return;
	topic = next_topic(u, c, room, i);
	data = next_payload(u, c, &len);
	if (mqtt_publish(c->mqtt, .topic = topic, .data = data, .len = len,
	    .qos = (int)p->qos, .retain = p->retain, .async = true,
	    .name = row_names[i])
	    == -1)
		return;
	/* A number that was not sent is used again. */
	mqtt_ledger_sent((int)p->qos);
	c->sent++;
}

static void stay(struct swarm_user *u)
{
	(void)u;
}

static void stop(struct swarm_user *u)
{
	const struct bench_plan *p = &bench_plan;
	struct client *c = swarm_data(u);

	/* What is on its way to a receiver gets a moment. */
	if (p->mode == BENCH_PUBSUB) {
		mqtt_flush(c->mqtt, swarm_in(1));
		for (int i = 0; i < 20 && c->ledger.received < c->sent; i++) {
			if (swarm_sleep(0.01) == -1)
				break;
		}
	}
	mqtt_disconnect(c->mqtt);
	mqtt_ledger_close(&c->ledger);
}

int bench_users_add(void)
{
	const struct bench_plan *p = &bench_plan;
	bool publishes = p->mode == BENCH_PUB || p->mode == BENCH_PUBSUB;
	static const char *const names[] = { "conn", "pub", "sub", "pubsub" };
	struct swarm_user_class class = {
		.name = names[p->mode],
		.data_size = sizeof(struct client),
		.wait = SWARM_CONSTANT(publishes ? p->interval : 3600),
		.start = start,
		.stop = stop,
	};
	struct swarm_task task = {
		.name = publishes ? "publish" : "stay",
		.run = publishes ? publish : stay,
	};
	int index;

	for (size_t i = 0; i < p->topic_count; i++) {
		if (asprintf(&row_names[i], "publish:%ld:%s", p->qos,
		    p->topic[i]) == -1)
			row_names[i] = NULL;
	}
	if (publishes)
		class.wait = (struct swarm_wait)SWARM_PACING(p->interval);
	payload = calloc(1, p->size + MQTT_STAMP_BYTES);
	if (!payload) {
		swarm_error("out of memory");
		return -1;
	}
	index = swarm_class_add(&class);
	return index == -1 ? -1 : swarm_task_add(index, &task);
}
