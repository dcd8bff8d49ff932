/*
 * Options that are more than a value, and what follows from several of them.
 */
#include "bench.h"

#include <swarm/log.h>
#include <swarm/mqtt_audit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define P bench_plan

int bench_take_list(struct bench_list *list, const char *option,
    const char *value)
{
	char *copy = bench_args_keep(strdup(value)), *save = NULL;

	for (char *s = copy ? strtok_r(copy, ",", &save) : NULL; s;
	    s = strtok_r(NULL, ",", &save)) {
		if (list->count == BENCH_LIST) {
			swarm_error("--%s: at most %d", option, BENCH_LIST);
			return -1;
		}
		list->text[list->count++] = s;
	}
	return 0;
}

int bench_take_topic(const char *value)
{
	if (P.topic_count == BENCH_TOPICS) {
		swarm_error("at most %d topics", BENCH_TOPICS);
		return -1;
	}
	P.topic[P.topic_count++].name = value;
	return 0;
}

int bench_take_message(const char *value)
{
	static const char scheme[] = "template://";
	size_t len;

	P.stamp = false;
	if (strncmp(value, scheme, sizeof scheme - 1) == 0) {
		P.message = bench_args_keep(bench_topics_load(value +
		    sizeof scheme - 1, &len));
		return P.message ? 0 : -1;
	}
	if (value[0] == '@') {
		P.file = bench_args_keep(bench_topics_load(value + 1,
		    &P.file_len));
		return P.file ? 0 : -1;
	}
	P.message = value;
	return 0;
}

int bench_take_headers(const char *value)
{
	struct bench_list words = { .count = 0 };

	P.stamp = false;
	P.header_count = 0;
	if (bench_take_list(&words, "payload-hdrs", value) == -1)
		return -1;
	for (size_t i = 0; i < words.count; i++) {
		enum bench_header h = strcmp(words.text[i], "cnt64") == 0 ?
		    BENCH_CNT64 : strcmp(words.text[i], "ts") == 0 ? BENCH_TS :
		    0;

		if (h == 0 || i == 2) {
			swarm_error("--payload-hdrs %s: give cnt64, ts, or "
			    "both with a comma", value);
			return -1;
		}
		P.headers[P.header_count++] = h;
	}
	return 0;
}

int bench_take_users(const char *path)
{
	size_t len, lines = 0;
	char *text = bench_args_keep(bench_topics_load(path, &len));
	char *save = NULL;

	if (!text)
		return -1;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	P.user_lines = bench_args_keep(calloc(lines + 1,
	    sizeof *P.user_lines));
	if (!P.user_lines) {
		swarm_error("out of memory");
		return -1;
	}
	for (char *s = strtok_r(text, "\r\n", &save); s;
	    s = strtok_r(NULL, "\r\n", &save))
		P.user_lines[P.user_count++] = s;
	if (P.user_count)
		return 0;
	swarm_error("%s: no line \"name,password\"", path);
	return -1;
}

int bench_take_property(const char *value)
{
	const char *equals = strchr(value, '=');
	char *name;

	if (!equals || P.property_count == BENCH_TOPICS) {
		swarm_error("--user-property %s: %s", value, equals ?
		    "that is one too many" : "give NAME=VALUE");
		return -1;
	}
	name = strndup(value, (size_t)(equals - value));
	P.properties[P.property_count++] =
	    (struct mqtt_property){ name, equals + 1 };
	return 0;
}

int bench_take_tls_version(const char *value)
{
	if (strcmp(value, "tlsv1.2") == 0)
		P.tls_version = "1.2";
	else if (strcmp(value, "tlsv1.3") == 0)
		P.tls_version = "1.3";
	if (P.tls_version)
		return 0;
	swarm_error("--ssl-version %s: give tlsv1.2 or tlsv1.3", value);
	return -1;
}

/* ---- what follows ---- */

/* An URL as it is; HOST:PORT or HOST with what the other options say. */
static const char *url_of(const char *host)
{
	const char *colon = strrchr(host, ':');
	const char *scheme = P.websocket ? "ws" : "mqtt";
	const char *tls = P.tls ? "s" : "";
	bool has_port = colon && (!strchr(host, ']') || colon > strchr(host,
	    ']'));
	char *url = NULL;
	int rc;

	if (strstr(host, "://"))
		return host;
	if (P.port && !has_port)
		rc = asprintf(&url, "%s%s://%s:%ld", scheme, tls, host,
		    P.port);
	else
		rc = asprintf(&url, "%s%s://%s", scheme, tls, host);
	return rc == -1 ? NULL : bench_args_keep(url);
}

static void complete_topics(void)
{
	if (P.topic_count == 0)
		P.topic[P.topic_count++].name = P.mode == BENCH_SUB ?
		    "swarm/#" : "swarm/%i";
	for (size_t i = 0; i < P.topic_count; i++) {
		struct bench_topic *t = &P.topic[i];
		char *row;

		if (!P.own_topics) {
			t->qos = P.qos;
			t->retain = P.retain;
			t->interval = P.interval;
		}
		t->is_template = strchr(t->name, '%');
		t->varies = t->is_template || t->message || P.message ||
		    P.random;
		if (asprintf(&row, "publish:%ld:%s", t->qos, t->name) != -1)
			t->row = bench_args_keep(row);
	}
}

static int check_topics(void)
{
	if (P.mode != BENCH_PUB && P.mode != BENCH_PUBSUB)
		return 0;
	for (size_t i = 0; i < P.topic_count; i++) {
		if (!strpbrk(P.topic[i].name, "+#"))
			continue;
		swarm_error("the topic %s: + and # are for filters; give one "
		    "that can be published to", P.topic[i].name);
		return -1;
	}
	return 0;
}

static void complete_stamp(void)
{
	if (!P.stamp || P.size >= MQTT_STAMP_BYTES)
		return;
	P.stamp = false;
	if (P.mode != BENCH_CONN && P.mode != BENCH_SUB)
		swarm_warn("payloads of less than %d bytes hold no stamp: "
		    "nothing end to end is measured", MQTT_STAMP_BYTES);
}

int bench_take_complete(void)
{
	static const char *const prefixes[] = { "swarm_conn", "swarm_pub",
		"swarm_sub", "swarm_pubsub" };

	if (P.hosts.count == 0)
		P.hosts.text[P.hosts.count++] = "127.0.0.1";
	for (size_t i = 0; i < P.hosts.count; i++) {
		P.url[i] = url_of(P.hosts.text[i]);
		if (!P.url[i]) {
			swarm_error("out of memory");
			return -1;
		}
	}
	if (!P.prefix && !P.short_ids)
		P.prefix = prefixes[P.mode];
	if (P.limit)
		P.limit = (P.limit + P.count - 1) / P.count;
	if (P.inflight == 0)
		P.inflight = 65535;
	if (P.wait_max < P.wait_min)
		P.wait_max = P.wait_min;
	if (P.flap > 0 && P.mode != BENCH_CONN && P.mode != BENCH_SUB) {
		swarm_error("--flap is for conn and sub");
		return -1;
	}
	complete_topics();
	complete_stamp();
	return check_topics();
}
