/*
 * Users keep connections, not buffers: what an idle one costs is the kernel's
 * socket, a stream and a struct connection.
 */
#include "session.h"

#include "h2pool.h"

#include <stdlib.h>

void session_forget(void *session)
{
	struct session *s = session;
	struct kept_session *kept;

	h2pool_free(&s->pools);
	session_close_idle(s);
	while ((kept = s->kept) != NULL) {
		s->kept = kept->next;
		swarm_tls_session_free(kept->session);
		free(kept);
	}
}

/* ---- connections ---- */

struct connection *session_connection(struct swarm_stream *stream,
    struct origin *origin)
{
	struct connection *c = calloc(1, sizeof *c);

	if (!c) {
		swarm_close(stream);
		return NULL;
	}
	c->stream = stream;
	c->origin = origin;
	return c;
}

struct connection *session_take(struct session *s, struct origin *origin)
{
	struct connection **at = &s->idle, *c;

	while ((c = *at) != NULL) {
		if (c->origin != origin) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		if (!swarm_stream_stale(c->stream))
			return c;
		session_drop(c);
	}
	return NULL;
}

void session_keep(struct session *s, struct connection *c)
{
	c->next = s->idle;
	s->idle = c;
}

void session_drop(struct connection *c)
{
	if (!c)
		return;
	swarm_close(c->stream);
	free(c);
}

void session_close_idle(struct session *s)
{
	struct connection *c;

	h2pool_close(s->pools);
	while ((c = s->idle) != NULL) {
		s->idle = c->next;
		session_drop(c);
	}
}

struct swarm_tls_session **session_tls(struct session *s,
    struct origin *origin)
{
	struct kept_session *k;

	for (k = s->kept; k; k = k->next) {
		if (k->origin == origin)
			return &k->session;
	}
	k = calloc(1, sizeof *k);
	if (!k)
		return NULL;            /* then without resumption */
	k->origin = origin;
	k->next = s->kept;
	s->kept = k;
	return &k->session;
}
