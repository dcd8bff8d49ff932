/* See the header. */
#include "ndjson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"

static const json_t *first_of(const json_t *o, const char *const *keys)
{
	for (; *keys; keys++) {
		const json_t *v = json_object_get(o, *keys);

		if (v)
			return v;
	}
	return NULL;
}

static struct span text_of(const json_t *v)
{
	return json_is_string(v) ? (struct span){ json_string_value(v),
		json_string_length(v) } : (struct span){ "", 0 };
}

/* nginx's $msec has to be put into quotes. */
static bool is_number(struct span text, double *v)
{
	char *end;

	if (text.len == 0 || strspn(text.at, "0123456789.") != text.len)
		return false;
	*v = strtod(text.at, &end);
	return *end == '\0';
}

static const char *read_number(double v, bool whole, struct request *r)
{
	/* Seconds. */
	if (whole && v < 1e11)
		r->resolution = 1000000000;
	return date_number(v, &r->time) == 0 ? NULL :
	    "\"time\" is out of bounds";
}

static const char *read_time(const json_t *o, struct request *r)
{
	static const char *const keys[] = { "time", "timestamp", "@timestamp",
		"ts", NULL };
	const json_t *v = first_of(o, keys);
	struct span text = text_of(v);
	double number;

	r->resolution = 0;
	if (!v)
		return "no \"time\"";
	if (json_is_number(v))
		return read_number(json_number_value(v), json_is_integer(v),
		    r);
	if (is_number(text, &number))
		return read_number(number, !memchr(text.at, '.', text.len), r);
	if (date_iso(text, &r->time, &r->resolution) == 0)
		return NULL;
	r->resolution = 1000000000;
	return date_log(text, &r->time) == 0 ? NULL :
	    "\"time\" is neither ISO 8601 nor a number";
}

static const char *read_target(const json_t *o, struct request *r)
{
	static const char *const methods[] = { "method", "request_method",
		NULL };
	static const char *const paths[] = { "path", "url", "uri",
		"request_uri", NULL };
	struct span line = text_of(json_object_get(o, "request"));
	const json_t *method = first_of(o, methods);

	r->method = method ? text_of(method) : SPAN("GET");
	r->target = text_of(first_of(o, paths));
	if (r->target.len > 0)
		return NULL;
	if (line.len > 0 && request_line(r, line))
		return NULL;
	return "no \"path\", and no \"request\"";
}

static struct span user_of(struct ndjson *n, const json_t *o,
    const char *user_key)
{
	static const char *const keys[] = { "user", "remote_addr",
		"client_ip", NULL };
	const json_t *v = user_key ? json_object_get(o, user_key) :
	    first_of(o, keys);

	if (!json_is_integer(v))
		return text_of(v);
	snprintf(n->number, sizeof n->number, "%lld",
	    (long long)json_integer_value(v));
	return span_of(n->number);
}

static const char *read_headers(const json_t *o, struct request *r)
{
	json_t *headers = json_object_get(o, "headers");
	const char *name;
	json_t *value;

	if (headers && !json_is_object(headers))
		return "\"headers\" is no object";
	json_object_foreach(headers, name, value) {
		if (!json_is_string(value))
			return "a header is no text";
		request_header(r, span_of(name), text_of(value));
	}
	return NULL;
}

/* What is no text is sent as the JSON it is. */
static const char *read_body(struct ndjson *n, const json_t *o,
    struct request *r)
{
	const json_t *body = json_object_get(o, "body");

	r->body = text_of(body);
	if (!json_is_object(body) && !json_is_array(body))
		return NULL;
	free(n->text.at);
	n->text.at = json_dumps(body, JSON_COMPACT);
	if (!n->text.at)
		return "no memory";
	r->body = span_of(n->text.at);
	return NULL;
}

const char *ndjson_read(struct ndjson *n, struct span line,
    const char *user_key, struct request *r)
{
	const json_t *status;
	const char *why;

	json_decref(n->root);
	n->root = json_loadb(line.at, line.len, 0, NULL);
	if (!json_is_object(n->root))
		return "not an object of JSON";
	r->header_count = 0;
	why = read_time(n->root, r);
	if (!why)
		why = read_target(n->root, r);
	if (!why)
		why = read_headers(n->root, r);
	if (!why)
		why = read_body(n, n->root, r);
	status = json_object_get(n->root, "status");
	r->status = json_is_string(status) ?
	    (int)strtol(json_string_value(status), NULL, 10) :
	    (int)json_integer_value(status);
	r->user = user_of(n, n->root, user_key);
	return why;
}

void ndjson_release(struct ndjson *n)
{
	json_decref(n->root);
	bytes_free(&n->text);
	memset(n, 0, sizeof *n);
}
