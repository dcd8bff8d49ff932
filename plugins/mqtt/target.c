/*
 * Where to connect, and why it failed.
 *
 * Paho resolves names in its one send thread, under the lock that every
 * client of the process needs; so swarm does, and Paho is given the address.
 * With TLS it must have the name, to verify the certificate, and resolves it
 * itself.
 *
 * When a connect or a TLS handshake fails Paho does not say why, or only to
 * those who know OpenSSL's source.  One attempt of our own finds out, at most
 * once a second: its answer serves all the clients that failed meanwhile.
 */
#include "paho.h"

#include "tls.h"

#include <swarm/net.h>

#include <stdio.h>
#include <string.h>

int target_uri(const struct settings *s, int64_t deadline, char *uri,
    size_t size, char *why, size_t why_size)
{
	const struct url *u = &s->url;
	const char *scheme = u->websocket ? (u->tls ? "wss" : "ws") :
	    (u->tls ? "ssl" : "tcp");
	char found[1][SWARM_ADDRESS_SIZE];
	const char *host = u->host;

	if (!u->numeric && !u->tls) {
		if (swarm_resolve(u->host, found, 1, deadline, why,
		    why_size) == -1)
			return -1;
		host = found[0];
	}
	snprintf(uri, size, strchr(host, ':') ? "%s://[%s]:%u%s" :
	    "%s://%s:%u%s", scheme, host, u->port, u->path);
	return 0;
}

static struct {
	char host[256];
	uint16_t port;
	bool running;
	int64_t until;                  /* the answer serves till then */
	char text[128];
	struct swarm_waiters waiters;
} probe;

static void run_probe(const struct settings *s, int64_t deadline)
{
	struct swarm_connect_args a = {
		.size = sizeof a,
		.host = s->url.host,
		.port = s->url.port,
		.deadline = deadline,
		.tls = s->url.tls ? tls_context(s->args.tls) : NULL,
	};
	struct swarm_stream *stream = NULL;

	memcpy(probe.host, s->url.host, sizeof probe.host);
	probe.port = s->url.port;
	probe.running = true;
	if (s->url.tls && !a.tls)
		snprintf(probe.text, sizeof probe.text,
		    "the TLS files cannot be used");
	else if ((stream = swarm_connect(&a, probe.text, sizeof probe.text)))
		snprintf(probe.text, sizeof probe.text, "%s",
		    settings_no_connack(s));
	swarm_close(stream);
	probe.running = false;
	probe.until = swarm_in(1);
	swarm_waiters_wake(&probe.waiters);
}

const char *target_why(const struct settings *s, int64_t deadline)
{
	while (probe.running) {
		if (swarm_waiters_wait(&probe.waiters, deadline) == -1)
			return "connection failed";
	}
	if (swarm_now() >= probe.until || probe.port != s->url.port ||
	    strcmp(probe.host, s->url.host) != 0)
		run_probe(s, deadline);
	return probe.text;
}
