/*
 * Failures are counted by their text, and a text with an address or an id in
 * it is new each time.  So: what wraps the cause is left out, and digits in a
 * word that is no plain small number become "#".
 */
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX 120

static bool is_capitals(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((p[i] < 'A' || p[i] > 'Z') && p[i] != '_')
			return false;
	}
	return n > 0;
}

/* "UNAVAILABLE: ", "ipv4:127.0.0.1:50051: " and the like in front. */
static const char *unwrap(const char *p)
{
	for (;;) {
		const char *end = strstr(p, ": ");
		size_t n = end ? (size_t)(end - p) : 0;

		if (!end)
			return p;
		if (!is_capitals(p, n) && strncmp(p, "ipv4:", 5) != 0 &&
		    strncmp(p, "ipv6:", 5) != 0 &&
		    strncmp(p, "unix:", 5) != 0 &&
		    strncmp(p, "Failed to connect to remote host", n) != 0)
			return p;
		p = end + 2;
	}
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

/* One word, its digits replaced unless it is a number of at most 3. */
static size_t put_word(char *to, const char *p, size_t n)
{
	size_t digits = strspn(p, "0123456789");
	bool whole = digits == n && n <= 3;

	for (size_t i = 0; i < n; i++)
		to[i] = !whole && p[i] >= '0' && p[i] <= '9' ? '#' : p[i];
	return n;
}

void text_reason(char *to, size_t size, const char *from, size_t len)
{
	char room[REASON_MAX * 4], out[REASON_MAX * 4];
	const char *p, *last;
	size_t at = 0;

	if (len >= sizeof room)
		len = sizeof room - 1;
	memcpy(room, from, len);
	room[len] = 0;
	last = strstr(room, "last error: ");
	p = unwrap(last ? last + 12 : room);
	while (*p && at < REASON_MAX) {
		size_t n = 0;

		while (is_word(p[n]) && at + n < REASON_MAX)
			n++;
		if (n == 0) {
			out[at++] = (unsigned char)*p < ' ' ? ' ' : *p;
			p++;
			continue;
		}
		at += put_word(out + at, p, n);
		p += n;
	}
	out[at] = 0;
	snprintf(to, size, "%s", at ? out : "no reason given");
}
