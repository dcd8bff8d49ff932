/*
 * Server-sent events (text/event-stream, as the HTML standard defines it),
 * bytes in and events out.
 */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include <stdbool.h>
#include <stddef.h>

/* Most bytes of one event: more is an error, not memory. */
#define SSE_EVENT_MAX ((size_t)4 * 1024 * 1024)

struct sse_text {
	char *data;
	size_t len;
	size_t cap;
};

/* Zero-initialised is ready. */
struct sse {
	struct sse_text line;
	struct sse_text data;
	struct sse_text event;
	struct sse_text id;
	bool began;                     /* past a byte order mark */
	bool after_cr;                  /* a LF now belongs to the last line */
	bool dispatched;                /* the caller has seen the event */
};

/*
 * Eats bytes from *at up to `end`: 1 when an event is complete (its strings
 * are in `s` until the next call, terminated), 0 when all bytes are eaten, -1
 * when a line or event is too long.
 */
int sse_feed(struct sse *, const char **at, const char *end);
void sse_release(struct sse *);

/* The event's parts; never NULL. */
const char *sse_event(const struct sse *);
const char *sse_data(const struct sse *, size_t *len);
const char *sse_id(const struct sse *);

#endif
