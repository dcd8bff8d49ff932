/*
 * The agent's server: libevent's, on a loop of its own.  It only reads, and
 * answers anybody who reaches it, so it listens on loopback unless told
 * otherwise.  What a stranger can take of it is bounded: the size of a
 * request, the time of a connection, and their number by the limit of open
 * files.
 */
#include "watch/agent.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/jsonw.h"
#include "base/log.h"

#define MAX_FILES   256
#define MAX_HEADERS 8192
#define TIMEOUT     10

static struct {
	char *const *processes;
	size_t count;
} agent;

static int quoted(struct buf *out, const char *text)
{
	int rc = buf_putc(out, '"');

	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			rc |= buf_putc(out, '\\');
		rc |= *text == '\n' ? buf_puts(out, "\\n") :
		    buf_putc(out, *text);
	}
	return rc | buf_putc(out, '"');
}

static int labels(struct buf *out, const struct agent_row *row)
{
	int rc = 0;

	for (int i = 0; i < 2 && row->label[i] != NULL; i++) {
		rc |= buf_printf(out, "%s%s=", i == 0 ? "{" : ",",
		    row->label[i]);
		rc |= quoted(out, row->value_of[i]);
	}
	return row->label[0] != NULL ? rc | buf_putc(out, '}') : rc;
}

static const char *kind(const char *name)
{
	size_t len = strlen(name);

	return len > 6 && strcmp(name + len - 6, "_total") == 0 ? "counter" :
	    "gauge";
}

int agent_text(struct buf *out, const struct agent_sample *s)
{
	const char *last = "";
	int rc = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct agent_row *row = &s->rows[i];

		if (strcmp(row->name, last) != 0)
			rc |= buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n",
			    row->name, row->help, row->name,
			    kind(row->name));
		last = row->name;
		rc |= buf_puts(out, row->name);
		rc |= labels(out, row);
		rc |= buf_printf(out, " %.15g\n", row->value);
	}
	return rc;
}

int agent_json(struct buf *out, const struct agent_sample *s)
{
	struct jsonw w;
	const char *last = NULL;

	jsonw_init(&w, out, 0);
	jsonw_object(&w);
	for (size_t i = 0; i < s->count; i++) {
		const struct agent_row *row = &s->rows[i];

		if (last == NULL || strcmp(row->name, last) != 0) {
			if (last != NULL)
				jsonw_end_array(&w);
			jsonw_key(&w, row->name);
			jsonw_array(&w);
		}
		last = row->name;
		jsonw_object(&w);
		for (int k = 0; k < 2 && row->label[k] != NULL; k++)
			jsonw_put_string(&w, row->label[k],
			    row->value_of[k]);
		jsonw_put_double(&w, "value", row->value);
		jsonw_end(&w);
	}
	if (last != NULL)
		jsonw_end_array(&w);
	jsonw_end(&w);
	return buf_putc(out, '\n');
}

static void answer(struct evhttp_request *request, const char *type,
    int (*write)(struct buf *, const struct agent_sample *))
{
	struct evbuffer *body = evhttp_request_get_output_buffer(request);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct buf text = BUF_INIT(AGENT_TEXT);
	struct agent_sample sample;

	agent_read(&sample, agent.processes, agent.count);
	write(&text, &sample);
	agent_release(&sample);
	evhttp_add_header(headers, "Content-Type", type);
	evbuffer_add(body, buf_str(&text), text.len);
	buf_release(&text);
	evhttp_send_reply(request, HTTP_OK, "OK", NULL);
}

static void on_metrics(struct evhttp_request *request, void *arg)
{
	(void)arg;
	answer(request, "text/plain; version=0.0.4; charset=utf-8",
	    agent_text);
}

static void on_json(struct evhttp_request *request, void *arg)
{
	(void)arg;
	answer(request, "application/json", agent_json);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	event_base_loopbreak(arg);
}

/* Workers need every descriptor there is; this does not. */
static void bound_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	if (limit.rlim_cur > MAX_FILES)
		limit.rlim_cur = MAX_FILES;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static unsigned port_of(struct evhttp_bound_socket *bound)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof at;

	getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at,
	    &len);
	return ntohs(at.ss_family == AF_INET6 ?
	    ((struct sockaddr_in6 *)(void *)&at)->sin6_port :
	    ((struct sockaddr_in *)(void *)&at)->sin_port);
}

static int listen_at(struct evhttp *http, const char *address, uint16_t port)
{
	struct evhttp_bound_socket *bound;

	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(http, MAX_HEADERS);
	evhttp_set_max_body_size(http, 0);
	evhttp_set_timeout(http, TIMEOUT);
	evhttp_set_cb(http, "/metrics", on_metrics, NULL);
	evhttp_set_cb(http, "/json", on_json, NULL);
	bound = evhttp_bind_socket_with_handle(http, address, port);
	if (bound == NULL) {
		log_error("agent: cannot listen on %s port %u: %m", address,
		    (unsigned)port);
		return -1;
	}
	printf("agent: http://%s%s%s:%u/metrics\n",
	    strchr(address, ':') != NULL ? "[" : "", address,
	    strchr(address, ':') != NULL ? "]" : "", port_of(bound));
	fflush(stdout);
	return 0;
}

int agent_serve(const char *address, uint16_t port, char *const *processes,
    size_t count)
{
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);
	struct event *ends[2];
	int rc;

	agent.processes = processes;
	agent.count = count;
	bound_files();
	ends[0] = evsignal_new(base, SIGINT, on_signal, base);
	ends[1] = evsignal_new(base, SIGTERM, on_signal, base);
	for (int i = 0; i < 2; i++)
		event_add(ends[i], NULL);
	rc = listen_at(http, address, port);
	if (rc == 0)
		event_base_dispatch(base);
	evhttp_free(http);
	for (int i = 0; i < 2; i++)
		event_free(ends[i]);
	event_base_free(base);
	return rc;
}
