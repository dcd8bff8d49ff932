/*
 * The thread that asks.  Names are resolved once, before it starts: libevent
 * would wait for the resolver in the middle of its loop, and the end of a run
 * would wait for it.
 *
 * A whole answer has a deadline of its own: a timeout of the connection alone
 * would be renewed by every byte of an answer that drips.
 */
#include "watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "watch/pick.h"

#define MAX_HEADERS (16u << 10)
#define MAX_NAME    40
#define TEXT        300

struct target {
	/* Fixed before the thread starts. */
	char name[MAX_NAME];
	char address[64];               /* numeric */
	uint16_t port;
	char *host;                     /* of the Host line */
	char *path;
	/* The thread's. */
	struct pick *pick;
	struct evhttp_connection *connection;
	struct evhttp_request *request;
	int64_t asked;
	char problem[TEXT / 2];
	/* Both sides', under the lock. */
	struct pick_figures figures;
	int64_t answered;               /* clock_now(); 0: never */
	bool known;                     /* it did answer, or did not */
	bool up;
	bool changed;
	char said[TEXT];
};

static struct {
	struct target *targets;
	size_t count;
	struct pick_wanted wanted[PICK_WANTED];
	size_t wanted_count;
	pthread_mutex_t lock;
	pthread_t thread;
	bool running;
	int wake[2];
	struct event_base *base;
	struct pick_figures fresh;      /* the thread's, of one answer */
} watch = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = { -1, -1 } };

/* ---- the thread ---- */

static void settle(struct target *t, bool up)
{
	pthread_mutex_lock(&watch.lock);
	if (up) {
		t->figures = watch.fresh;
		t->answered = clock_now();
	}
	if (t->up != up || (!up && !t->known)) {
		t->changed = t->known || !up;
		if (up)
			snprintf(t->said, sizeof t->said, "watching %s: it "
			    "answers", t->name);
		else
			snprintf(t->said, sizeof t->said, "watching %s: %s",
			    t->name, t->problem);
	}
	t->known = true;
	t->up = up;
	pthread_mutex_unlock(&watch.lock);
}

static bool take_answer(struct target *t, struct evhttp_request *request)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	int code = evhttp_request_get_response_code(request);
	size_t len = evbuffer_get_length(body);
	char *text;
	int rc;

	if (code != HTTP_OK) {
		snprintf(t->problem, sizeof t->problem, "HTTP status %d",
		    code);
		return false;
	}
	text = xmalloc(len + 1);
	evbuffer_remove(body, text, len);
	text[len] = '\0';
	rc = pick_take(t->pick, text, (double)clock_now() / (double)NS_PER_S,
	    &watch.fresh);
	free(text);
	if (rc == -1)
		snprintf(t->problem, sizeof t->problem, "its answer is not "
		    "in Prometheus' text format");
	return rc == 0;
}

static void on_error(enum evhttp_request_error error, void *arg)
{
	struct target *t = arg;
	const char *why = "the connection broke";

	switch (error) {
	case EVREQ_HTTP_TIMEOUT:
		why = "no answer in time";
		break;
	case EVREQ_HTTP_INVALID_HEADER:
		why = "its answer is no HTTP";
		break;
	case EVREQ_HTTP_DATA_TOO_LONG:
		why = "its answer is larger than 4 MB";
		break;
	case EVREQ_HTTP_EOF:
	case EVREQ_HTTP_BUFFER_ERROR:
	case EVREQ_HTTP_REQUEST_CANCEL:
		break;
	}
	snprintf(t->problem, sizeof t->problem, "%s", why);
}

static void on_answer(struct evhttp_request *request, void *arg)
{
	struct target *t = arg;

	t->request = NULL;
	if (request == NULL) {
		settle(t, false);
	} else if (evhttp_request_get_response_code(request) == 0) {
		snprintf(t->problem, sizeof t->problem, "no connection to "
		    "%s port %u", t->address, (unsigned)t->port);
		settle(t, false);
	} else {
		settle(t, take_answer(t, request));
	}
}

static void hang_up(struct target *t)
{
	if (t->request != NULL)
		evhttp_cancel_request(t->request);
	t->request = NULL;
	if (t->connection != NULL)
		evhttp_connection_free(t->connection);
	t->connection = NULL;
}

