/*
 * As https://stomp.github.io/stomp-specification-1.2.html, "Augmented BNF".
 * A WebSocket message is one frame; ends of lines before it and after its NUL
 * are heart-beats.
 */
#include "frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct frame_out *o, const char *data, size_t len)
{
	if (o->to)
		memcpy(o->to + o->len, data, len);
	o->len += len;
}

size_t frame_escape(char *to, const char *value)
{
	static const char from[] = "\\\n\r:", into[] = "\\nrc";
	size_t n = 0;

	for (; *value; value++) {
		const char *at = strchr(from, *value);

		if (at && to)
			to[n] = '\\';
		n += at != NULL;
		if (to)
			to[n] = at ? into[at - from] : *value;
		n++;
	}
	return n;
}

static void put_escaped(struct frame_out *o, const char *value)
{
	if (o->plain) {
		/* What would end the line is left out: it cannot be said. */
		for (; *value; value++) {
			if (*value != '\n' && *value != '\r')
				put(o, value, 1);
		}
		return;
	}
	o->len += frame_escape(o->to ? o->to + o->len : NULL, value);
}

void frame_line(struct frame_out *o, const char *text)
{
	put(o, text, strlen(text));
	put(o, "\n", 1);
}

void frame_header(struct frame_out *o, const char *name, const char *value)
{
	if (!value)
		return;
	put_escaped(o, name);
	put(o, ":", 1);
	put_escaped(o, value);
	put(o, "\n", 1);
}

void frame_body(struct frame_out *o, const char *body, size_t len)
{
	char number[32];

	if (len > 0) {
		snprintf(number, sizeof number, "%zu", len);
		frame_header(o, "content-length", number);
	}
	put(o, "\n", 1);
	if (len > 0)
		put(o, body, len);
	put(o, "", 1);
}

/* ---- reading ---- */

static const char *skip_ends(const char *at, const char *end)
{
	while (at < end && (*at == '\n' || *at == '\r'))
		at++;
	return at;
}

bool frame_is_heartbeat(const char *text, size_t len)
{
	return skip_ends(text, text + len) == text + len;
}

/* The bytes of the line at `at`, without its end; *next is behind that.
 * NULL: no end. */
static const char *line_end(const char *at, const char *end,
    const char **next)
{
	const char *stop = memchr(at, '\n', (size_t)(end - at));

	if (!stop)
		return NULL;
	*next = stop + 1;
	return stop > at && stop[-1] == '\r' ? stop - 1 : stop;
}

bool frame_is(const char *text, size_t len, const char *command,
    const char *header, const char *escaped)
{
	const char *end = text + len, *next, *stop;
	const char *at = skip_ends(text, end);
	size_t n = header ? strlen(header) : 0;

	stop = line_end(at, end, &next);
	if (!stop || (size_t)(stop - at) != strlen(command) ||
	    memcmp(at, command, (size_t)(stop - at)) != 0)
		return false;
	if (!header)
		return true;
	for (at = next; (stop = line_end(at, end, &next)) && stop > at;
	    at = next) {
		if ((size_t)(stop - at) <= n || at[n] != ':' ||
		    memcmp(at, header, n) != 0)
			continue;
		at += n + 1;
		return (size_t)(stop - at) == strlen(escaped) &&
		    memcmp(at, escaped, (size_t)(stop - at)) == 0;
	}
	return false;
}

/* False: an escape that is none, which is a fatal error by the standard. */
static bool unescape(char *text, bool plain)
{
	char *to = text;

	for (; *text; text++) {
		char c = *text;

		if (c == '\\' && !plain) {
			text++;
			c = *text == 'n' ? '\n' : *text == 'r' ? '\r' :
			    *text == 'c' ? ':' : *text == '\\' ? '\\' : 0;
			if (c == 0)
				return false;
		}
		*to++ = c;
	}
	*to = 0;
	return true;
}

/* A line, ended by a NUL in place; NULL: none. */
static char *take_line(char **at, const char *end)
{
	char *line = *at;
	const char *next;
	const char *stop = line_end(line, end, &next);

	if (!stop || memchr(line, 0, (size_t)(stop - line)))
		return NULL;
	line[stop - line] = 0;
	*at = line + (next - line);
	return line;
}

static bool read_headers(struct stomp_frame *f, struct stomp_header *room,
    char **at, const char *end)
{
	bool plain = strcmp(f->command, "CONNECTED") == 0;
	char *line, *colon;

	while ((line = take_line(at, end)) && *line) {
		colon = strchr(line, ':');
		if (!colon || f->header_count == FRAME_HEADERS)
			return false;
		*colon = 0;
		if (!unescape(line, plain) || !unescape(colon + 1, plain))
			return false;
		room[f->header_count++] = (struct stomp_header){ line,
			colon + 1 };
	}
	return line != NULL;
}

bool frame_read(struct stomp_frame *f, struct stomp_header *room, char *text,
    size_t len)
{
	char *end = text + len;
	char *at = text + (skip_ends(text, end) - text);
	const char *number = NULL;
	char *stop;

	*f = (struct stomp_frame){ .size = sizeof *f, .headers = room };
	f->command = take_line(&at, end);
	if (!f->command || !*f->command || !read_headers(f, room, &at, end))
		return false;
	for (size_t i = 0; i < f->header_count && !number; i++) {
		if (strcmp(room[i].name, "content-length") == 0)
			number = room[i].value;
	}
	f->body = at;
	if (number) {
		f->len = strtoul(number, &stop, 10);
		if (*stop || stop == number ||
		    f->len >= (size_t)(end - at) || at[f->len])
			return false;
	} else {
		stop = memchr(at, 0, (size_t)(end - at));
		if (!stop)
			return false;
		f->len = (size_t)(stop - at);
	}
	at += f->len + 1;
	return frame_is_heartbeat(at, (size_t)(end - at));
}
