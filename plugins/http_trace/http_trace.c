/*
 * Traces of HTTP for `swarm replay`: access logs, lines of JSON, and HTTP
 * archives, gzip'ed or not.  A module of its own beside the providers of
 * "swarm.http/1", so that either of them can send what is read here.
 */
#include <swarm/http.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/stats.h>
#include <swarm/trace.h>
#include <swarm/user.h>
#include <swarm/version.h>

#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "har.h"
#include "lines.h"
#include "ndjson.h"

#define PROBED 20                       /* lines looked at */

/* Of every format; each uses what it needs. */
struct reader {
	struct lines *lines;
	struct har *har;
	struct ndjson json;
	struct bytes scratch;
	struct bytes packed;
	const char *user_key;
	enum access_user user;
	const char *path;
};

static void close_reader(void *trace)
{
	struct reader *r = trace;

	if (!r)
		return;
	lines_close(r->lines);
	har_close(r->har);
	ndjson_release(&r->json);
	bytes_free(&r->scratch);
	bytes_free(&r->packed);
	free(r);
}

static struct reader *new_reader(const struct swarm_trace_open *o)
{
	struct reader *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->path = o->path;
	r->user_key = o->user_key;
	return r;
}

static void *open_lines(const struct swarm_trace_open *o)
{
	struct reader *r = new_reader(o);

	if (r)
		r->lines = lines_open(o->path);
	if (r && r->lines)
		return r;
	swarm_error("cannot read %s: %m", o->path);
	free(r);
	return NULL;
}

static void *open_access(const struct swarm_trace_open *o)
{
	struct reader *r;
	enum access_user user = ACCESS_ADDR;

	if (o->user_key && access_user_parse(o->user_key, &user) == -1) {
		swarm_error("--user-key %s: of an access log it is addr, user, "
		    "agent (address and browser) or none", o->user_key);
		return NULL;
	}
	r = open_lines(o);
	if (r)
		r->user = user;
	return r;
}

static void *open_har(const struct swarm_trace_open *o)
{
	struct reader *r;

	if (o->user_key && !har_user_key_is_known(o->user_key)) {
		swarm_error("--user-key %s: of an HTTP archive it is all, "
		    "page, connection, cookie:NAME or none", o->user_key);
		return NULL;
	}
	r = new_reader(o);
	if (r)
		r->har = har_open(o->path);
	if (r && r->har)
		return r;
	swarm_error("cannot read %s: %m", o->path);
	free(r);
	return NULL;
}

/* ---- events ---- */

static const char *type_of(const struct request *q)
{
	static const char *const known[] = { "GET", "HEAD", "OPTIONS",
		"POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT" };
	size_t i;

	for (i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (span_is(q->method, known[i]))
			return known[i];
	}
	return "other";
}

static enum swarm_trace_result skip(struct swarm_trace_event *e,
    const char *why)
{
	e->why = why;
	return SWARM_TRACE_SKIP;
}

static enum swarm_trace_result event(struct reader *r,
    const struct request *q, struct swarm_trace_event *e)
{
	const char *why = request_pack(q, &r->packed);

	if (why)
		return skip(e, why);
	if (q->user.len > SWARM_TRACE_USER_MAX)
		return skip(e, "the user's name is longer than 1 KiB");
	e->time = q->time;
	e->resolution = q->resolution;
	e->flags = request_is_safe(q) ? 0 : SWARM_TRACE_CHANGES;
	e->user = q->user.at;
	e->user_len = q->user.len;
	e->type = type_of(q);
	e->payload = r->packed.at;
	e->payload_len = r->packed.len;
	return SWARM_TRACE_EVENT;
}

/* The next line with anything in it. */
static enum swarm_trace_result next_line(struct reader *r, struct span *line,
    struct swarm_trace_event *e)
{
	bool too_long;
	int rc;

	do
		rc = lines_next(r->lines, line, &too_long);
	while (rc == 1 && line->len == 0 && !too_long);
	e->place = lines_number(r->lines);
	if (rc == -1) {
		const char *why = lines_error(r->lines);

		swarm_error("%s, behind line %llu: %s", r->path,
		    (unsigned long long)e->place, why ? why : "no memory");
		return SWARM_TRACE_ERROR;
	}
	if (rc == 0)
		return SWARM_TRACE_END;
	return too_long ? skip(e, "the line is longer than 1 MiB") :
	    SWARM_TRACE_EVENT;
}

static const char *read_access(struct reader *r, struct span line,
    struct request *q)
{
	return access_read(line, r->user, q, &r->scratch);
}

static const char *read_json(struct reader *r, struct span line,
    struct request *q)
{
	return ndjson_read(&r->json, line, r->user_key, q);
}

static enum swarm_trace_result next_of(struct reader *r,
    struct swarm_trace_event *e, const char *(*read)(struct reader *,
    struct span, struct request *))
{
	struct span line;
	enum swarm_trace_result rc = next_line(r, &line, e);
	struct request q;
	const char *why;

	if (rc != SWARM_TRACE_EVENT)
		return rc;
	why = read(r, line, &q);
	return why ? skip(e, why) : event(r, &q, e);
}

static enum swarm_trace_result next_access(void *trace,
    struct swarm_trace_event *e)
{
	return next_of(trace, e, read_access);
}

static enum swarm_trace_result next_json(void *trace,
    struct swarm_trace_event *e)
{
	return next_of(trace, e, read_json);
}

