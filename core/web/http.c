/*
 * Every request passes the same gate before a route sees it.
 *
 * Host must be a name of this server: a page elsewhere whose name was made to
 * point here (DNS rebinding) sends its own.  What changes the run must not
 * come from another site: browsers say so by Sec-Fetch-Site and Origin;
 * curl and scripts send neither and pass.
 */
#include "web/http.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/jsonw.h"
#include "base/xalloc.h"
#include "web/context.h"
#include "web/login.h"

static const struct http_route *const *tables;
static const struct web_transport *transport;

void http_init(const struct http_route *const *routes,
    const struct web_transport *t)
{
	tables = routes;
	transport = t;
}

/* ---- answers ---- */

static void call_done(void *arg)
{
	struct http_call *call = arg;

	buf_release(&call->body);
	free(call->policy);
	snapshot_unref(call->snapshot);
	free(call);
}

void http_header(struct http_call *call, const char *name, const char *fmt,
    ...)
{
	va_list ap;

	if (call->header_count == 4)
		return;
	va_start(ap, fmt);
	vsnprintf(call->header[call->header_count],
	    sizeof(call->header[0]), fmt, ap);
	va_end(ap);
	call->header_name[call->header_count++] = name;
}

static void reply_header(struct web_reply *r, const char *name,
    const char *value)
{
	if (r->header_count == WEB_MAX_EXTRA_HEADERS)
		return;
	r->header[r->header_count].name = name;
	r->header[r->header_count++].value = value;
}