static void ask(struct target *t)
{
	struct evkeyvalq *headers;

	if (t->connection == NULL) {
		t->connection = evhttp_connection_base_new(watch.base, NULL,
		    t->address, t->port);
		evhttp_connection_set_timeout(t->connection, WATCH_TIMEOUT);
		evhttp_connection_set_max_body_size(t->connection,
		    (ev_ssize_t)WATCH_ANSWER);
		evhttp_connection_set_max_headers_size(t->connection,
		    (ev_ssize_t)MAX_HEADERS);
	}
	snprintf(t->problem, sizeof t->problem, "no connection to %s port %u",
	    t->address, (unsigned)t->port);
	t->request = evhttp_request_new(on_answer, t);
	evhttp_request_set_error_cb(t->request, on_error);
	headers = evhttp_request_get_output_headers(t->request);
	evhttp_add_header(headers, "Host", t->host);
	evhttp_add_header(headers, "Accept", "text/plain;version=0.0.4");
	evhttp_add_header(headers, "User-Agent", "swarm");
	t->asked = clock_now();
	if (evhttp_make_request(t->connection, t->request, EVHTTP_REQ_GET,
	    t->path) == -1) {
		t->request = NULL;
		hang_up(t);
		settle(t, false);
	}
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for (size_t i = 0; i < watch.count; i++) {
		struct target *t = &watch.targets[i];

		if (t->request == NULL) {
			ask(t);
			continue;
		}
		if (clock_now() - t->asked < WATCH_TIMEOUT * NS_PER_S)
			continue;
		hang_up(t);
		snprintf(t->problem, sizeof t->problem, "no whole answer in "
		    "%d seconds", WATCH_TIMEOUT);
		settle(t, false);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_base_loopbreak(watch.base);
}

static void *serve(void *arg)
{
	static const struct timeval second = { 1, 0 };
	struct event *wake = event_new(watch.base, watch.wake[0], EV_READ,
	    on_wake, NULL);
	struct event *timer = event_new(watch.base, -1, EV_PERSIST, on_second,
	    NULL);

	event_add(wake, NULL);
	event_add(timer, &second);
	on_second(-1, 0, NULL);
	event_base_dispatch(watch.base);
	for (size_t i = 0; i < watch.count; i++)
		hang_up(&watch.targets[i]);
	event_free(timer);
	event_free(wake);
	return arg;
}

/* ---- the beginning ---- */

static int resolve(struct target *t, const char *host, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char *bare = xstrdup(host[0] == '[' ? host + 1 : host);
	int rc;

	bare[strcspn(bare, "]")] = '\0';
	rc = getaddrinfo(bare, NULL, &hints, &found);
	free(bare);
	if (rc == 0) {
		rc = getnameinfo(found->ai_addr, found->ai_addrlen,
		    t->address, sizeof t->address, NULL, 0, NI_NUMERICHOST);
		freeaddrinfo(found);
	}
	if (rc == 0)
		return 0;
	log_error("--watch %s: cannot resolve %s: %s", text, host,
	    gai_strerror(rc));
	return -1;
}

static int take_url(struct target *t, const char *text, const char *url)
{
	struct evhttp_uri *uri = evhttp_uri_parse(url);
	const char *scheme = uri != NULL ? evhttp_uri_get_scheme(uri) : NULL;
	const char *host = uri != NULL ? evhttp_uri_get_host(uri) : NULL;
	const char *path, *query;
	int rc = -1;

	if (scheme == NULL || strcmp(scheme, "http") != 0 || host == NULL ||
	    host[0] == '\0' || evhttp_uri_get_userinfo(uri) != NULL) {
		log_error("--watch %s: after the = comes the URL of an "
		    "exporter, as in http://10.0.0.5:9100/metrics", text);
		goto done;
	}
	t->port = (uint16_t)(evhttp_uri_get_port(uri) > 0 ?
	    evhttp_uri_get_port(uri) : 80);
	path = evhttp_uri_get_path(uri);
	query = evhttp_uri_get_query(uri);
	if (path == NULL || path[0] == '\0' || strcmp(path, "/") == 0)
		path = "/metrics";
	t->path = xasprintf("%s%s%s", path, query != NULL ? "?" : "",
	    query != NULL ? query : "");
	t->host = xasprintf("%s:%u", host, (unsigned)t->port);
	rc = resolve(t, host, text);
done:
	if (uri != NULL)
		evhttp_uri_free(uri);
	return rc;
}

static int take_target(const char *text)
{
	struct target *t = &watch.targets[watch.count];
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"
	    "QRSTUVWXYZ0123456789_-");

	if (len == 0 || len >= sizeof t->name || text[len] != '=') {
		log_error("--watch %s: write NAME=URL, with a name of letters, "
		    "digits, - and _, at most %zu", text, sizeof t->name - 1);
		return -1;
	}
	if (watch.count == WATCH_TARGETS) {
		log_error("--watch %s: at most %d can be watched", text,
		    WATCH_TARGETS);
		return -1;
	}
	for (size_t i = 0; i < watch.count; i++) {
		if (strlen(watch.targets[i].name) == len &&
		    strncmp(watch.targets[i].name, text, len) == 0) {
			log_error("--watch %s: this name is there twice", text);
			return -1;
		}
	}
	watch.count++;
	memcpy(t->name, text, len);
	t->pick = pick_new(watch.wanted, watch.wanted_count);
	return take_url(t, text, text + len + 1);
}

