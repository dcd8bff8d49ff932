/*
 * The lines of an answer's head, each judged by itself.  What a server must not
 * send is an error with a name, and never guessed at.
 */
#include "line.h"

#include <string.h>
#include <strings.h>

static const unsigned char token_byte[256] = {
	['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1,
	['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1,
	['`'] = 1, ['|'] = 1, ['~'] = 1,
	['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1,
};

#define ONES UINT64_C(0x0101010101010101)

/* Whether any of eight bytes may be below a space. */
static uint64_t low_byte(const char *s)
{
	uint64_t word;

	memcpy(&word, s, sizeof word);
	return (word - ONES * ' ') & ~word & ONES * 0x80;
}

/* No control characters but tabs: eight bytes at a time (the last eight may
 * overlap those before), one by one only where something is suspect. */
static bool clean(const char *s, size_t len)
{
	uint64_t suspect = 0;
	size_t i;

	if (len >= 8) {
		for (i = 0; i + 8 <= len; i += 8)
			suspect |= low_byte(s + i);
		suspect |= low_byte(s + len - 8);
		if (!suspect)
			return true;
	}
	for (i = 0; i < len; i++) {
		if ((unsigned char)s[i] < ' ' && s[i] != '\t')
			return false;
	}
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* HTTP/1.x SP 3DIGIT [SP reason]: RFC 9112, 4. */
const char *line_status(struct parse_facts *f, const char *s, size_t len)
{
	if (len < 12 || memcmp(s, "HTTP/", 5) != 0)
		return "not an HTTP answer";
	if (memcmp(s + 5, "1.", 2) != 0 || !is_digit(s[7]) || s[8] != ' ')
		return "not an answer in HTTP/1.x";
	if (!is_digit(s[9]) || !is_digit(s[10]) || !is_digit(s[11]) ||
	    s[9] == '0' || (len > 12 && s[12] != ' '))
		return "malformed status line";
	if (!clean(s + 12, len - 12))
		return "control character in the status line";
	f->minor = s[7] - '0';
	f->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
	return NULL;
}

static const char *content_length(struct parse_facts *f, const char *v, size_t len)
{
	uint64_t n = 0;
	size_t i;

	if (len == 0 || len > 18)
		return "malformed Content-Length";
	for (i = 0; i < len; i++) {
		if (!is_digit(v[i]))
			return "malformed Content-Length";
		n = n * 10 + (uint64_t)(v[i] - '0');
	}
	if (f->has_length && f->length != n)
		return "Content-Length given twice, differently";
	f->has_length = true;
	f->length = n;
	return NULL;
}

static bool is_word(const char *v, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(v, word, len) == 0;
}

/* Connection is a list: "keep-alive, Upgrade". */
static void connection(struct parse_facts *f, const char *v, size_t len)
{
	const char *end = v + len, *stop, *last;

	for (; v < end; v = stop + 1) {
		stop = memchr(v, ',', (size_t)(end - v));
		if (!stop)
			stop = end;
		while (v < stop && (*v == ' ' || *v == '\t'))
			v++;
		for (last = stop; last > v &&
		    (last[-1] == ' ' || last[-1] == '\t');)
			last--;
		if (is_word(v, (size_t)(last - v), "close"))
			f->says_close = true;
		else if (is_word(v, (size_t)(last - v), "keep-alive"))
			f->says_keep_alive = true;
	}
}

static const char *transfer_encoding(struct parse_facts *f, const char *v,
    size_t len)
{
	if (f->chunked || !is_word(v, len, "chunked"))
		return "a Transfer-Encoding other than chunked";
	f->chunked = true;
	return NULL;
}

static void content_encoding(struct parse_facts *f, const char *v, size_t len)
{
	if (is_word(v, len, "gzip") || is_word(v, len, "x-gzip"))
		f->coding = PARSE_GZIP;
	else if (is_word(v, len, "deflate"))
		f->coding = PARSE_DEFLATE;
	else if (!is_word(v, len, "identity") && len > 0)
		f->coding = PARSE_OTHER;
}

/* The headers that decide how to go on; `at` is where the value starts in the
 * head. */
static const char *known_header(struct parse_facts *f, const char *name,
    size_t name_len, const char *v, size_t len, size_t at)
{
	/* One letter decides nearly always. */
	switch (name_len | (size_t)(name[0] | 0x20) << 8) {
	case 8 | 'l' << 8:
		if (strncasecmp(name, "location", 8) == 0) {
			f->location_at = at;
			f->location_len = len;
		}
		break;
	case 10 | 'c' << 8:
		if (strncasecmp(name, "connection", 10) == 0)
			connection(f, v, len);
		break;
	case 10 | 's' << 8:
		if (strncasecmp(name, "set-cookie", 10) == 0)
			f->has_cookies = true;
		break;
	case 14 | 'c' << 8:
		if (strncasecmp(name, "content-length", 14) == 0)
			return content_length(f, v, len);
		break;
	case 16 | 'c' << 8:
		if (strncasecmp(name, "content-encoding", 16) == 0)
			content_encoding(f, v, len);
		break;
	case 17 | 't' << 8:
		if (strncasecmp(name, "transfer-encoding", 17) == 0)
			return transfer_encoding(f, v, len);
		break;
	default:
		break;
	}
	return NULL;
}

const char *line_field(struct parse_facts *f, const char *name,
    size_t name_len, const char *value, size_t len, size_t at)
{
	if (++f->headers > PARSE_HEADERS_MAX)
		return "too many headers";
	return known_header(f, name, name_len, value, len, at);
}

/* field-name ":" OWS field-value OWS: RFC 9112, 5. */
const char *line_header(struct parse_facts *f, const char *s, size_t len,
    size_t at)
{
	const char *end = s + len, *v, *colon = s;

	while (colon < end && token_byte[(unsigned char)*colon])
		colon++;
	if (colon == s || colon == end || *colon != ':')
		return "malformed header";
	v = colon + 1;
	if (!clean(v, (size_t)(end - v)))
		return "control character in a header";
	while (v < end && (*v == ' ' || *v == '\t'))
		v++;
	while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return line_field(f, s, (size_t)(colon - s), v, (size_t)(end - v),
	    at + (size_t)(v - s));
}
