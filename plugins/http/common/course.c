/*
 * Redirects are followed here and not by a library, so that both providers
 * follow them alike and count them as one sample.
 */
#include "course.h"

#include "fold.h"
#include "pulse.h"
#include "settings.h"
#include "url.h"

#include <swarm/fiber.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TIMEOUT_MAX 1e9                 /* seconds: nobody lives to see more */

/* Of a caller that is older or newer, or that goes on after the call. */
static const struct http_args *copy_args(struct swarm_user *u,
    const struct http_args *args)
{
	struct http_args *copy = swarm_alloc(u, sizeof *copy);

	memset(copy, 0, sizeof *copy);
	memcpy(copy, args,
	    args->size < sizeof *args ? args->size : sizeof *args);
	return copy;
}

const char *course_begin(struct course *c, struct swarm_user *u,
    const struct http_args *args, bool copy)
{
	const char *why;

	if (copy || args->size != sizeof *args)
		args = copy_args(u, args);
	c->args = args;
	c->a.pub.user = u;
	c->person = person_of(u);
	c->discard = (args->discard || settings.discard) && !args->consume;
	c->method = body_method(args);
	c->path = args->path ? args->path : "/";
	why = body_check(args);
	if (why)
		return why;
	if (body_build(u, args, &c->body) == -1)
		return c->body.error;
	c->path = body_path(u, c->path, args->query);
	if (!url_is_absolute(c->path)) {
		c->base = person_target(u, c->person, &why);
		if (!c->base) {
			answer_no_target(u, why);
			return why;
		}
	}
	if (!args->auth || strcmp(args->auth, "basic") == 0)
		c->authorization = body_authorization(u, args);
	if (!c->authorization && !args->user && c->base && c->base->user)
		c->authorization = body_basic(u, c->base->user,
		    c->base->user_len);
	return NULL;
}

void course_start(struct course *c, uint32_t series, int64_t start)
{
	double timeout = c->args->timeout > 0 ? c->args->timeout
	    : settings.timeout;

	c->deadline = timeout > 0 && timeout < TIMEOUT_MAX
	    ? start + (int64_t)(timeout * 1e9) : SWARM_FOREVER;
	answer_init(&c->a, c->a.pub.user, series, start, c->args);
}

void course_refuse(struct course *c, int64_t start, const char *why)
{
	char name[256];

	course_name_of(c->args, name, sizeof name);
	course_start(c, swarm_series(c->method, name), start);
	c->a.expect = NULL;
	answer_end(&c->a, swarm_now(), why);
}

struct http_response *course_refused(struct swarm_user *u,
    const struct http_args *args, int64_t start, const char *why)
{
	struct course *c = swarm_alloc(u, sizeof *c);

	memset(c, 0, sizeof *c);
	course_begin(c, u, args, true);
	course_refuse(c, start, why);
	return &c->a.pub;
}

void course_name_of(const struct http_args *args, char *out, size_t size)
{
	if (args->name)
		snprintf(out, size, "%s", args->name);
	else
		fold_name(args->path ? args->path : "", settings.fold, out,
		    size);
}

static void finish(void *arg)
{
	struct course *c = arg;

	c->finish(&c->a.pub);
}

void course_opened(struct course *c, int (*end)(struct http_response *))
{
	char name[256];

	c->finish = end;
	swarm_defer(c->a.pub.user, finish, c);
	if (!c->args->measure)
		return;
	course_name_of(c->args, name, sizeof name);
	c->a.pulse = swarm_alloc(c->a.pub.user, sizeof *c->a.pulse);
	pulse_start(c->a.pulse, &pulse_pieces, name, c->a.timer.start,
	    swarm_now());
}

void course_piece(struct course *c)
{
	/* Events are counted, not what they came in. */
	if (c->a.pulse && !c->a.sse)
		pulse_beat(c->a.pulse, swarm_now());
}

const char *course_url(struct course *c)
{
	const struct origin *o;
	size_t len, room;
	char *url;

	if (!c->base)
		return c->path;
	o = c->base->origin;
	/* A byte becomes three at most. */
	room = 3 * (c->base->prefix_len + strlen(c->path)) + 2;
	url = swarm_alloc(c->a.pub.user, o->url_len + room);
	memcpy(url, o->url, o->url_len);
	len = url_put_path(c->base->prefix, c->base->prefix_len, c->path,
	    url + o->url_len, room - 1);
	url[o->url_len + len] = '\0';
	return url;
}

bool course_is_withheld(const struct course *c, const char *header)
{
	static const char *const personal[] = { "Authorization", "Cookie",
		"Host", NULL };
	static const char *const of_body[] = { "Content-Type",
		"Content-Length", "Content-Encoding", "Transfer-Encoding",
		"Expect", NULL };
	int i;

	for (i = 0; c->foreign && personal[i]; i++) {
		if (strcasecmp(header, personal[i]) == 0)
			return true;
	}
	for (i = 0; c->bodiless && of_body[i]; i++) {
		if (strcasecmp(header, of_body[i]) == 0)
			return true;
	}
	return false;
}

bool course_redirected(const struct course *c, size_t location_len)
{
	return location_len > 0 && !c->args->no_redirects &&
	    answer_redirects(c->a.pub.status, c->method);
}

const char *course_follow(struct course *c, const char *location, size_t len)
{
	struct http_response *r = &c->a.pub;
	const char *from = course_url(c);
	char *text, *url;

	if ((int)r->redirects >= settings.max_redirects)
		return "too many redirects";
	if (len >= URL_MAX)
		return "a redirect to a URL longer than 8 KiB";
	/* Not on the stack: fibers have little of it. */
	text = swarm_alloc(r->user, len + 1);
	url = swarm_alloc(r->user, URL_MAX);
	memcpy(text, location, len);
	text[len] = '\0';
	if (url_join(from, text, url, URL_MAX) == -1)
		return "a redirect to no http URL";
	if (answer_drops_body(r->status, c->method)) {
		c->body = (struct body){ 0 };
		c->method = "GET";
		c->bodiless = true;
	}
	if (c->args->produce && c->body.present)
		return "a redirect of a body that cannot be sent again";
	/* Credentials are for the server they were given for. */
	if (!url_same_server(from, url)) {
		c->authorization = NULL;
		c->foreign = true;
	}
	c->base = NULL;
	c->path = url;
	r->redirects++;
	/* What has answered so far is not the answer, should none come. */
	r->status = 0;
	r->version = "";
	c->a.head = NULL;
	c->a.head_len = 0;
	c->a.trailers = NULL;
	c->a.trailers_len = 0;
	r->len = 0;
	r->body = answer_no_body;
	r->times = answer_no_times;
	r->resumed = false;
	return NULL;
}

void course_end(struct course *c, int64_t now, const char *error)
{
	char name[256];

	answer_end(&c->a, now, error);
	if (!settings.phases && !c->a.pulse)
		return;
	course_name_of(c->args, name, sizeof name);
	if (settings.phases)
		answer_observe(&c->a, name);
	if (c->a.pulse)
		pulse_end(c->a.pulse, &pulse_pieces, name, c->a.pulse->count);
	c->a.pulse = NULL;
}