static enum swarm_trace_result next_har(void *trace,
    struct swarm_trace_event *e)
{
	struct reader *r = trace;
	const json_t *entry = NULL;
	struct request q;
	const char *why = NULL;
	int rc = har_next(r->har, &entry, &why);

	e->place = har_number(r->har);
	if (rc == 0)
		return SWARM_TRACE_END;
	if (rc == -1) {
		swarm_error("%s, entry %llu: %s", r->path,
		    (unsigned long long)e->place, why);
		return SWARM_TRACE_ERROR;
	}
	if (rc != 2)
		why = har_request(entry, r->user_key, &q);
	if (!why && har_time(entry, &q.time) == -1)
		why = "no startedDateTime";
	/* Recorders say ms, if by chance whole seconds. */
	q.resolution = 0;
	return why ? skip(e, why) : event(r, &q, e);
}

/* ---- which format ---- */

/* Lines at the beginning that a format could read, in per cent. */
static int probe_lines(const char *path, const char *(*read)(struct reader *,
    struct span, struct request *))
{
	struct swarm_trace_open o = { sizeof o, path, NULL };
	struct reader *r = new_reader(&o);
	int seen = 0, good = 0;
	struct request q;
	struct span line;
	bool too_long;

	if (r)
		r->lines = lines_open(path);
	while (r && r->lines && seen < PROBED &&
	    lines_next(r->lines, &line, &too_long) == 1) {
		if (line.len == 0 && !too_long)
			continue;
		seen++;
		good += !too_long && !read(r, line, &q);
	}
	close_reader(r);
	return seen ? good * 90 / seen : 0;
}

/* The date is enough: of a scan of ports every request may be broken. */
static const char *try_access(struct reader *r, struct span line,
    struct request *q)
{
	q->time = 0;
	return read_access(r, line, q) && q->time == 0 ? "no" : NULL;
}

static int probe_access(const char *path, const void *head, size_t len)
{
	(void)head;
	(void)len;
	return probe_lines(path, try_access);
}

static int probe_json(const char *path, const void *head, size_t len)
{
	(void)head;
	(void)len;
	return probe_lines(path, read_json);
}

static int probe_har(const char *path, const void *head, size_t len)
{
	const json_t *entry;
	const char *why;
	struct har *h;
	size_t n = strlen(path);
	int rc;

	(void)head;
	(void)len;
	if ((n > 4 && strcmp(path + n - 4, ".har") == 0) ||
	    (n > 7 && strcmp(path + n - 7, ".har.gz") == 0))
		return 100;
	h = har_open(path);
	rc = h ? har_next(h, &entry, &why) : -1;
	har_close(h);
	return rc == 1 ? 95 : 0;
}

/* ---- sending ---- */

static uint32_t other_status;
static bool keep_connections;

static int worker_start(void)
{
	other_status = swarm_counter("replay: other status than recorded");
	return 0;
}

/* 304 is an answer to a cache, which users here have none of. */
static bool is_other(int then, int now)
{
	if (then == 304)
		then = 200;
	return then != 0 && now != 0 && then != now;
}

static void perform(struct swarm_user *u, const struct swarm_trace_event *e)
{
	struct http_field headers[REQUEST_HEADERS + 1];
	struct http_response *answer;
	const char *expect = NULL;
	struct packed p;
	size_t i;

	if (request_unpack(&p, e->payload, e->payload_len) == -1)
		return;
	for (i = 0; i <= p.header_count; i++)
		headers[i] = (struct http_field){ p.names[i], p.values[i] };
	if (e->flags & SWARM_TRACE_FRESH) {
		http_set_cookie(u, NULL, NULL);
		if (!keep_connections)
			http_close(u);
	}
	/* What failed then may fail now. */
	if (p.status >= 400)
		expect = swarm_printf(u, "100-399,%d", p.status);
	answer = http_request(u, .method = p.method, .path = p.path,
	    .headers = p.header_count ? headers : NULL,
	    .body = p.body_len ? p.body : NULL, .body_len = p.body_len,
	    .expect = expect, .discard = true, .no_redirects = true);
	if (is_other(p.status, answer->status))
		swarm_count(other_status, 1);
}

static const struct swarm_trace access_log = {
	SWARM_IFACE(struct swarm_trace, 0),
	.name = "access", .help = "access logs, common or combined",
	.probe = probe_access, .open = open_access, .next = next_access,
	.close = close_reader, .perform = perform,
};

static const struct swarm_trace ndjson = {
	SWARM_IFACE(struct swarm_trace, 0),
	.name = "ndjson", .help = "an object of JSON a line, with time and path",
	.probe = probe_json, .open = open_lines, .next = next_json,
	.close = close_reader, .perform = perform,
};

static const struct swarm_trace har = {
	SWARM_IFACE(struct swarm_trace, 0),
	.name = "har", .help = "HTTP archives, as browsers save them",
	.probe = probe_har, .open = open_har, .next = next_har,
	.close = close_reader, .perform = perform,
};

SWARM_MODULE(
	.name = "http_trace",
	.version = SWARM_VERSION,
	.summary = "access logs, NDJSON and HAR for swarm replay",
	.options = SWARM_OPTIONS(SWARM_OPTION(keep_connections, "no",
	    "a user of the trace goes on with another's connection, though not "
	    "with its cookies")),
	.worker_start = worker_start,
	.exports = SWARM_EXPORTS({ SWARM_TRACE_ID, &access_log.head },
	    { SWARM_TRACE_ID, &ndjson.head }, { SWARM_TRACE_ID, &har.head }),
);
