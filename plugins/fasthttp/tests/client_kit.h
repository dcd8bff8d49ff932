/*
 * A host for the client in one process: a loop, one user that runs the test's
 * function as its task, and a server that follows a script.
 */
#ifndef CLIENT_KIT_H
#define CLIENT_KIT_H

#include "own.h"
#include "settings.h"

#include <swarm/fiber.h>
#include <swarm/http.h>
#include <swarm/net.h>
#include <swarm/user.h>

#include "fiber/fiber.h"
#include "fiber/loop.h"
#include "net/resolve.h"
#include "stats/stats.h"
#include "user/user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * What the server does with one request: checks that `want` occurs in it (a
 * leading '^': is its beginning), then sends `reply` (of `len` bytes, or a
 * string), in pieces of `piece` bytes when that is not 0.  Then it closes the
 * connection when `close` is set, or serves the next step on it.  A step
 * without want and reply only accepts and closes.
 */
struct step {
	const char *want;
	const char *lacks;              /* must not occur */
	const char *early;              /* sent when the head is there */
	const char *reply;
	size_t len;
	size_t piece;
	bool close;
	bool hang;                      /* no more until the user is done,
	                                 * or (second) has come again */
	bool second;                    /* not before another has connected */
	unsigned ahead;                 /* not before that many more requests */
};

static struct {
	const struct step *steps;       /* ends with an empty one */
	int listener;
	uint16_t port;
	char host[64];
	unsigned connections;
	bool running;
	bool user_done;
	bool repeat;                    /* the task goes on */
	char request[1 << 20];
	size_t request_len;
	struct stats *stats;
	void (*body)(struct swarm_user *);
} kit;

/* Reads a whole request into kit.request, or (early, hang) its head; false at
 * the end. */
static bool kit_read_request(struct swarm_stream *s, const struct step *step)
{
	const char *early = step->early;
	size_t need = 0;
	char *head, *length;
	int64_t n;

	kit.request_len = 0;
	for (;;) {
		kit.request[kit.request_len] = '\0';
		head = strstr(kit.request, "\r\n\r\n");
		if (head && need == 0) {
			need = (size_t)(head + 4 - kit.request);
			length = strcasestr(kit.request, "Content-Length: ");
			if (length && length < head)
				need += strtoul(length + 16, NULL, 10);
			if (early)
				swarm_write(s, early, strlen(early),
				    swarm_in(20));
			if (early && step->hang)
				return true;
		}
		if (head && strcasestr(kit.request, "Transfer-Encoding: ") &&
		    !strstr(head, "\r\n0\r\n\r\n"))
			need = SIZE_MAX;
		else if (need == SIZE_MAX)
			need = kit.request_len;
		if (head && kit.request_len >= need)
			return true;
		n = swarm_read(s, kit.request + kit.request_len,
		    sizeof kit.request - 1 - kit.request_len, swarm_in(20));
		if (n <= 0)
			return false;
		kit.request_len += (size_t)n;
	}
}

/* Until as many more heads have come as are asked for; the bodies here have
 * no empty line. */
static void kit_read_ahead(struct swarm_stream *s, unsigned more)
{
	unsigned heads;
	const char *at;
	int64_t n;

	for (;;) {
		for (heads = 0, at = kit.request;
		    (at = strstr(at, "\r\n\r\n")) != NULL; at += 4)
			heads++;
		if (heads > more)
			return;
		n = swarm_read(s, kit.request + kit.request_len,
		    sizeof kit.request - 1 - kit.request_len, swarm_in(20));
		assert_true(n > 0);
		kit.request_len += (size_t)n;
		kit.request[kit.request_len] = '\0';
	}
}

static void kit_reply(struct swarm_stream *s, const struct step *step)
{
	size_t len = step->len ? step->len : strlen(step->reply), at, n;

	for (at = 0; at < len; at += n) {
		n = step->piece && step->piece < len - at ? step->piece
		    : len - at;
		if (swarm_write(s, step->reply + at, n, swarm_in(20)) == -1)
			return;
		if (step->piece)
			swarm_sleep(0);
	}
}

static struct swarm_stream *kit_accept_one(void)
{
	struct swarm_stream *s;
	int fd;

	while ((fd = accept4(kit.listener, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC)) == -1) {
		if (swarm_wait_fd(kit.listener, SWARM_READ, swarm_in(20)) < 0)
			return NULL;
	}
	kit.connections++;
	s = swarm_stream_new(fd);
	assert_non_null(s);
	return s;
}

