/*
 * Starts and ends the server, and hands over a snapshot each second.  The
 * transport is a shared object beside the program, loaded only here.
 */
#include "web/web.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "stats/history.h"
#include "web/api.h"
#include "web/assets.h"
#include "web/command.h"
#include "web/context.h"
#include "web/feed.h"
#include "web/http.h"
#include "web/live.h"
#include "web/locust.h"
#include "web/login.h"
#include "web/metrics.h"
#include "web/presets.h"
#include "web/runs.h"

static const struct http_route *const tables[] = {
	assets_routes, login_routes, locust_routes, api_routes,
	control_routes, metrics_routes, NULL,
};

static struct {
	bool running;
	int port;                       /* 0 until the transport runs */
	struct snapshot_maker *maker;
	char *ws_path;
	char url[300];
	enum run_state state;
	int64_t ticked;                 /* unix; of the history */
} web;

/* ---- the web thread ---- */

static void on_woken(void *arg)
{
	(void)arg;
	command_collect();
	if (live_update())
		context_get()->transport->push();
}

static void on_log(bool serious, const char *line, void *arg)
{
	(void)arg;
	/* What libwebsockets warns of is a peer's business. */
	if (serious)
		log_warn("web page: %s", line);
	else
		log_debug("web page: %s", line);
}

/* ---- starting ---- */

/* Below the folder above the program's, as installed and as built; tests
 * lie one folder deeper. */
static void *open_library(void)
{
	char exe[4096];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	void *handle = NULL;

	exe[len > 0 ? len : 0] = '\0';
	for (int up = 0; up < 3 && !handle; up++) {
		char *slash = strrchr(exe, '/'), *path;

		if (!slash)
			break;
		*slash = '\0';
		path = xasprintf("%s/%s/swarm-web.so", exe, SWARM_WEB_SUBDIR);
		if (access(path, F_OK) == 0 || up == 2)
			handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		free(path);
	}
	if (!handle)
		log_error("the web page cannot be loaded: %s; run with "
		    "--headless, or install swarm whole", dlerror());
	return handle;
}

static const struct web_transport *load_transport(void)
{
	const struct web_transport *transport;
	void *handle = open_library();
	web_transport_fn *entry;

	if (!handle)
		return NULL;
	*(void **)&entry = dlsym(handle, WEB_TRANSPORT_SYMBOL);
	transport = entry ? entry() : NULL;
	if (!transport || transport->version != WEB_TRANSPORT_VERSION) {
		log_error("swarm-web.so is of another version of swarm: "
		    "install both together");
		return NULL;
	}
	return transport;
}

static bool is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	    strcmp(host, "localhost") == 0;
}

/* The address to listen on; NULL: all. */
static const char *listen_host(const struct web_options *o)
{
	if (!o->host || strcmp(o->host, "localhost") == 0)
		return "127.0.0.1";
	if (strcmp(o->host, "") == 0 || strcmp(o->host, "*") == 0 ||
	    strcmp(o->host, "0.0.0.0") == 0)
		return NULL;
	return o->host;
}

static void make_url(const struct web_options *o, int port)
{
	const char *host = listen_host(o);
	bool v6 = host && strchr(host, ':');

	snprintf(web.url, sizeof(web.url), "%s://%s%s%s:%d%s/",
	    o->tls_cert ? "https" : "http", v6 ? "[" : "",
	    !host || is_loopback(host) ? v6 ? host : "localhost" : host,
	    v6 ? "]" : "", port, o->base_path ? o->base_path : "");
}

static int listen_now(struct context *context)
{
	const struct web_options *o = context->options;
	const struct web_hooks hooks = {
		.request = http_request,
		.viewer_check = http_viewer_check,
		.viewer_open = live_open,
		.viewer_next = live_next,
		.viewer_closed = live_closed,
		.woken = on_woken,
		.log = on_log,
	};
	struct web_listen where = {
		.host = listen_host(o),
		.port = o->port,
		.tls_cert = o->tls_cert,
		.tls_key = o->tls_key,
		.ws_path = web.ws_path,
	};
	char error[256];
	int port;

	port = context->transport->start(&where, &hooks, error,
	    sizeof(error));
	if (port == -1)
		log_error("the web page cannot listen: %s; choose another "
		    "port with --web-port, or 0 for a free one", error);
	return port;
}

