/*
 * The plugin @NAME@: a client for lines of text over TCP, one connection for
 * each user, kept open between tasks.
 */
#include "@NAME@.h"

#include <swarm/swarm.h>
#include <swarm/net.h>

#include <stdlib.h>
#include <string.h>

#include "line.h"

static double timeout;
static int slot;

/* What each user of this plugin has. */
struct session {
	struct swarm_stream *stream;
};

static void close_session(struct swarm_user *u, void *data)
{
	struct session *s = data;

	(void)u;
	swarm_close(s->stream);
	s->stream = NULL;
}

/* "host:port" of --host; 0 or -1. */
static int split_target(struct swarm_user *u, char **host, uint16_t *port)
{
	char *colon;
	long number;

	*host = swarm_strdup(u, swarm_host(u));
	colon = strrchr(*host, ':');
	if (colon == NULL)
		return -1;
	*colon = '\0';
	number = strtol(colon + 1, NULL, 10);
	*port = (uint16_t)number;
	return number > 0 && number < 65536 ? 0 : -1;
}

static int connect_session(struct swarm_user *u, struct session *s,
    int64_t deadline)
{
	struct swarm_connect_args args = { .size = sizeof(args) };
	char error[128];
	char *host;

	if (s->stream != NULL)
		return 0;
	if (split_target(u, &host, &args.port) == -1) {
		swarm_raise(u, "@NAME@ needs --host HOST:PORT");
		return -1;
	}
	args.host = host;
	args.deadline = deadline;
	s->stream = swarm_connect(&args, error, sizeof(error));
	return s->stream != NULL ? 0 : -1;
}

/* Reads one line; 0, or -1 with errno. */
static int read_line(struct session *s, struct line *l, int64_t deadline)
{
	while (!l->whole) {
		const char *data;
		int64_t n = swarm_recv(s->stream, &data, deadline);

		if (n <= 0 || line_feed(l, data, (size_t)n) == -1)
			return -1;
	}
	return 0;
}

static const char *ask(struct swarm_user *u, const char *text)
{
	struct session *s = swarm_slot(u, slot);
	struct line *l = swarm_alloc(u, sizeof(*l));
	char *message = swarm_printf(u, "%s\n", text);
	int64_t deadline = swarm_in(timeout);
	struct swarm_timer t = swarm_begin(u, "@CAPS@", "ask");

	l->len = 0;
	l->whole = false;
	if (connect_session(u, s, deadline) == -1) {
		swarm_fail(&t, "connect: %m");
		return NULL;
	}
	if (swarm_write(s->stream, message, strlen(message), deadline) == -1 ||
	    read_line(s, l, deadline) == -1) {
		swarm_fail(&t, "ask: %m");
		close_session(u, s);
		return NULL;
	}
	swarm_done(&t, l->len);
	return l->text;
}

static const struct @ID@_api api = {
	SWARM_IFACE(struct @ID@_api, @CAPS@_MINOR),
	.ask = ask,
};

static int load(void)
{
	if (timeout <= 0) {
		swarm_error("timeout must be above 0");
		return -1;
	}
	slot = swarm_slot_new(sizeof(struct session), close_session);
	return 0;
}

SWARM_MODULE(
	.name    = "@NAME@",
	.version = "0.1",
	.summary = "lines of text over TCP",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(timeout, "10s",
			"how long an answer may take")),
	.exports = SWARM_EXPORTS({ @CAPS@_ID, &api.head }),
	.load    = load,
);
