/*
 * The course of a call: target, connection, request, answer, and again when a
 * kept connection turned out dead or the answer sends us elsewhere.
 *
 * A server may close a connection that has been idle at any moment, also the
 * one in which the next request is on its way.  When nothing has come back on
 * a connection that had been used before, and the request may be repeated
 * without harm (RFC 9110, 9.2.2), it is sent once more on another connection;
 * both count as one sample.
 */
#include "exchange.h"

#include "settings.h"
#include "template.h"
#include "url.h"

#include <swarm/fiber.h>
#include <swarm/net.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct template *exchange_template(struct exchange *x, const char **why)
{
	if (!x->template)
		x->template = template_get(x->base, x->method, x->path,
		    x->args->name, why);
	return x->template;
}

static struct parse_memo memo;

/* ---- connections ---- */

static const char *source_for(const struct swarm_user *u, char *out,
    size_t size)
{
	const char *at = settings.source;
	size_t n = 1, len;
	unsigned turn;

	if (!at || !*at)
		return NULL;
	for (; *at; at++)
		n += *at == ',';
	turn = swarm_user_id((struct swarm_user *)(uintptr_t)u) % (unsigned)n;
	for (at = settings.source; turn > 0; turn--)
		at = strchr(at, ',') + 1;
	len = strcspn(at, ",");
	snprintf(out, size, "%.*s", (int)len, at);
	return out;
}

