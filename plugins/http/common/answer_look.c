/*
 * What scenarios look up in an answer: headers, JSON values, expressions.
 * Nothing is parsed before it is asked for, and a body only once.
 *
 * Compiled expressions are kept for the worker, since compiling one costs more
 * than most bodies take to search; the table is small and replaced in turn.
 */
#include "answer.h"

#include "pulse.h"
#include "sse.h"

#include <swarm/fiber.h>
#include <swarm/log.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>
#include <regex.h>

#define PATTERNS 32
#define GROUPS 10

static char *copy(struct swarm_user *u, const char *text, size_t len)
{
	char *s = swarm_alloc(u, len + 1);

	memcpy(s, text, len);
	s[len] = '\0';
	return s;
}

/* ---- headers ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

const char *answer_next(const char **at, const char *end, const char *name,
    size_t *len)
{
	size_t name_len = strlen(name);
	const char *line = *at, *stop;

	while (line < end) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop)
			stop = end;
		*at = stop < end ? stop + 1 : end;
		if ((size_t)(stop - line) > name_len &&
		    line[name_len] == ':' &&
		    strncasecmp(line, name, name_len) == 0) {
			line += name_len + 1;
			while (line < stop && is_blank(*line))
				line++;
			while (stop > line && is_blank(stop[-1]))
				stop--;
			*len = (size_t)(stop - line);
			return line;
		}
		line = *at;
	}
	return NULL;
}

static const char *nth_value(struct swarm_user *u, const char *lines,
    size_t lines_len, const char *name, unsigned nth)
{
	const char *at = lines, *end = lines + lines_len, *value;
	size_t len;

	do
		value = answer_next(&at, end, name, &len);
	while (value && nth-- > 0);
	return value ? copy(u, value, len) : NULL;
}

const char *answer_header(struct http_response *r, const char *name,
    unsigned nth)
{
	struct answer *a = (struct answer *)r;

	return nth_value(r->user, a->head, a->head_len, name, nth);
}

const char *answer_trailer(struct http_response *r, const char *name)
{
	struct answer *a = (struct answer *)r;

	return nth_value(r->user, a->trailers, a->trailers_len, name, 0);
}

/* ---- JSON ---- */

/* jansson recurses up to 2048 levels deep, as deep as a server likes, which is
 * more than a fiber has room for. */
static void free_json(void *arg)
{
	json_decref(arg);
}

static void drop_json(void *arg)
{
	swarm_deep(free_json, arg);
}

static void load_json(void *arg)
{
	struct answer *a = arg;

	a->json = json_loadb(a->pub.body, a->pub.kept_len,
	    JSON_DECODE_ANY, NULL);
}

struct dump {
	const json_t *value;
	char *text;
};