/* All but the transport, which has ended or never began. */
static void release(void)
{
	struct context context = *context_get();

	web.running = false;
	command_release();
	live_release();
	context_publish(NULL);
	snapshot_maker_free(web.maker);
	history_free(context.history);
	feed_release();
	runs_release();
	presets_release();
	login_release();
	free(web.ws_path);
	memset(&web, 0, sizeof(web));
	context_set(&(struct context){ 0 });
}

int web_start(const struct web_options *o)
{
	struct context context = { .options = o, .started = clock_wall() };
	int port;

	if (login_init(o->login_file) == -1)
		return -1;
	context.transport = load_transport();
	if (!context.transport) {
		login_release();
		return -1;
	}
	context.loopback = listen_host(o) && is_loopback(listen_host(o));
	context.history = history_new();
	feed_init();
	assets_init();
	http_init(tables, context.transport);
	command_init();
	presets_load(o->presets_file);
	context_set(&context);
	web.maker = snapshot_maker_new(o->stats, o->class_count);
	web.ws_path = xasprintf("%s/api/v1/live",
	    o->base_path ? o->base_path : "");
	web.running = true;
	web_changed();
	port = listen_now(&context);
	if (port == -1) {
		release();
		return -1;
	}
	web.port = port;
	make_url(o, port);
	if (!context.loopback && !o->login_file)
		log_warn("the web page is open to the network without a login "
		    "(%s); whoever reaches it can start load: use --web-login, "
		    "or --web-host 127.0.0.1", web.url);
	return port;
}

const char *web_url(void)
{
	return web.url;
}

/* ---- the loop ---- */

static void note_changes(const struct web_state *s)
{
	char text[128];

	if (s->run.state != web.state) {
		if (s->run.state == RUN_STOPPED && s->run.stop_reason)
			snprintf(text, sizeof(text), "%s: %s",
			    run_state_name(s->run.state), s->run.stop_reason);
		else
			snprintf(text, sizeof(text), "%s",
			    run_state_name(s->run.state));
		feed_event("state", text);
		web.state = s->run.state;
	}
}

/* While a test runs, and once more for what came in at its end. */
static void tick_history(const struct web_state *s, double now, bool last)
{
	int64_t second = (int64_t)now;
	struct history_gauges g = {
		.users = s->run.users_running,
		.wanted = s->run.users_wanted,
		.workers = s->run.workers,
	};

	if (!last && (s->run.state == RUN_READY ||
	    s->run.state == RUN_STOPPED))
		return;
	if (last && second <= web.ticked)
		second = web.ticked + 1;
	for (size_t i = 0; i < s->worker_count; i++) {
		if (s->workers[i].cpu > g.cpu)
			g.cpu = (float)s->workers[i].cpu;
		if (s->workers[i].loop_delay_ms > g.delay_ms)
			g.delay_ms = (float)s->workers[i].loop_delay_ms;
	}
	history_tick(context_get()->history, second,
	    context_get()->options->stats, &g);
	web.ticked = second;
}

static void publish(bool second)
{
	const struct web_options *o = context_get()->options;
	struct web_state state = { 0 };
	struct snapshot *snapshot;
	double now = clock_wall();
	bool ended;

	if (!web.running)
		return;
	o->state(&state, o->arg);
	ended = state.run.state == RUN_STOPPED && web.state != RUN_STOPPED;
	note_changes(&state);
	if (second || ended)
		tick_history(&state, now, ended);
	snapshot = snapshot_make(web.maker, &state, now, second);
	runs_take(snapshot);
	context_publish(snapshot);
	if (web.port > 0)
		context_get()->transport->wake();
	command_check(state.run.state);
}

void web_tick(void)
{
	publish(true);
}

void web_changed(void)
{
	publish(false);
}

void web_keep(void)
{
	const struct web_options *o = context_get()->options;
	struct web_state state = { 0 };

	o->state(&state, o->arg);
	if (state.run.state != RUN_READY && state.run.state != RUN_STOPPED)
		tick_history(&state, clock_wall(), true);
}

void web_event(const char *kind, const char *text)
{
	feed_event(kind, text);
}

void web_log(const char *source, int level, const char *line)
{
	feed_log(source, level, line);
}

void web_stop(const char *why)
{
	if (!web.running)
		return;
	if (why)
		feed_event("end", why);
	web_changed();
	context_get()->transport->stop();
	release();
}