static int take_metric(const char *text)
{
	if (watch.wanted_count == PICK_WANTED) {
		log_error("--watch-metric %s: at most %d", text, PICK_WANTED);
		return -1;
	}
	if (pick_wanted_init(&watch.wanted[watch.wanted_count], text) == -1) {
		log_error("--watch-metric %s: write the name of a metric, and "
		    "labels where you want them: name{label=\"value\"}", text);
		return -1;
	}
	watch.wanted_count++;
	return 0;
}

static int start_thread(void)
{
	sigset_t all, before;
	int rc;

	watch.base = event_base_new();
	if (watch.base == NULL || pipe2(watch.wake, O_CLOEXEC) == -1) {
		log_error("--watch: cannot start: %m");
		return -1;
	}
	/* Signals are for the run. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&watch.thread, NULL, serve, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		errno = rc;
		log_error("--watch: cannot start its thread: %m");
		return -1;
	}
	watch.running = true;
	return 0;
}

int watch_start(char *const *targets, char *const *metrics)
{
	int rc = 0;

	watch.targets = xcalloc(WATCH_TARGETS, sizeof *watch.targets);
	for (; rc == 0 && metrics != NULL && *metrics != NULL; metrics++)
		rc = take_metric(*metrics);
	for (; rc == 0 && targets != NULL && *targets != NULL; targets++)
		rc = take_target(*targets);
	if (rc == 0 && watch.count == 0 && watch.wanted_count > 0) {
		log_error("--watch-metric is of what --watch names");
		rc = -1;
	}
	if (rc == 0 && watch.count > 0)
		rc = start_thread();
	if (rc == -1)
		watch_stop();
	return rc;
}

/* ---- the other side ---- */

void watch_take(
    void (*figure)(const char *name, const char *unit, double value, void *),
    void (*event)(const char *text, void *), void *arg)
{
	char name[MAX_NAME + PICK_NAME];

	for (size_t i = 0; i < watch.count; i++) {
		struct target *t = &watch.targets[i];
		struct pick_figures now = { .count = 0 };
		char said[TEXT] = "";
		bool known, up;

		pthread_mutex_lock(&watch.lock);
		known = t->known;
		up = t->up;
		if (t->answered != 0 && (double)(clock_now() - t->answered) <
		    WATCH_STALE * (double)NS_PER_S)
			now = t->figures;
		if (t->changed)
			memcpy(said, t->said, sizeof said);
		t->changed = false;
		pthread_mutex_unlock(&watch.lock);
		if (said[0] != '\0')
			event(said, arg);
		if (!known)
			continue;
		snprintf(name, sizeof name, "%s.up", t->name);
		figure(name, "", up, arg);
		for (size_t k = 0; up && k < now.count; k++) {
			snprintf(name, sizeof name, "%s.%s", t->name,
			    now.at[k].name);
			figure(name, now.at[k].unit, now.at[k].value, arg);
		}
	}
}

void watch_stop(void)
{
	if (watch.running) {
		if (write(watch.wake[1], "", 1) == 1)
			pthread_join(watch.thread, NULL);
		watch.running = false;
	}
	for (int i = 0; i < 2; i++) {
		if (watch.wake[i] != -1)
			close(watch.wake[i]);
		watch.wake[i] = -1;
	}
	if (watch.base != NULL)
		event_base_free(watch.base);
	watch.base = NULL;
	for (size_t i = 0; i < watch.count; i++) {
		pick_free(watch.targets[i].pick);
		free(watch.targets[i].host);
		free(watch.targets[i].path);
	}
	free(watch.targets);
	watch.targets = NULL;
	watch.count = 0;
	for (size_t i = 0; i < watch.wanted_count; i++)
		pick_wanted_release(&watch.wanted[i]);
	watch.wanted_count = 0;
}
