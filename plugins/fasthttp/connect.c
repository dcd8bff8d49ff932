/*
 * Connecting: what the options say about addresses and TLS, for whichever
 * version of HTTP is then spoken.
 */
#include "connect.h"

#include "own.h"
#include "settings.h"

#include <swarm/fiber.h>
#include <swarm/net.h>
#include <swarm/user.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "host:port", "[v6]:port" or "unix:/path" instead of the URL's server. */
static void redirect_connect(struct swarm_connect_args *c, char *host,
    size_t size)
{
	const char *to = settings.connect_to;
	size_t len;

	if (!to || !*to)
		return;
	c->server_name = c->host;
	c->host = to;
	if (strncmp(to, "unix:", 5) == 0)
		return;
	to += to[0] == '[';
	len = strcspn(to, to > settings.connect_to ? "]" : ":");
	snprintf(host, size, "%.*s", (int)len, to);
	c->host = host;
	to += len;
	to += *to == ']';
	if (to[0] == ':' && to[1])
		c->port = (uint16_t)strtoul(to + 1, NULL, 10);
}

struct swarm_stream *connect_stream(struct exchange *x,
    struct origin *origin, bool two, struct swarm_tls_session **session,
    const char **error)
{
	struct swarm_user *u = x->c.a.pub.user;
	char why[128], source[64], host[256];
	struct swarm_connect_args args = {
		.size = sizeof args,
		.host = origin->host,
		.port = origin->port,
		.deadline = x->c.deadline,
		.source = settings_source(u, source, sizeof source),
	};
	struct swarm_stream *stream;
	int cause;

	redirect_connect(&args, host, sizeof host);
	if (settings.connect_timeout > 0 &&
	    swarm_in(settings.connect_timeout) < args.deadline)
		args.deadline = swarm_in(settings.connect_timeout);
	if (origin->https) {
		args.tls = own_tls(two);
		args.session = session;
		if (!args.tls) {
			*error = "TLS: the options ca, cert or key cannot be "
			    "used";
			errno = EINVAL;
			return NULL;
		}
	}
	stream = swarm_connect(&args, why, sizeof why);
	if (!stream) {
		cause = errno;
		*error = swarm_strdup(u, why);
		errno = cause;
	}
	return stream;
}

void connect_note(struct exchange *x, struct swarm_stream *s)
{
	const struct swarm_connect_times *t = swarm_stream_times(s);
	struct http_times *out = &x->c.a.pub.times;
	int64_t from = t->start;

	if (t->resolved) {
		out->resolve = t->resolved - from;
		from = t->resolved;
	}
	out->connect = t->connected - from;
	if (!t->secured)
		return;
	out->tls = t->secured - t->connected;
	answer_secured(&x->c.a, t->resumed);
}
