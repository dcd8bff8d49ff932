/*
 * Regular expressions are compiled once and kept in a small table by their
 * text: a scenario has a handful.  When more are in use the table's oldest
 * makes room.
 */
#include "match.h"

#include <swarm/fiber.h>

#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 32

static struct kept {
	char *text;
	regex_t regex;
} kept[KEPT];

static unsigned next_kept;

static const regex_t *find(const char *text)
{
	for (unsigned i = 0; i < KEPT; i++) {
		if (kept[i].text && strcmp(kept[i].text, text) == 0)
			return &kept[i].regex;
	}
	return NULL;
}

static void forget(struct kept *k)
{
	if (!k->text)
		return;
	regfree(&k->regex);
	free(k->text);
	k->text = NULL;
}

static const regex_t *compile(const char *text)
{
	struct kept *k = &kept[next_kept];
	const regex_t *found = find(text);

	if (found)
		return found;
	forget(k);
	if (regcomp(&k->regex, text, REG_EXTENDED | REG_NOSUB) != 0)
		return NULL;
	k->text = strdup(text);
	if (!k->text) {
		regfree(&k->regex);
		return NULL;
	}
	next_kept = (next_kept + 1) % KEPT;
	return &k->regex;
}

void match_release(void)
{
	for (unsigned i = 0; i < KEPT; i++)
		forget(&kept[i]);
	next_kept = 0;
}

const char *match_check(const struct ws_match *m)
{
	if (m->equals && !m->json)
		return "match: .equals needs .json";
	if (m->json && !*m->json)
		return "match: .json is empty";
	if (m->regex && !compile(m->regex))
		return "match: the regular expression is wrong";
	return NULL;
}

static const json_t *member(const json_t *at, const char *name, size_t len)
{
	char key[256];
	char *end;
	size_t index;

	if (len >= sizeof key)
		return NULL;
	memcpy(key, name, len);
	key[len] = 0;
	if (json_is_object(at))
		return json_object_get(at, key);
	if (!json_is_array(at) || key[0] < '0' || key[0] > '9')
		return NULL;
	index = strtoul(key, &end, 10);
	return *end ? NULL : json_array_get(at, index);
}

static bool has_value(const json_t *v, const char *wanted)
{
	char *text;
	bool same;

	if (json_is_string(v))
		return strcmp(json_string_value(v), wanted) == 0;
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	same = text && strcmp(text, wanted) == 0;
	free(text);
	return same;
}

struct question {
	const struct ws_match *match;
	const struct ws_message *message;
	bool holds;
};

static void ask_json(void *arg)
{
	struct question *q = arg;
	json_t *root = json_loadb(q->message->data, q->message->len,
	    JSON_DECODE_ANY, NULL);
	const json_t *at = root;
	const char *path = q->match->json;

	while (at && *path) {
		size_t n = strcspn(path, ".");

		at = member(at, path, n);
		path += n + (path[n] == '.');
	}
	q->holds = at && (!q->match->equals ||
	    has_value(at, q->match->equals));
	json_decref(root);
}

/* On the large stack: the server says how deep its JSON is. */
static bool json_holds(const struct ws_match *m, const struct ws_message *msg)
{
	struct question q = { .match = m, .message = msg };

	swarm_deep(ask_json, &q);
	return q.holds;
}

/* regexec() takes text up to a NUL, which every message has at its end. */
static bool regex_holds(const char *text, const struct ws_message *msg)
{
	const regex_t *r = compile(text);

	return r && regexec(r, msg->data, 0, NULL, 0) == 0;
}

bool match_holds(const struct ws_match *m, const struct ws_message *msg)
{
	if (m->text && (strlen(m->text) != msg->len ||
	    memcmp(m->text, msg->data, msg->len) != 0))
		return false;
	if (m->contains && !memmem(msg->data, msg->len, m->contains,
	    strlen(m->contains)))
		return false;
	if (m->regex && !regex_holds(m->regex, msg))
		return false;
	if (m->json && !json_holds(m, msg))
		return false;
	return !m->fn || m->fn(msg, m->arg);
}
