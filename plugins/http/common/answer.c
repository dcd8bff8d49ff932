/*
 * Samples and verdicts.  The time of a sample is that of the exchange: what the
 * scenario does before it gives its verdict is not the server's.
 */
#include "answer.h"

#include <swarm/log.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	int status;
	const char *words;
} statuses[] = {
	{ 400, "Bad Request" }, { 401, "Unauthorized" },
	{ 402, "Payment Required" }, { 403, "Forbidden" },
	{ 404, "Not Found" }, { 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" }, { 408, "Request Timeout" },
	{ 409, "Conflict" }, { 410, "Gone" }, { 411, "Length Required" },
	{ 412, "Precondition Failed" }, { 413, "Content Too Large" },
	{ 414, "URI Too Long" }, { 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" }, { 417, "Expectation Failed" },
	{ 421, "Misdirected Request" }, { 422, "Unprocessable Content" },
	{ 423, "Locked" }, { 424, "Failed Dependency" }, { 425, "Too Early" },
	{ 426, "Upgrade Required" }, { 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
	{ 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" }, { 508, "Loop Detected" },
	{ 511, "Network Authentication Required" },
};

const char *answer_status_words(int status)
{
	size_t i;

	for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		if (statuses[i].status == status)
			return statuses[i].words;
	}
	return "";
}

/* ---- expected statuses: "200-299,404" ---- */

/* One "N" or "N-M" at *at, moved behind it. */
static int parse_range(const char **at, long *low, long *high)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return -1;
	*low = *high = strtol(*at, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		*high = strtol(end + 1, &end, 10);
	*at = end;
	return *low <= *high && *low >= 100 && *high <= 999 ? 0 : -1;
}

int answer_expect_check(const char *expect)
{
	long low, high;

	for (;;) {
		if (parse_range(&expect, &low, &high) == -1)
			return -1;
		if (*expect == '\0')
			return 0;
		if (*expect++ != ',')
			return -1;
	}
}

bool answer_expected(const char *expect, int status)
{
	long low, high;

	if (!expect)
		return status < 400;
	while (parse_range(&expect, &low, &high) == 0) {
		if (status >= low && status <= high)
			return true;
		if (*expect++ != ',')
			break;
	}
	return false;
}

/* ---- the sample ---- */

const char answer_no_body[] = "";
const struct http_times answer_no_times = { -1, -1, -1, -1, -1, -1 };

void answer_init(struct answer *a, struct swarm_user *u, uint32_t series,
    int64_t start, const struct http_args *args)
{
	a->pub.size = (uint32_t)sizeof a->pub;
	a->pub.user = u;
	a->pub.body = answer_no_body;
	a->pub.url = "";
	a->pub.version = "";
	a->pub.times = answer_no_times;
	a->expect = args->expect;
	a->catch_response = args->catch_response;
	a->timer = swarm_begin_at(u, series, start);
}

static void record(struct answer *a)
{
	struct http_response *r = &a->pub;

	if (a->recorded)
		return;
	a->recorded = true;
	if (r->error)
		swarm_fail_at(&a->timer, a->ended, "%s", r->error);
	else
		swarm_done_at(&a->timer, a->ended, r->len);
}

/* The rule that holds when the scenario gives no verdict. */
static void judge(struct answer *a)
{
	struct http_response *r = &a->pub;
	const char *words;

	if (r->error || answer_expected(a->expect, r->status))
		return;
	words = answer_status_words(r->status);
	r->error = swarm_printf(r->user, "HTTP %d%s%s", r->status,
	    *words ? " " : "", words);
}

/* At the end of a task whose scenario never said. */
static void late_verdict(void *arg)
{
	struct answer *a = arg;

	if (a->recorded)
		return;
	judge(a);
	record(a);
}

void answer_end(struct answer *a, int64_t now, const char *error)
{
	if (a->ended)
		return;
	a->ended = now;
	a->pub.times.total = now - a->timer.start;
	a->pub.error = error;
	a->pub.kept_len = a->pub.body == answer_no_body ? 0 : a->pub.len;
	if (a->catch_response && !a->recorded) {
		swarm_defer(a->pub.user, late_verdict, a);
		return;
	}
	judge(a);
	record(a);
}

void answer_refuse(struct answer *a, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	answer_end(a, swarm_now(), swarm_strdup(a->pub.user, text));
}

void answer_secured(struct answer *a, bool resumed)
{
	a->pub.resumed = resumed;
	swarm_count(swarm_counter(resumed ? "http_tls_resumed"
	    : "http_tls_full"), 1);
}

/* A phase that did not happen has no value, and not a zero that would pull
 * its percentiles down. */
static void observe(const char *phase, const char *name, int64_t ns)
{
	if (ns >= 0)
		swarm_observe(swarm_series(phase, name), ns, 0);
}

void answer_observe(const struct answer *a, const char *name)
{
	const struct http_times *t = &a->pub.times;

	observe("queue", name, a->queued > 0 ? a->queued : -1);
	observe("resolve", name, t->resolve);
	observe("connect", name, t->connect);
	observe(a->pub.resumed ? "tls resumed" : "tls", name, t->tls);
	observe("wait", name, t->wait);
	observe("receive", name, t->receive);
}

void answer_no_target(struct swarm_user *u, const char *why)
{
	static bool said;

	if (said)
		return;
	said = true;
	swarm_error("%s", why);
	swarm_stop_test(u, why);
}

/* HEAD asks about this very resource, as Locust's clients see it. */
bool answer_redirects(int status, const char *method)
{
	return strcmp(method, "HEAD") != 0 && (status == 301 ||
	    status == 302 || status == 303 || status == 307 || status == 308);
}

bool answer_drops_body(int status, const char *method)
{
	return status == 303 || (status < 303 && strcmp(method, "POST") == 0);
}

/* Whether a verdict still counts; says once what to do when it does not. */
static bool may_judge(struct answer *a, const char *what)
{
	static bool said;

	if (!a->recorded && a->ended)
		return true;
	if (!a->catch_response && !said) {
		said = true;
		swarm_warn("%s() came too late, the sample is recorded: give "
		    ".catch_response = true in the request (said once)", what);
	}
	return false;
}

int answer_ok(struct http_response *r)
{
	struct answer *a = (struct answer *)r;

	if (may_judge(a, "http_ok")) {
		r->error = NULL;
		record(a);
	}
	return 0;
}

int answer_fail(struct http_response *r, const char *fmt, ...)
{
	struct answer *a = (struct answer *)r;
	char text[512];
	va_list ap;

	if (!may_judge(a, "http_fail"))
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->error = swarm_strdup(r->user, text);
	record(a);
	return -1;
}
