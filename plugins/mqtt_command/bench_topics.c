/*
 * Several topics from a file, as emqtt-bench's --topics-payload has them:
 *
 *	{ "topics": [
 *		{ "name": "car/%i/speed", "interval_ms": "1000", "QoS": 1,
 *		  "inject_timestamp": true, "payload": { "v": 7 } },
 *		{ "name": "car/%i/id", "interval_ms": 100, "QoS": 0,
 *		  "render": "vin", "payload": { "vin": "VIN-%i" } } ] }
 *
 * The payload, written as JSON once, becomes a template: the member "timestamp"
 * is filled in where inject_timestamp asks for it, and of the members only the
 * one that "render" names may have words to be replaced.
 */
#include "bench.h"

#include <swarm/log.h>

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *bench_topics_load(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	char *text;

	if (!f) {
		swarm_error("cannot read %s: %m", path);
		return NULL;
	}
	if (fstat(fileno(f), &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_size > MQTT_PACKET_MAX) {
		swarm_error("%s is no file of at most 16 MiB", path);
		fclose(f);
		return NULL;
	}
	text = calloc(1, (size_t)st.st_size + 1);
	*len = text ? fread(text, 1, (size_t)st.st_size, f) : 0;
	fclose(f);
	return text;
}

/* A number, or a string that is one; `otherwise` when absent, -1 when it is
 * nothing of the kind. */
static double number(const json_t *topic, const char *key, double otherwise)
{
	const json_t *v = json_object_get(topic, key);
	char *end;
	double n;

	if (!v)
		return otherwise;
	if (json_is_number(v))
		return json_number_value(v);
	if (!json_is_string(v))
		return -1;
	n = strtod(json_string_value(v), &end);
	return *end || end == json_string_value(v) ? -1 : n;
}

static const char *timestamp_word(const json_t *how)
{
	const char *unit = json_is_string(how) ? json_string_value(how) : "ms";

	if (json_is_false(how))
		return NULL;
	if (strcmp(unit, "s") == 0)
		return "%TIMESTAMP%";
	if (strcmp(unit, "us") == 0)
		return "%TIMESTAMPUS%";
	if (strcmp(unit, "ns") == 0)
		return "%TIMESTAMPNS%";
	return "%TIMESTAMPMS%";
}

/* Percent signs that stand for themselves. */
static json_t *escaped(const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(2 * n + 1), *to = copy;
	json_t *out;

	if (!copy)
		return NULL;
	for (; *text; text++) {
		*to++ = *text;
		if (*text == '%')
			*to++ = '%';
	}
	*to = 0;
	out = json_string(copy);
	free(copy);
	return out;
}

/* The payload as a template's text; freed by free(). */
static char *template_of(json_t *topic)
{
	json_t *payload = json_object_get(topic, "payload");
	const json_t *stamp = json_object_get(topic, "inject_timestamp");
	const char *render = json_string_value(json_object_get(topic,
	    "render"));
	const char *key;
	json_t *value;
	void *next;

	if (json_is_string(payload))
		return strdup(json_string_value(payload));
	if (!json_is_object(payload))
		return NULL;
	json_object_foreach_safe(payload, next, key, value) {
		if (json_is_string(value) && (!render ||
		    strcmp(key, render) != 0))
			json_object_set_new(payload, key,
			    escaped(json_string_value(value)));
	}
	if (stamp && timestamp_word(stamp))
		json_object_set_new(payload, "timestamp",
		    json_string(timestamp_word(stamp)));
	return json_dumps(payload, JSON_COMPACT);
}

static int add(json_t *topic, size_t index)
{
	const char *name = json_string_value(json_object_get(topic, "name"));
	double interval = number(topic, "interval_ms", 1000);
	double qos = number(topic, "QoS", 0);
	struct bench_topic *t = &bench_plan.topic[bench_plan.topic_count];

	if (bench_plan.topic_count == BENCH_TOPICS) {
		swarm_error("--topics-payload: at most %d topics",
		    BENCH_TOPICS);
		return -1;
	}
	t->message = bench_args_keep(json_is_object(topic) ?
	    template_of(topic) : NULL);
	if (!name || !t->message || interval < 1 || interval > 86400000 ||
	    qos < 0 || qos > 2) {
		swarm_error("--topics-payload: topic %zu needs a \"name\", an "
		    "\"interval_ms\" of 1 to 86400000, a \"QoS\" of 0 to 2 "
		    "and a \"payload\"", index + 1);
		return -1;
	}
	t->name = bench_args_keep(strdup(name));
	t->interval = interval / 1000;
	t->qos = (long)qos;
	t->retain = json_is_true(json_object_get(topic, "retain"));
	bench_plan.topic_count++;
	return t->name ? 0 : -1;
}

int bench_topics_read(const char *path)
{
	json_error_t error;
	json_t *root, *topic;
	size_t i, len;
	char *text = bench_topics_load(path, &len);
	int rc = 0;

	if (!text)
		return -1;
	root = json_loadb(text, len, 0, &error);
	free(text);
	if (!root) {
		swarm_error("%s: line %d: %s", path, error.line, error.text);
		return -1;
	}
	bench_plan.topic_count = 0;
	bench_plan.own_topics = true;
	bench_plan.stamp = false;
	json_array_foreach(json_object_get(root, "topics"), i, topic)
		rc = rc == 0 ? add(topic, i) : -1;
	json_decref(root);
	if (rc == 0 && bench_plan.topic_count == 0) {
		swarm_error("%s: no \"topics\"", path);
		return -1;
	}
	return rc;
}