void http_send(struct http_call *call)
{
	struct web_reply *r = &call->reply;

	*r = (struct web_reply){
		.status = call->status,
		.content_type = call->type,
		.body = call->constant ? call->constant : buf_str(&call->body),
		.body_len = call->constant ? call->constant_len :
		    call->body.len,
		.done = call_done,
		.done_arg = call,
	};
	if (call->body.overflow) {
		r->status = 500;
		r->content_type = "text/plain";
		r->body = "The answer is too large.\n";
		r->body_len = strlen(r->body);
	}
	reply_header(r, "x-content-type-options:", "nosniff");
	reply_header(r, "referrer-policy:", "same-origin");
	reply_header(r, "content-security-policy:", call->policy ?
	    call->policy :
	    "default-src 'self'; img-src 'self' data: blob:; "
	    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
	if (call->constant_gzip)
		reply_header(r, "content-encoding:", "gzip");
	for (size_t i = 0; i < call->header_count; i++)
		reply_header(r, call->header_name[i], call->header[i]);
	transport->reply(call->exchange, r);
}

void http_drop(struct http_call *call)
{
	call->reply = (struct web_reply){ .done = call_done,
		.done_arg = call };
	transport->reply(call->exchange, &call->reply);
}

void http_json(struct http_call *call)
{
	call->status = 200;
	call->type = "application/json";
	http_header(call, "cache-control:", "no-store");
}

void http_text(struct http_call *call, int status, const char *fmt, ...)
{
	va_list ap;

	call->status = status;
	call->type = "text/plain; charset=utf-8";
	buf_clear(&call->body);
	va_start(ap, fmt);
	buf_vprintf(&call->body, fmt, ap);
	va_end(ap);
	buf_putc(&call->body, '\n');
}

void http_error(struct http_call *call, int status, const char *field,
    const char *fmt, ...)
{
	struct jsonw j;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_clear(&call->body);
	jsonw_init(&j, &call->body, 2);
	jsonw_object(&j);
	if (field)
		jsonw_put_string(&j, "field", field);
	jsonw_put_string(&j, "message", text);
	jsonw_put_bool(&j, "success", false);
	jsonw_end(&j);
	http_json(call);
	call->status = status;
}

int http_form(struct http_call *call, struct form *form)
{
	const struct web_request *r = call->request;

	if (form_parse(form, r->content_type, r->body, r->body_len) == 0)
		return 0;
	form_release(form);
	http_error(call, 400, NULL, "the body is no form and no flat JSON "
	    "object");
	return -1;
}

double http_number(const struct form *form, const char *name, double deflt)
{
	const char *text = form_get(form, name);
	double value;

	if (!text || parse_double(text, -1e15, 1e15, &value) == -1)
		return deflt;
	return value;
}

/* ---- the gate ---- */

/* The host without its port; "[::1]" without brackets. */
static void host_name(const char *host, char *out, size_t size)
{
	size_t len;

	if (host[0] == '[') {
		host++;
		len = strcspn(host, "]");
	} else {
		len = strcspn(host, ":");
	}
	snprintf(out, size, "%.*s", (int)len, host);
}

static bool is_address(const char *name)
{
	struct in6_addr any;

	return inet_pton(AF_INET, name, &any) == 1 ||
	    inet_pton(AF_INET6, name, &any) == 1;
}

static bool host_is_ours(const char *host)
{
	const struct context *c = context_get();
	const char *const *names = c->options->host_names;
	char name[256], own[256] = "";

	host_name(host, name, sizeof(name));
	if (strcasecmp(name, "localhost") == 0 ||
	    strcmp(name, "127.0.0.1") == 0 || strcmp(name, "::1") == 0)
		return true;
	if (c->options->host && strcasecmp(name, c->options->host) == 0)
		return true;
	for (size_t i = 0; names && names[i]; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	if (c->loopback)
		return false;
	/* Open to the network: an address cannot be rebound, and this
	 * machine's own name is not a stranger's. */
	gethostname(own, sizeof(own) - 1);
	return is_address(name) || strcasecmp(name, own) == 0;
}

static bool same_site(const struct web_request *r)
{
	char own[300];

	if (r->fetch_site[0] && strcmp(r->fetch_site, "same-origin") != 0 &&
	    strcmp(r->fetch_site, "none") != 0)
		return false;
	if (!r->origin[0])
		return true;
	snprintf(own, sizeof(own), "%s://%s", r->secure ? "https" : "http",
	    r->host);
	return strcasecmp(r->origin, own) == 0;
}

static const char *without_base(const char *path)
{
	const char *base = context_get()->options->base_path;
	size_t len = base ? strlen(base) : 0;

	if (len == 0)
		return path;
	if (strncmp(path, base, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

static const struct http_route *find_route(const char *path,
    const char **tail)
{
	for (size_t t = 0; tables[t]; t++) {
		for (const struct http_route *r = tables[t]; r->path; r++) {
			size_t len = strlen(r->path);

			*tail = path + len;
			if (strcmp(path, r->path) == 0)
				return r;
			if ((r->flags & HTTP_PREFIX) &&
			    strncmp(path, r->path, len) == 0)
				return r;
		}
	}
	return NULL;
}

static bool method_fits(const struct http_route *r, enum web_method m)
{
	if (m == WEB_HEAD && (r->flags & HTTP_CHANGES))
		return false;
	if (m == WEB_GET || m == WEB_HEAD)
		return r->flags & HTTP_READS;
	return m == WEB_POST && (r->flags & HTTP_POSTS);
}

static void allow(struct http_call *call, const struct http_route *r,
    int status)
{
	http_text(call, status, status == 405 ? "Method not allowed." : "");
	http_header(call, "allow:", "%s%s%sOPTIONS",
	    method_fits(r, WEB_GET) ? "GET, " : "",
	    method_fits(r, WEB_HEAD) ? "HEAD, " : "",
	    method_fits(r, WEB_POST) ? "POST, " : "");
}

static void not_logged_in(struct http_call *call)
{
	if (call->request->method == WEB_GET && strcmp(call->path, "/") == 0) {
		http_text(call, 302, "Log in first.");
		http_header(call, "location:", "login");
		return;
	}
	http_error(call, 401, NULL, "log in first: open the page, or send "
	    "name and password by HTTP Basic");
}

/* True: the call is filled.  False: somebody will send it later. */
static bool pass_gate(struct http_call *call)
{
	const struct web_request *r = call->request;
	const struct http_route *route;

	if (!host_is_ours(r->host)) {
		http_text(call, 421, "This server does not answer to the name "
		    "'%.100s'; start it with --web-host-name to allow it.",
		    r->host);
		return true;
	}
	call->path = without_base(r->path);
	if (call->path && !call->path[0]) {
		http_text(call, 308, "Here.");
		http_header(call, "location:", "%s/",
		    context_get()->options->base_path);
		return true;
	}
	route = call->path ? find_route(call->path, &call->tail) : NULL;
	if (!route) {
		http_text(call, 404, "Nothing is here.");
		return true;
	}
	if (r->method == WEB_OPTIONS) {
		allow(call, route, 200);
		return true;
	}
	if (!method_fits(route, r->method)) {
		allow(call, route, 405);
		return true;
	}
	if ((r->method == WEB_POST || (route->flags & HTTP_CHANGES)) &&
	    !same_site(r)) {
		http_text(call, 403, "Refused: the request comes from another "
		    "site.");
		return true;
	}
	call->user = login_user(r);
	if (!call->user && !(route->flags & HTTP_OPEN)) {
		not_logged_in(call);
		return true;
	}
	return route->answer(call);
}

void http_request(struct web_exchange *x, const struct web_request *r,
    void *arg)
{
	struct http_call *call = xcalloc(1, sizeof(*call));

	(void)arg;
	call->exchange = x;
	call->request = r;
	call->status = 200;
	call->type = "text/plain; charset=utf-8";
	call->snapshot = context_snapshot();
	buf_init(&call->body, HTTP_MAX_ANSWER);
	if (pass_gate(call))
		http_send(call);
}

int http_viewer_check(const struct web_request *r, void *arg)
{
	(void)arg;
	if (!host_is_ours(r->host))
		return 421;
	if (!same_site(r))
		return 403;
	return login_user(r) ? 0 : 401;
}
