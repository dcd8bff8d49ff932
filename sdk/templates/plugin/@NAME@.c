/*
 * The plugin @NAME@: a client for lines of text over TCP, one connection for
 * each user, kept open between tasks.
 */
#include "@NAME@.h"

#include <swarm/swarm.h>
#include <swarm/net.h>

#include <errno.h>
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

/* To --host HOST:PORT; 0, or -1 with the reason in `error`. */
static int connect_session(struct swarm_user *u, struct session *s,
    int64_t deadline, char *error, size_t error_size)
{
	struct swarm_connect_args args = {
		.size = sizeof(args),
		.host = swarm_host(u),
		.deadline = deadline,
	};

	if (s->stream == NULL)
		s->stream = swarm_connect(&args, error, error_size);
	return s->stream != NULL ? 0 : -1;
}

/* Reads one line; 0, or -1 with errno. */
static int read_line(struct session *s, struct line *l, int64_t deadline)
{
	while (!l->whole) {
		const char *data;
		int64_t n = swarm_recv(s->stream, &data, deadline);

		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return -1;
		if (line_feed(l, data, (size_t)n) == -1) {
			errno = EMSGSIZE;
			return -1;
		}
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
	char error[128];

	l->len = 0;
	l->whole = false;
	if (connect_session(u, s, deadline, error, sizeof(error)) == -1) {
		swarm_fail(&t, "%s", error);
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
