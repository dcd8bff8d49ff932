/*
 * See screen.h.  One write() a drawing: what a terminal shows in between is
 * never half a picture.
 */
#include "report/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"

#define MOST_BYTES (256u << 10)

void screen_init(struct screen *s, int fd)
{
	memset(s, 0, sizeof *s);
	s->fd = fd;
}

static void forget(struct screen *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->lines[i]);
	s->count = 0;
}

void screen_release(struct screen *s)
{
	forget(s);
}

static void put(struct screen *s, const struct buf *out)
{
	const char *at = out->data;
	size_t left = out->len;

	while (left > 0) {
		ssize_t n = write(s->fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += n;
		left -= (size_t)n;
		s->written += (size_t)n;
	}
}

/* Another program may own the terminal now. */
static bool in_front(const struct screen *s)
{
	pid_t owner = tcgetpgrp(s->fd);

	return owner == -1 || owner == getpgrp();
}

static size_t split(const char *text, char *lines[SCREEN_LINES])
{
	size_t count = 0;

	while (*text != '\0' && count < SCREEN_LINES) {
		size_t len = strcspn(text, "\n");

		lines[count++] = xstrndup(text, len);
		text += len + (text[len] == '\n');
	}
	return count;
}

static void draw_line(struct buf *out, const char *line, const char *old)
{
	if (old != NULL && strcmp(line, old) == 0)
		return;
	buf_puts(out, line);
	buf_puts(out, "\033[K");
}

void screen_draw(struct screen *s, const char *text, int width)
{
	struct buf out = BUF_INIT(MOST_BYTES);
	char *lines[SCREEN_LINES];
	size_t count;

	if (!in_front(s))
		return;
	if (width != s->width || log_stderr_lines() != s->logged) {
		/* What stands there is not what was drawn. */
		buf_puts(&out, SCREEN_CLEAR);
		forget(s);
	}
	count = split(text, lines);
	for (size_t i = 0; i < count; i++) {
		buf_puts(&out, i > 0 ? "\r\n" : "");
		draw_line(&out, lines[i], i < s->count ? s->lines[i] : NULL);
	}
	if (count < s->count)
		buf_puts(&out, count > 0 ? "\r\n\033[J\033[A" : SCREEN_CLEAR);
	if (count > 1)
		buf_printf(&out, "\033[%zuA", count - 1);
	buf_putc(&out, '\r');
	put(s, &out);
	buf_release(&out);
	forget(s);
	memcpy(s->lines, lines, count * sizeof *lines);
	s->count = count;
	s->width = width;
	s->logged = log_stderr_lines();
}

void screen_clear(struct screen *s)
{
	struct buf out = BUF_INIT(100);

	if (s->count == 0)
		return;
	buf_puts(&out, SCREEN_CLEAR);
	if (in_front(s))
		put(s, &out);
	buf_release(&out);
	forget(s);
}
