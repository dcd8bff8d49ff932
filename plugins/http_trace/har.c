/* See the header. */
#include "har.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "date.h"
#include "lines.h"

#define KEY_MAX 16                      /* longer ones are not ours */
#define DEPTH   3                       /* { "log": { "entries": [ */

struct har {
	struct lines *in;
	struct bytes text;
	json_t *entry;
	uint64_t number;
	bool inside;                    /* the array has begun */
	bool ended;
};

struct har *har_open(const char *path)
{
	struct har *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->in = lines_open(path);
	if (h->in)
		return h;
	free(h);
	return NULL;
}

void har_close(struct har *h)
{
	if (!h)
		return;
	lines_close(h->in);
	json_decref(h->entry);
	bytes_free(&h->text);
	free(h);
}

uint64_t har_number(const struct har *h)
{
	return h->number;
}

/* ---- where entries are ---- */

/* To the end of a string whose quote was read; its first bytes in `key`. */
static bool read_string(struct har *h, char key[KEY_MAX])
{
	size_t n = 0;
	int c;

	while ((c = lines_char(h->in)) != '"') {
		if (c == '\\')
			c = lines_char(h->in) == -1 ? -1 : '\\';
		if (c == -1)
			return false;
		if (n < KEY_MAX - 1)
			key[n++] = (char)c;
	}
	key[n] = '\0';
	return true;
}

/* Behind the bracket of log.entries; false when there is none. */
static bool find_entries(struct har *h)
{
	char keys[DEPTH + 1][KEY_MAX] = { "" };
	char last[KEY_MAX] = "";
	int depth = 0, c;

	while ((c = lines_char(h->in)) != -1) {
		if (c == '"' && !read_string(h, last))
			return false;
		if (c == ':' && depth <= DEPTH)
			memcpy(keys[depth], last, KEY_MAX);
		if (c == '[' && depth == 2 && strcmp(keys[1], "log") == 0 &&
		    strcmp(keys[2], "entries") == 0)
			return true;
		if (c == '{' || c == '[')
			depth++;
		if (c == '}' || c == ']')
			depth--;
		if (depth < 0)
			return false;
	}
	return false;
}

/* The text of an object whose brace was read.  0; 2: too large, and skipped;
 * -1: the file ends in it. */
static int read_object(struct har *h)
{
	int depth = 1, c;
	bool in_string = false, escaped = false, fits = true;
	char one = '{';

	h->text.len = 0;
	for (;;) {
		fits = fits && h->text.len < HAR_ENTRY_MAX &&
		    bytes_add(&h->text, &one, 1) == 0;
		if (depth == 0)
			return fits ? 0 : 2;
		c = lines_char(h->in);
		if (c == -1)
			return -1;
		one = (char)c;
		if (escaped)
			escaped = false;
		else if (in_string && c == '\\')
			escaped = true;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			depth++;
		else if (!in_string && (c == '}' || c == ']'))
			depth--;
	}
}

static int broken(struct har *h, const char **why, const char *what)
{
	const char *error = lines_error(h->in);

	h->ended = true;
	*why = error ? error : what;
	return -1;
}

int har_next(struct har *h, const json_t **entry, const char **why)
{
	int c, rc;

	json_decref(h->entry);
	h->entry = NULL;
	if (h->ended)
		return 0;
	if (!h->inside && !find_entries(h))
		return broken(h, why, "no log.entries: not an HTTP archive");
	h->inside = true;
	do
		c = lines_char(h->in);
	while (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',');
	if (c == ']') {
		h->ended = true;
		return 0;
	}
	h->number++;
	if (c == -1)
		return broken(h, why, "it ends before the end of its entries");
	if (c != '{')
		return broken(h, why, "an entry is no object");
	rc = read_object(h);
	if (rc == -1)
		return broken(h, why, "it ends within an entry");
	*why = "the entry is larger than 64 MiB";
	if (rc == 2)
		return 2;
	h->entry = json_loadb(h->text.at, h->text.len, 0, NULL);
	*why = "the entry is no JSON";
	*entry = h->entry;
	return json_is_object(h->entry) ? 1 : 2;
}

/* ---- what is in one ---- */

bool har_keeps_header(const char *name)
{
	static const char *const left_out[] = { "host", "connection",
		"content-length", "cookie", "accept-encoding",
		"if-none-match", "if-modified-since", "cache-control",
		"pragma", "upgrade-insecure-requests", "te", "priority",
		"transfer-encoding", "expect", NULL };
	int i;

	if (name[0] == ':' || strncasecmp(name, "sec-", 4) == 0)
		return false;
	for (i = 0; left_out[i]; i++) {
		if (strcasecmp(name, left_out[i]) == 0)
			return false;
	}
	return true;
}

static struct span text_of(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return json_is_string(v) ? (struct span){ json_string_value(v),
		json_string_length(v) } : (struct span){ "", 0 };
}

bool har_user_key_is_known(const char *key)
{
	return strcmp(key, "all") == 0 || strcmp(key, "page") == 0 ||
	    strcmp(key, "connection") == 0 || strcmp(key, "none") == 0 ||
	    (strncmp(key, "cookie:", 7) == 0 && key[7] != '\0');
}

static struct span cookie_of(const json_t *request, const char *name)
{
	const json_t *cookies = json_object_get(request, "cookies");
	size_t i;

	for (i = 0; i < json_array_size(cookies); i++) {
		const json_t *one = json_array_get(cookies, i);

		if (span_is(text_of(one, "name"), name))
			return text_of(one, "value");
	}
	return (struct span){ "", 0 };
}

static struct span user_of(const json_t *entry, const char *key)
{
	if (!key || strcmp(key, "all") == 0)
		return SPAN("all");
	if (strcmp(key, "page") == 0)
		return text_of(entry, "pageref");
	if (strcmp(key, "connection") == 0)
		return text_of(entry, "connection");
	if (strcmp(key, "none") == 0)
		return (struct span){ "", 0 };
	return cookie_of(json_object_get(entry, "request"), key + 7);
}

const char *har_request(const json_t *entry, const char *user_key,
    struct request *r)
{
	const json_t *request = json_object_get(entry, "request");
	const json_t *headers = json_object_get(request, "headers");
	struct span name;
	size_t i;

	r->header_count = 0;
	r->method = text_of(request, "method");
	r->target = text_of(request, "url");
	r->body = text_of(json_object_get(request, "postData"), "text");
	r->status = (int)json_integer_value(json_object_get(
	    json_object_get(entry, "response"), "status"));
	r->user = user_of(entry, user_key);
	if (r->target.len < 7 || (strncasecmp(r->target.at, "http://", 7) != 0 &&
	    strncasecmp(r->target.at, "https://", 8) != 0))
		return "not a URL of HTTP";
	for (i = 0; i < json_array_size(headers); i++) {
		name = text_of(json_array_get(headers, i), "name");
		if (name.len > 0 && har_keeps_header(name.at))
			request_header(r, name,
			    text_of(json_array_get(headers, i), "value"));
	}
	return NULL;
}

int har_time(const json_t *entry, int64_t *ns)
{
	int64_t resolution;

	return date_iso(text_of(entry, "startedDateTime"), ns, &resolution);
}
