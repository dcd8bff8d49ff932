/* What the network sends has a maximum, and is looked at byte by byte. */
#include "line.h"

long line_feed(struct line *l, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n') {
			if (l->len > 0 && l->text[l->len - 1] == '\r')
				l->len--;
			l->text[l->len] = '\0';
			l->whole = true;
			return (long)i + 1;
		}
		if (l->len == LINE_MAX_BYTES)
			return -1;
		l->text[l->len++] = data[i];
	}
	return (long)size;
}
