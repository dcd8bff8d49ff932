/*
 * An event is lines of "field: value" up to an empty line; lines end with LF,
 * CR or CRLF, each possibly in another read than the rest.  An event without
 * data is not one.  What comes after the last empty line is dropped, as the
 * standard has it.
 */
#include "sse.h"

#include <stdlib.h>
#include <string.h>

static int put(struct sse_text *t, const char *data, size_t len)
{
	size_t cap = t->cap ? t->cap : 256;
	char *grown;

	if (len > SSE_EVENT_MAX - t->len)
		return -1;
	while (cap < t->len + len + 1)
		cap *= 2;
	if (cap != t->cap) {
		grown = realloc(t->data, cap);
		if (!grown)
			return -1;
		t->data = grown;
		t->cap = cap;
	}
	if (len > 0)
		memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
	return 0;
}

static void empty(struct sse_text *t)
{
	t->len = 0;
	if (t->data)
		t->data[0] = '\0';
}

static int set(struct sse_text *t, const char *data, size_t len)
{
	empty(t);
	return put(t, data, len);
}

static int take_field(struct sse *s, const char *name, size_t name_len,
    const char *value, size_t len)
{
	if (name_len == 4 && memcmp(name, "data", 4) == 0) {
		if (put(&s->data, value, len) == -1)
			return -1;
		return put(&s->data, "\n", 1);
	}
	if (name_len == 5 && memcmp(name, "event", 5) == 0)
		return set(&s->event, value, len);
	if (name_len == 2 && memcmp(name, "id", 2) == 0 &&
	    !memchr(value, '\0', len))
		return set(&s->id, value, len);
	return 0;
}

/* A whole line, without its end: 1 when it completes an event. */
static int take_line(struct sse *s)
{
	const char *line = s->line.data ? s->line.data : "";
	size_t len = s->line.len;
	const char *colon, *value;

	if (len == 0) {
		if (s->data.len == 0) {
			empty(&s->event);
			return 0;
		}
		s->data.data[--s->data.len] = '\0';     /* the last newline */
		s->dispatched = true;
		return 1;
	}
	colon = memchr(line, ':', len);
	if (!colon)
		return take_field(s, line, len, "", 0);
	if (colon == line)
		return 0;               /* a comment */
	value = colon + 1;
	if (value < line + len && *value == ' ')
		value++;
	return take_field(s, line, (size_t)(colon - line), value,
	    (size_t)(line + len - value));
}

/* The standard lets a stream start with a byte order mark. */
static void skip_mark(struct sse *s)
{
	if (s->began)
		return;
	s->began = true;
	if (s->line.len < 3 || memcmp(s->line.data, "\xef\xbb\xbf", 3) != 0)
		return;
	s->line.len -= 3;
	memmove(s->line.data, s->line.data + 3, s->line.len + 1);
}

int sse_feed(struct sse *s, const char **at, const char *end)
{
	const char *stop;
	int rc;

	if (s->dispatched) {
		empty(&s->data);
		empty(&s->event);
		s->dispatched = false;
	}
	while (*at < end) {
		if (s->after_cr && **at == '\n') {
			s->after_cr = false;
			(*at)++;
			continue;
		}
		s->after_cr = false;
		for (stop = *at; stop < end && *stop != '\n' && *stop != '\r';)
			stop++;
		if (put(&s->line, *at, (size_t)(stop - *at)) == -1)
			return -1;
		*at = stop;
		if (stop == end)
			return 0;
		s->after_cr = *stop == '\r';
		*at = stop + 1;
		skip_mark(s);
		rc = take_line(s);
		empty(&s->line);
		if (rc != 0)
			return rc;
	}
	return 0;
}

void sse_release(struct sse *s)
{
	free(s->line.data);
	free(s->data.data);
	free(s->event.data);
	free(s->id.data);
	memset(s, 0, sizeof *s);
}

const char *sse_event(const struct sse *s)
{
	return s->event.len ? s->event.data : "message";
}

const char *sse_data(const struct sse *s, size_t *len)
{
	*len = s->data.len;
	return s->data.len ? s->data.data : "";
}

const char *sse_id(const struct sse *s)
{
	return s->id.len ? s->id.data : "";
}
