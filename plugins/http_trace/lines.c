/* See the header.  zlib reads what is not gzip'ed as it is. */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define CHUNK ((size_t)256 << 10)

struct lines {
	gzFile file;
	char *data;
	size_t start;                   /* of what is not yet given out */
	size_t end;
	size_t room;
	uint64_t number;
	bool begun;
	bool ended;
};

struct lines *lines_open(const char *path)
{
	struct lines *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->room = CHUNK;
	l->data = malloc(l->room);
	errno = 0;
	l->file = l->data ? gzopen(path, "rbe") : NULL;
	if (l->file)
		return l;
	if (errno == 0)
		errno = ENOMEM;
	free(l->data);
	free(l);
	return NULL;
}

void lines_close(struct lines *l)
{
	if (!l)
		return;
	gzclose(l->file);
	free(l->data);
	free(l);
}

uint64_t lines_number(const struct lines *l)
{
	return l->number;
}

const char *lines_error(struct lines *l)
{
	int code;
	const char *text = gzerror(l->file, &code);

	if (code == Z_OK || code == Z_STREAM_END)
		return NULL;
	return code == Z_ERRNO ? strerror(errno) : text;
}

/* More bytes behind those there are: 1, 0 at the end, -1. */
static int fill(struct lines *l)
{
	char *data;
	int n;

	if (l->start > 0) {
		memmove(l->data, l->data + l->start, l->end - l->start);
		l->end -= l->start;
		l->start = 0;
	}
	if (l->room - l->end < CHUNK / 2) {
		data = realloc(l->data, l->room * 2);
		if (!data)
			return -1;
		l->data = data;
		l->room *= 2;
	}
	n = gzread(l->file, l->data + l->end, (unsigned)(l->room - l->end));
	if (n <= 0) {
		l->ended = true;
		return n < 0 || lines_error(l) ? -1 : 0;
	}
	l->end += (size_t)n;
	/* A byte order mark is no part of the first line. */
	if (!l->begun && l->end >= 3 &&
	    memcmp(l->data, "\xef\xbb\xbf", 3) == 0)
		l->start = 3;
	l->begun = true;
	return 1;
}

/* Over the rest of a line that is too long. */
static int skip_rest(struct lines *l)
{
	const char *end;
	int rc;

	for (;;) {
		end = memchr(l->data + l->start, '\n', l->end - l->start);
		if (end) {
			l->start = (size_t)(end - l->data) + 1;
			return 1;
		}
		l->start = l->end;
		rc = l->ended ? 0 : fill(l);
		if (rc != 1)
			return rc == 0 ? 1 : -1;
	}
}

int lines_next(struct lines *l, struct span *line, bool *too_long)
{
	size_t looked = 0;
	const char *end;
	int rc;

	*too_long = false;
	for (;;) {
		end = memchr(l->data + l->start + looked, '\n',
		    l->end - l->start - looked);
		if (end || l->ended)
			break;
		looked = l->end - l->start;
		if (looked > LINES_MAX) {
			l->number++;
			*too_long = true;
			*line = (struct span){ "", 0 };
			return skip_rest(l);
		}
		rc = fill(l);
		if (rc == -1)
			return -1;
	}
	if (!end && l->start == l->end)
		return 0;
	line->at = l->data + l->start;
	line->len = end ? (size_t)(end - line->at) : l->end - l->start;
	l->start += line->len + (end != NULL);
	l->number++;
	*too_long = line->len > LINES_MAX;
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return 1;
}

int lines_char(struct lines *l)
{
	if (l->start == l->end && (l->ended || fill(l) != 1))
		return -1;
	return (unsigned char)l->data[l->start++];
}