static void kit_check(const struct step *step)
{
	bool begins = step->want[0] == '^';
	const char *at = strstr(kit.request, step->want + begins);

	if (at && (!begins || at == kit.request) &&
	    (!step->lacks || !strcasestr(kit.request, step->lacks)))
		return;
	fail_msg("wanted %s without %s, got %s", step->want,
	    step->lacks ? step->lacks : "anything", kit.request);
}

static void kit_serve(void *arg)
{
	const struct step *step;
	struct swarm_stream *s = NULL, *other = NULL;

	(void)arg;
	for (step = kit.steps; step->want || step->close; step++) {
		if (!s)
			s = kit_accept_one();
		if (s && step->want && kit_read_request(s, step)) {
			kit_check(step);
			if (step->second)
				other = kit_accept_one();
			if (step->ahead > 0)
				kit_read_ahead(s, step->ahead);
			if (step->reply)
				kit_reply(s, step);
			while (step->hang && !other && !kit.user_done)
				swarm_sleep(0.001);
		}
		if (step->close) {
			swarm_close(s);
			s = other;
			other = NULL;
		}
	}
	swarm_close(s);
}

static void kit_served(void *arg)
{
	(void)arg;
	kit.running = false;
}

static void kit_task(struct swarm_user *u)
{
	kit.body(u);
	kit.user_done = true;
	if (!kit.repeat)
		swarm_stop_user(u);
}

static const struct swarm_user_class kit_class = {
	.name = "kit",
	.tasks = SWARM_TASKS(SWARM_TASK(kit_task)),
};

const struct swarm_module *swarm_module_v1(void);

/* Options as their texts in the module say. */
static void kit_defaults(void)
{
	settings = (struct settings){
		.timeout = 20, .max_redirects = 30, .max_body = 1 << 20,
		.connections = 6, .keepalive = true,
		.cookies = true, .names = "fold", .user_agent = "kit",
		.source = "", .connect_to = "", .version = "1.1",
		.streams = 100,
	};
	own = (struct own){ .retry = true, .pipeline = 1,
		.window = 1 << 20, .connection_window = 1 << 20 };
}

static int kit_setup(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;
	static bool loaded;

	(void)state;
	alarm(60);
	assert_int_equal(loop_init(), 0);
	assert_int_equal(fiber_init(&(struct fiber_options){ 0 }), 0);
	kit_defaults();
	http_api_ = (const struct http_api *)(const void *)
	    swarm_module_v1()->exports[0].iface;
	if (!loaded) {
		assert_int_equal(swarm_module_v1()->load(), 0);
		user_class_set_owner("kit", NULL);
		assert_int_equal(swarm_class_add(&kit_class), 0);
	}
	loaded = true;
	kit.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(kit.listener, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(kit.listener, 64), 0);
	getsockname(kit.listener, (struct sockaddr *)&in, &len);
	kit.port = ntohs(in.sin_port);
	snprintf(kit.host, sizeof kit.host, "http://127.0.0.1:%u", kit.port);
	kit.stats = stats_new(100, 100);
	kit.connections = 0;
	kit.request_len = 0;
	kit.user_done = false;
	users_init(&(struct users_options){ .host = kit.host, .seed = 1,
		.stats = kit.stats });
	return 0;
}

static int kit_teardown(void **state)
{
	struct fiber_stats s;

	(void)state;
	fiber_stats(&s);
	assert_int_equal(s.alive, 0);
	users_release();
	swarm_module_v1()->worker_stop();
	stats_free(kit.stats);
	resolve_release();
	fiber_release();
	loop_release();
	close(kit.listener);
	return 0;
}

/* Runs `body` as the task of one user against the steps. */
static void kit_run(void (*body)(struct swarm_user *),
    const struct step *steps)
{
	kit.body = body;
	kit.steps = steps;
	kit.running = true;
	fiber_start(NULL, kit_serve, NULL, kit_served);
	users_new_run();
	users_set_target(0, 1, 0);
	while (kit.running || users_alive() > 0)
		loop_once(true);
}

#define OK(body_len, body) "HTTP/1.1 200 OK\r\nContent-Length: " body_len \
	"\r\n\r\n" body

#define STEPS(...) ((const struct step[]){ __VA_ARGS__, { .want = NULL } })

/* Checks a series' counts. */
static void kit_counts(const char *type, const char *name, unsigned requests,
    unsigned failures)
{
	struct series *s = stats_series(kit.stats, type, name);

	assert_int_equal(s->requests, requests);
	assert_int_equal(s->failures, failures);
}

#endif