/* "host:port", "[v6]:port" or "unix:/path" instead of the URL's server. */
static void redirect_connect(struct swarm_connect_args *c, char *host,
    size_t size)
{
	const char *to = settings.connect_to;
	const char *colon;

	if (!to || !*to)
		return;
	c->server_name = c->host;
	c->host = to;
	colon = strrchr(to, ':');
	if (strncmp(to, "unix:", 5) == 0 || !colon)
		return;
	if (to[0] == '[')
		snprintf(host, size, "%.*s", (int)(colon - to - 2), to + 1);
	else
		snprintf(host, size, "%.*s", (int)(colon - to), to);
	c->host = host;
	c->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

static void note_connection(struct exchange *x)
{
	const struct swarm_connect_times *t =
	    swarm_stream_times(x->conn->stream);
	struct http_times *out = &x->a.pub.times;
	int64_t from = t->start;

	if (t->resolved) {
		out->resolve = t->resolved - from;
		from = t->resolved;
	}
	out->connect = t->connected - from;
	if (t->secured)
		out->tls = t->secured - t->connected;
}

/* A fresh connection; NULL with *error. */
static struct connection *connect_new(struct exchange *x,
    struct origin *origin, const char **error)
{
	struct swarm_user *u = x->a.pub.user;
	char why[128], source[64], host[256];
	struct swarm_connect_args args = {
		.size = sizeof args,
		.host = origin->host,
		.port = origin->port,
		.deadline = x->deadline,
		.source = source_for(u, source, sizeof source),
	};
	struct swarm_stream *stream;
	struct connection *c;

	redirect_connect(&args, host, sizeof host);
	if (settings.connect_timeout > 0 &&
	    swarm_in(settings.connect_timeout) < args.deadline)
		args.deadline = swarm_in(settings.connect_timeout);
	if (origin->https) {
		args.tls = settings_tls();
		args.session = session_tls(x->session, origin);
		if (!args.tls) {
			*error = "TLS: the options ca, cert or key cannot be "
			    "used";
			return NULL;
		}
	}
	stream = swarm_connect(&args, why, sizeof why);
	if (!stream) {
		*error = swarm_strdup(u, why);
		return NULL;
	}
	c = calloc(1, sizeof *c);
	if (!c) {
		swarm_close(stream);
		*error = "out of memory";
		return NULL;
	}
	c->stream = stream;
	c->origin = origin;
	return c;
}

/* ---- one request and its answer ---- */

static bool may_repeat(const struct exchange *x)
{
	static const char *const safe[] = { "GET", "HEAD", "OPTIONS", "PUT",
		"DELETE", "TRACE", NULL };
	int i;

	if (!settings.retry || x->args->produce)
		return false;
	for (i = 0; safe[i]; i++) {
		if (strcmp(x->method, safe[i]) == 0)
			return true;
	}
	return false;
}

static const char *write_error(struct exchange *x, int error)
{
	if (error == ETIMEDOUT)
		return "timed out";
	if (error == ECANCELED)
		return "cancelled";
	return swarm_printf(x->a.pub.user, "write: %s", strerror(error));
}

/* Sends and receives on x->conn; NULL, or what failed.  *lost: the connection
 * ended before any byte of an answer. */
static const char *try_once(struct exchange *x, bool head, bool *lost)
{
	const char *why = NULL, *error;

	*lost = false;
	parse_start(&x->parse, strcmp(x->method, "HEAD") == 0);
	if (send_request(x, &why) == -1) {
		if (why)
			return why;
		*lost = errno == EPIPE || errno == ECONNRESET;
		why = write_error(x, errno);
		/* A server that refuses a large body may have said why. */
		if (*lost && x->body.present &&
		    receive_answer(x, head, &error) == 0) {
			x->parse.keep_alive = false;
			return NULL;
		}
		return why;
	}
	x->conn->requests++;
	if (receive_answer(x, head, &error) == 0)
		return NULL;
	*lost = !x->parse.started && errno == ECONNRESET;
	return error;
}

static const char *transact(struct exchange *x, bool head)
{
	const struct template *t;
	const char *error = NULL;
	struct origin *origin;
	bool lost;

	t = exchange_template(x, &error);
	if (!t)
		return error;
	origin = t->origin;
	x->sent = x->first_byte = 0;
	x->a.pub.reused = false;
	x->conn = session_take(x->session, origin);
	if (x->conn) {
		x->a.pub.reused = true;
		error = try_once(x, head, &lost);
		if (!error || !lost || !may_repeat(x))
			return error;
		session_drop(x->conn);
		x->a.pub.reused = false;
	}
	x->template = NULL;
	x->conn = connect_new(x, origin, &error);
	if (!x->conn)
		return error;
	note_connection(x);
	x->sent = swarm_now();
	return try_once(x, head, &lost);
}

/* ---- what the answer changes ---- */

static void take_cookies(struct exchange *x)
{
	struct cookie_place from = {
		.host = x->conn->origin->host,
		.https = x->conn->origin->https,
		.now = time(NULL),
	};
	const struct template *t;
	const char *value, *why;
	char path[1024];
	unsigned i;

	t = exchange_template(x, &why);
	if (!t)
		return;
	from.path = template_path(t, x->method, path, sizeof path);
	for (i = 0; (value = answer_header(&x->a.pub, "Set-Cookie", i)); i++)
		jar_set(&x->session->jar, &from, value, strlen(value));
}

/* The whole URL of the request, for redirects and for people. */
static const char *url_of(struct exchange *x)
{
	struct swarm_user *u = x->a.pub.user;
	char path[URL_MAX];
	struct origin *o;
	size_t len;

	if (!x->base)
		return x->path;
	o = x->base->origin;
	len = url_put_path(x->base->prefix, x->base->prefix_len, x->path,
	    path, sizeof path);
	return swarm_printf(u, "http%s://%s%.*s", o->https ? "s" : "",
	    o->header, (int)len, path);
}

static bool is_redirect(const struct exchange *x)
{
	return !x->args->no_redirects && x->location_len > 0 &&
	    answer_redirects(x->a.pub.status, x->method);
}

/* Gives the connection back, or closes it. */
static void let_go(struct exchange *x)
{
	struct connection *c = x->conn;

	if (!c)
		return;
	x->conn = NULL;
	if (x->parse.keep_alive && settings.keepalive)
		session_keep(x->session, c);
	else
		session_drop(c);
}

static void drop_body(struct exchange *x)
{
	x->body = (struct body){ 0 };
	x->method = "GET";
}

/* Turns to where the answer points; NULL, or what is wrong with it. */
static const char *follow(struct exchange *x)
{
	struct http_response *r = &x->a.pub;
	const char *from = url_of(x);
	char location[URL_MAX], url[URL_MAX];

	if ((int)r->redirects >= settings.max_redirects)
		return "too many redirects";
	snprintf(location, sizeof location, "%.*s",
	    (int)x->location_len, x->location);
	if (url_join(from, location, url, sizeof url) == -1)
		return "a redirect to no http URL";
	if (answer_drops_body(r->status, x->method))
		drop_body(x);
	if (x->args->produce && x->body.present)
		return "a redirect of a body that cannot be sent again";
	/* Credentials are for the server they were given for. */
	if (!url_same_server(from, url))
		x->authorization = NULL;
	let_go(x);
	inflate_give(x->inflate);
	x->inflate = NULL;
	x->template = NULL;
	x->base = NULL;
	x->path = swarm_strdup(r->user, url);
	r->redirects++;
	r->len = 0;
	r->body = "";
	x->kept = NULL;
	x->kept_cap = 0;
	r->times = answer_no_times;
	return NULL;
}

/* ---- the call ---- */

/* What the sample is called. */
static const char *sample_name(const struct exchange *x, char *folded,
    size_t size)
{
	if (x->args->name)
		return x->args->name;
	fold_name(x->args->path ? x->args->path : "", settings.fold, folded,
	    size);
	return folded;
}

void exchange_end(struct exchange *x, const char *error)
{
	int64_t now = swarm_now();
	struct http_times *t = &x->a.pub.times;
	int64_t sent = x->sent ? x->sent : x->a.timer.start;
	int64_t first = x->first_byte ? x->first_byte : now;
	char folded[256];

	if (x->a.ended)
		return;
	if (!error || x->parse.started) {
		t->wait = first - sent;
		t->receive = now - first;
	}
	if (error)
		x->parse.keep_alive = false;
	let_go(x);
	inflate_give(x->inflate);
	x->inflate = NULL;
	parse_release(&x->parse);
	free(x->piece);
	x->piece = NULL;
	answer_end(&x->a, now, error);
	if (settings.phases)
		answer_observe(&x->a, sample_name(x, folded, sizeof folded));
}

/* The course of the call, up to the end or (open) to the headers. */
static void run(struct exchange *x)
{
	const char *error;

	for (;;) {
		error = transact(x, x->opened);
		if (!error && x->parse.facts.has_cookies && settings.cookies)
			take_cookies(x);
		if (error || !is_redirect(x))
			break;
		/* Its body is not worth reading. */
		if (x->opened)
			x->parse.keep_alive = false;
		error = follow(x);
		if (error)
			break;
	}
	x->a.pub.url = x->path;
	if (error || !x->opened) {
		exchange_end(x, error);
		return;
	}
	x->first_byte = swarm_now();
}

/* The sample of a call that cannot be made. */
static void refuse(struct exchange *x, int64_t start, const char *why)
{
	char folded[256];

	answer_init(&x->a, x->a.pub.user, swarm_series(x->method,
	    sample_name(x, folded, sizeof folded)), start, x->args);
	x->a.expect = NULL;
	answer_end(&x->a, swarm_now(), why);
}

/* What does not need the network; NULL, or why the call cannot be made. */
static const char *prepare(struct exchange *x)
{
	struct swarm_user *u = x->a.pub.user;
	const char *why = body_check(x->args);

	if (why)
		return why;
	if (x->args->auth && strcmp(x->args->auth, "basic") != 0)
		return "only basic authentication is possible here: run with "
		    "--plugin http";
	if (body_build(u, x->args, &x->body) == -1)
		return x->body.error;
	x->path = body_path(u, x->path, x->args->query);
	if (!url_is_absolute(x->path)) {
		x->base = session_target(u, x->session, &why);
		if (!x->base) {
			answer_no_target(u, why);
			return why;
		}
	}
	x->authorization = body_authorization(u, x->args);
	if (!x->authorization && x->base && x->base->user)
		x->authorization = body_basic(u, x->base->user,
		    x->base->user_len);
	return NULL;
}

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

static struct exchange *start(struct swarm_user *u,
    const struct http_args *args, bool keep)
{
	struct exchange *x = swarm_alloc(u, sizeof *x);
	int64_t now = swarm_now();
	const struct template *t;
	const char *why;
	double timeout;

	memset(x, 0, offsetof(struct exchange, parse));
	parse_init(&x->parse, &memo);
	x->parse.keep_alive = x->parse.started = false;
	x->args = args;
	if (keep || args->size != sizeof *args)
		x->args = copy_args(u, args);
	x->discard = x->args->discard || settings.discard;
	x->a.pub.user = u;
	x->session = session_of(u);
	x->method = body_method(x->args);
	x->path = x->args->path ? x->args->path : "/";
	why = prepare(x);
	t = why ? NULL : exchange_template(x, &why);
	if (!t) {
		refuse(x, now, why);
		return x;
	}
	timeout = x->args->timeout > 0 ? x->args->timeout : settings.timeout;
	x->deadline = timeout > 0 ? now + (int64_t)(timeout * 1e9)
	    : SWARM_FOREVER;
	answer_init(&x->a, u, t->series, now, x->args);
	return x;
}

struct http_response *exchange_request(struct swarm_user *u,
    const struct http_args *args)
{
	struct exchange *x = start(u, args, false);

	if (!x->a.ended)
		run(x);
	return &x->a.pub;
}

static void finish_open(void *arg)
{
	receive_finish(arg);
}

struct http_response *exchange_open(struct swarm_user *u,
    const struct http_args *args)
{
	struct exchange *x = start(u, args, true);

	if (x->a.ended)
		return &x->a.pub;
	x->opened = true;
	x->piece = malloc(EXCHANGE_PIECE);
	if (!x->piece) {
		exchange_end(x, "out of memory");
		return &x->a.pub;
	}
	run(x);
	/* The sample ends with the task at the latest. */
	if (!x->a.ended)
		swarm_defer(u, finish_open, &x->a.pub);
	return &x->a.pub;
}
