/* See the header. */
#include "bytes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST 512

int bytes_add(struct bytes *b, const void *data, size_t len)
{
	size_t room = b->room ? b->room : FIRST;
	char *at;

	while (room - b->len < len)
		room *= 2;
	if (room != b->room) {
		at = realloc(b->at, room);
		if (!at)
			return -1;
		b->at = at;
		b->room = room;
	}
	if (len)
		memcpy(b->at + b->len, data, len);
	b->len += len;
	return 0;
}

void bytes_free(struct bytes *b)
{
	free(b->at);
	memset(b, 0, sizeof *b);
}

struct span span_of(const char *text)
{
	return (struct span){ text, text ? strlen(text) : 0 };
}

int span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

int span_is_word(struct span s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}
