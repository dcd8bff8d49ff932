/*
 * A chat is an event stream of JSON objects: {"choices": [{"delta":
 * {"content": "text"}}]}, one with "usage" near the end, and "[DONE]".  What
 * the server sends is a stranger's: members of the wrong type are as absent.
 *
 * The request is built and the answer parsed by jansson; at the pace at which
 * models talk this costs nothing that shows.
 */
#include "llm.h"

#include "answer.h"
#include "course.h"
#include "pulse.h"
#include "room.h"

#include <swarm/fiber.h>
#include <swarm/log.h>

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define TEXT_MAX ((size_t)16 * 1024 * 1024)

static const struct http_api *http;

struct chat {
	struct llm_answer pub;          /* first */
	const struct llm_args *args;
	struct swarm_user *user;
	struct pulse pulse;
	int64_t start;
	char name[256];                 /* of the sample */
	char *text;
	size_t cap;
	bool done;                      /* the server has said so */
	char *whole;                    /* an answer that is no stream */
	size_t whole_len;
	size_t whole_cap;
};

void llm_load(const struct http_api *own)
{
	http = own;
}

/* ---- the request ---- */

/* NULL when a text is not UTF-8. */
static json_t *messages_of(const struct llm_args *args)
{
	const struct llm_message one[] = { { "user", args->prompt },
		{ NULL, NULL } };
	const struct llm_message *m = args->messages ? args->messages : one;
	json_t *list = json_array();

	for (; m->role; m++) {
		if (json_array_append_new(list, json_pack("{s:s, s:s}",
		    "role", m->role, "content",
		    m->content ? m->content : "")) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

/* The request's JSON in the task's memory; NULL with *why. */
static const char *request_of(struct chat *c, const char **why)
{
	const struct llm_args *args = c->args;
	json_t *body = json_object(), *extra;
	char *text = NULL;
	const char *kept = NULL;

	*why = ".model, .prompt or .messages is not UTF-8";
	json_object_set_new(body, "model",
	    json_string(args->model ? args->model : ""));
	json_object_set_new(body, "messages", messages_of(args));
	if (args->max_tokens > 0)
		json_object_set_new(body, "max_tokens",
		    json_integer(args->max_tokens));
	if (!args->whole) {
		json_object_set_new(body, "stream", json_true());
		json_object_set_new(body, "stream_options",
		    json_pack("{s:b}", "include_usage", 1));
	}
	extra = args->extra ? json_loads(args->extra, 0, NULL) : json_object();
	if (json_object_update(body, extra) == -1)
		*why = ".extra is no JSON object";
	else
		text = json_dumps(body, JSON_COMPACT);
	/* A string that is not UTF-8 has been left out. */
	if (text && json_object_get(body, "model") &&
	    json_object_get(body, "messages"))
		kept = swarm_strdup(c->user, text);
	free(text);
	json_decref(extra);
	json_decref(body);
	return kept;
}

/* ---- what the server says ---- */

static void add_text(struct chat *c, const char *text, size_t len)
{
	if (len > TEXT_MAX - c->pub.len)
		len = TEXT_MAX - c->pub.len;
	room_for(c->user, &c->text, &c->cap, c->pub.len, len, 512);
	c->pub.text = c->text;
	memcpy(c->text + c->pub.len, text, len);
	c->pub.len += len;
	c->text[c->pub.len] = '\0';
}

static unsigned number_in(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 && n < INT32_MAX ? (unsigned)n : 0;
}

/* One object, whole ("message") or a piece ("delta"): NULL, or the error that
 * it tells. */
static const char *take_object(struct chat *c, const json_t *root,
    const char *part, int64_t now)
{
	const json_t *choice = json_array_get(
	    json_object_get(root, "choices"), 0);
	const json_t *text = json_object_get(
	    json_object_get(choice, part), "content");
	const json_t *usage = json_object_get(root, "usage");
	const json_t *error = json_object_get(root, "error");
	const char *reason = json_string_value(
	    json_object_get(choice, "finish_reason"));

	if (error) {
		const char *kind = json_string_value(
		    json_object_get(error, "type"));

		return swarm_printf(c->user, "the model's server: %.200s",
		    kind ? kind : "error");
	}
	if (json_string_length(text) > 0) {
		if (now)
			pulse_beat(&c->pulse, now);
		add_text(c, json_string_value(text), json_string_length(text));
	}
	if (reason) {
		c->pub.finish_reason = swarm_strdup(c->user, reason);
		c->done = true;
	}
	if (json_is_object(usage)) {
		c->pub.tokens = number_in(usage, "completion_tokens");
		c->pub.prompt_tokens = number_in(usage, "prompt_tokens");
	}
	return NULL;
}

struct said {
	struct chat *chat;
	const char *text;
	size_t len;
	const char *part;
	int64_t now;
	const char *why;
};

static void take_json(void *arg)
{
	struct said *s = arg;
	json_t *root = json_loadb(s->text, s->len, 0, NULL);

	s->why = root ? take_object(s->chat, root, s->part, s->now)
	    : "what the model's server sent is not JSON";
	json_decref(root);
}

/* On the large stack: the server says how deep its JSON is. */
static const char *take_text(struct chat *c, const char *text, size_t len,
    const char *part, int64_t now)
{
	struct said s = { .chat = c, .text = text, .len = len, .part = part,
		.now = now };

	swarm_deep(take_json, &s);
	return s.why;
}

/* Also with the option discard, which is about bodies for scenarios. */
static int keep_whole(void *arg, const void *data, size_t len)
{
	struct chat *c = arg;

	room_for(c->user, &c->whole, &c->whole_cap, c->whole_len, len, 4096);
	memcpy(c->whole + c->whole_len, data, len);
	c->whole_len += len;
	return 0;
}

/* ---- the course of a chat ---- */

/* Reads a stream to its end: NULL, or why it fails. */
static const char *read_stream(struct chat *c)
{
	struct http_response *r = c->pub.response;
	struct http_event e;
	const char *why;
	int rc;

	while ((rc = http->event(r, &e)) == 1) {
		if (strcmp(e.data, "[DONE]") == 0) {
			c->done = true;
			continue;
		}
		why = take_text(c, e.data, e.len, "delta", e.at);
		if (why) {
			http->finish(r);
			return why;
		}
	}
	if (rc == -1)
		return r->error ? r->error : "the answer ended early";
	return c->done ? NULL : "the stream ended before the model was done";
}

static const char *read_whole(struct chat *c)
{
	struct http_response *r = c->pub.response;

	if (c->whole) {
		c->whole[c->whole_len] = '\0';
		r->body = c->whole;
		r->kept_len = c->whole_len;
	}
	return take_text(c, r->body, r->kept_len, "message", 0);
}

static const char *status_error(struct chat *c)
{
	int status = c->pub.response->status;
	const char *words = answer_status_words(status);

	return swarm_printf(c->user, "HTTP %d%s%s", status,
	    *words ? " " : "", words);
}

/* NULL, or why it fails. */
static const char *converse(struct chat *c, const struct http_args *args)
{
	struct http_response *r;
	const char *why = NULL;

	r = c->args->whole ? http->request(c->user, args)
	    : http->open(c->user, args);
	c->pub.response = r;
	if (r->error)
		return r->error;
	if (r->status >= 400) {
		http->finish(r);
		return status_error(c);
	}
	if (c->args->whole)
		return read_whole(c);
	pulse_start(&c->pulse, &pulse_tokens, c->name, c->start, swarm_now());
	why = read_stream(c);
	if (c->pub.tokens == 0)
		c->pub.tokens = c->pulse.count;
	pulse_end(&c->pulse, &pulse_tokens, c->name, c->pub.tokens);
	return why;
}

static void count_tokens(const struct chat *c)
{
	if (c->pub.prompt_tokens > 0)
		swarm_count(swarm_counter("llm_prompt_tokens"),
		    c->pub.prompt_tokens);
	if (c->pub.tokens > 0)
		swarm_count(swarm_counter("llm_tokens"), c->pub.tokens);
}

static void tell_times(struct chat *c)
{
	const struct pulse *p = &c->pulse;

	if (p->first_byte)
		c->pub.first_byte = p->first_byte - c->start;
	if (p->count > 0) {
		c->pub.first_token = p->first - c->start;
		c->pub.last_token = p->last - c->start;
	}
	c->pub.tokens_per_second = pulse_rate(p, c->pub.tokens);
}

static struct chat *new_chat(struct swarm_user *u,
    const struct llm_args *args)
{
	struct llm_args *copy = swarm_alloc(u, sizeof *copy);
	struct chat *c = swarm_alloc(u, sizeof *c);

	memset(copy, 0, sizeof *copy);
	memcpy(copy, args,
	    args->size < sizeof *args ? args->size : sizeof *args);
	memset(c, 0, sizeof *c);
	c->args = copy;
	c->user = u;
	c->start = swarm_now();
	c->pub = (struct llm_answer){ .size = (uint32_t)sizeof c->pub,
		.text = "", .finish_reason = "", .first_byte = -1,
		.first_token = -1, .last_token = -1 };
	return c;
}

struct llm_answer *llm_ask(struct swarm_user *u, const struct llm_args *given)
{
	struct chat *c = new_chat(u, given);
	const struct llm_args *a = c->args;
	struct http_args args = {
		.size = (uint32_t)sizeof args,
		.method = "POST",
		.path = a->path ? a->path : "/v1/chat/completions",
		.name = a->name,
		.bearer = a->key,
		.timeout = a->timeout,
		.catch_response = true,
		.consume = a->whole ? keep_whole : NULL,
		.consume_arg = c,
	};
	const char *why;

	course_name_of(&args, c->name, sizeof c->name);
	args.json = request_of(c, &why);
	if (!args.json) {
		c->pub.response = course_refused(u, &args, c->start, why);
		c->pub.error = why;
		return &c->pub;
	}
	c->pub.error = converse(c, &args);
	tell_times(c);
	count_tokens(c);
	if (c->pub.error)
		http->mark_failed(c->pub.response, "%s", c->pub.error);
	else
		http->mark_ok(c->pub.response);
	return &c->pub;
}
