/*
 * HTTP archives (HAR 1.2), as browsers and proxies save them.  What a client
 * sets by itself, what belongs to the recorded session and what a cache adds
 * is left out: replayed, it would make every user the same old one.
 */
#include "call.h"

#include <swarm/log.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <jansson.h>

static const char *const left_out[] = {
	"host", "connection", "content-length", "cookie", "accept-encoding",
	"if-none-match", "if-modified-since", "cache-control", "pragma",
	"upgrade-insecure-requests", "te", "priority", NULL,
};

static bool is_left_out(const char *name)
{
	int i;

	if (name[0] == ':' || strncasecmp(name, "sec-", 4) == 0)
		return true;
	for (i = 0; left_out[i]; i++) {
		if (strcasecmp(name, left_out[i]) == 0)
			return true;
	}
	return false;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* "2024-01-31T12:00:00.123Z" as seconds; 0 when it is not one. */
static double time_of(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!rest)
		return 0;
	return (double)timegm(&tm) + (*rest == '.' ? strtod(rest, NULL) : 0);
}

static int read_headers(const json_t *request, struct call *c)
{
	const json_t *headers = json_object_get(request, "headers");
	const json_t *h;
	char line[8192];
	size_t i;

	for (i = 0; i < json_array_size(headers); i++) {
		h = json_array_get(headers, i);
		if (is_left_out(text_of(h, "name")))
			continue;
		if (snprintf(line, sizeof line, "%s: %s", text_of(h, "name"),
		    text_of(h, "value")) >= (int)sizeof line)
			continue;
		if (call_header(c, line) == -1)
			return -1;
	}
	return 0;
}

static bool is_http(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 ||
	    strncasecmp(url, "https://", 8) == 0;
}

static int read_entry(const json_t *entry, struct calls *calls, double *last)
{
	const json_t *request = json_object_get(entry, "request");
	const json_t *post = json_object_get(request, "postData");
	const json_t *body = json_object_get(post, "text");
	double at = time_of(text_of(entry, "startedDateTime"));
	struct call *c;

	if (!is_http(text_of(request, "url")))
		return 0;
	c = call_add(calls);
	call_set(&c->url, text_of(request, "url"));
	call_set(&c->method, text_of(request, "method"));
	if (json_string_length(body) > 0)
		call_body(c, "", json_string_value(body),
		    json_string_length(body));
	if (*last > 0 && at > *last)
		c->pause = at - *last;
	if (at > 0)
		*last = at;
	return read_headers(request, c);
}

int har_read(const char *path, struct calls *calls)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error), *entries;
	double last = 0;
	size_t i;
	int rc = -1;

	if (!root) {
		swarm_error("cannot read %s as an HTTP archive: %s (line %d)",
		    path, error.text, error.line);
		return -1;
	}
	entries = json_object_get(json_object_get(root, "log"), "entries");
	if (!json_is_array(entries)) {
		swarm_error("%s is JSON, but not an HTTP archive: it has no "
		    "log.entries", path);
		goto out;
	}
	for (i = 0; i < json_array_size(entries); i++) {
		if (read_entry(json_array_get(entries, i), calls, &last) == -1)
			goto out;
	}
	if (calls->count == 0) {
		swarm_error("%s has no HTTP request in it", path);
		goto out;
	}
	rc = 0;
out:
	json_decref(root);
	return rc;
}