static void dump_json(void *arg)
{
	struct dump *d = arg;

	d->text = json_dumps(d->value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static json_t *root_of(struct answer *a)
{
	struct http_response *r = &a->pub;

	if (a->json_tried)
		return a->json;
	a->json_tried = true;
	swarm_deep(load_json, a);
	if (a->json)
		swarm_defer(r->user, drop_json, a->json);
	return a->json;
}

/* One step of a path: a key up to "." or "[", or "[n]". */
static json_t *step(json_t *v, const char **path, json_t **made)
{
	const char *at = *path;
	char *end;
	char key[256];
	size_t len;
	json_t *next;

	if (*at == '[') {
		size_t index = strtoul(at + 1, &end, 10);

		if (end == at + 1 || *end != ']')
			return NULL;
		*path = end + 1;
		return json_array_get(v, index);
	}
	if (*at == '.')
		at++;
	len = strcspn(at, ".[");
	if (len == 0 || len >= sizeof key)
		return NULL;
	memcpy(key, at, len);
	key[len] = '\0';
	*path = at + len;
	next = json_object_get(v, key);
	if (!next && json_is_array(v) && strcmp(key, "length") == 0)
		next = *made = json_integer((json_int_t)json_array_size(v));
	return next;
}

/* *made, when not NULL afterwards, is the caller's to drop. */
static json_t *find(struct answer *a, const char *path, json_t **made)
{
	json_t *v = root_of(a);

	*made = NULL;
	while (v && *path)
		v = step(v, &path, made);
	return v;
}

const char *answer_json(struct http_response *r, const char *path)
{
	json_t *made, *v = find((struct answer *)r, path, &made);
	const char *text = NULL;
	struct dump d = { .value = v };

	if (json_is_string(v)) {
		/* Lives as long as the tree, which is the task's. */
		text = json_string_value(v);
	} else if (v) {
		swarm_deep(dump_json, &d);
		if (d.text)
			text = swarm_strdup(r->user, d.text);
		free(d.text);
	}
	json_decref(made);
	return text;
}

double answer_json_number(struct http_response *r, const char *path,
    double otherwise)
{
	json_t *made, *v = find((struct answer *)r, path, &made);
	double number = json_is_number(v) ? json_number_value(v) : otherwise;

	json_decref(made);
	return number;
}

/* ---- events ---- */

static void drop_sse(void *arg)
{
	sse_release(arg);
}

const char answer_event_too_large[] =
    "a server-sent event is larger than 4 MiB";

int answer_event(struct answer *a, struct http_event *event,
    int64_t (*read)(struct http_response *, const char **))
{
	const char *data;
	int64_t n;
	int rc;

	if (!a->sse) {
		a->sse = swarm_alloc(a->pub.user, sizeof *a->sse);
		memset(a->sse, 0, sizeof *a->sse);
		swarm_defer(a->pub.user, drop_sse, a->sse);
	}
	while ((rc = sse_feed(a->sse, &a->event_from, a->event_end)) == 0) {
		n = read(&a->pub, &data);
		if (n <= 0)
			return (int)n;
		a->event_from = data;
		a->event_end = data + n;
		a->event_at = swarm_now();
	}
	if (rc == -1)
		return -2;
	event->event = sse_event(a->sse);
	event->data = sse_data(a->sse, &event->len);
	event->id = sse_id(a->sse);
	event->at = a->event_at;
	if (a->pulse)
		pulse_beat(a->pulse, a->event_at);
	return 1;
}

/* ---- text ---- */

struct pattern {
	char *text;
	regex_t re;
	bool good;
};

static struct pattern patterns[PATTERNS];
static unsigned pattern_turn;

static void pattern_drop(struct pattern *p)
{
	if (p->text && p->good)
		regfree(&p->re);
	free(p->text);
	memset(p, 0, sizeof *p);
}

static const regex_t *compiled(const char *text)
{
	struct pattern *p;
	char why[128];
	int rc;

	for (p = patterns; p < patterns + PATTERNS; p++) {
		if (p->text && strcmp(p->text, text) == 0)
			return p->good ? &p->re : NULL;
	}
	p = &patterns[pattern_turn++ % PATTERNS];
	pattern_drop(p);
	p->text = strdup(text);
	rc = p->text ? regcomp(&p->re, text, REG_EXTENDED) : REG_ESPACE;
	p->good = rc == 0;
	if (rc == 0)
		return &p->re;
	regerror(rc, &p->re, why, sizeof why);
	swarm_error("the expression \"%.200s\" is not valid: %s", text, why);
	return NULL;
}

const char *answer_match(struct http_response *r, const char *pattern,
    unsigned group)
{
	regmatch_t found[GROUPS];
	const regex_t *re = compiled(pattern);

	if (!re || group >= GROUPS || group > re->re_nsub ||
	    regexec(re, r->body, GROUPS, found, 0) != 0 ||
	    found[group].rm_so < 0)
		return NULL;
	return copy(r->user, r->body + found[group].rm_so,
	    (size_t)(found[group].rm_eo - found[group].rm_so));
}

const char *answer_between(struct http_response *r, const char *left,
    const char *right)
{
	const char *from = strstr(r->body, left), *to;

	if (!from)
		return NULL;
	from += strlen(left);
	to = strstr(from, right);
	return to ? copy(r->user, from, (size_t)(to - from)) : NULL;
}

void answer_release(void)
{
	struct pattern *p;

	for (p = patterns; p < patterns + PATTERNS; p++)
		pattern_drop(p);
}
