/*
 * See the header.  Packed: the status and the number of headers, 16 bits
 * each, little end first; method, path, names and values, each with a NUL;
 * then the body.
 */
#include "request.h"

#include <string.h>
#include <strings.h>

#define HEAD      4
#define VALUE_MAX 16384

void request_header(struct request *r, struct span name, struct span value)
{
	if (r->header_count == REQUEST_HEADERS)
		return;
	r->names[r->header_count] = name;
	r->values[r->header_count++] = value;
}

bool request_line(struct request *r, struct span line)
{
	const char *first = memchr(line.at, ' ', line.len);
	size_t len = line.len;
	const char *last;

	/* What is in the middle may hold blanks; then it is refused later,
	 * with a reason of its own. */
	last = first ? memrchr(first + 1, ' ',
	    len - (size_t)(first + 1 - line.at)) : NULL;
	if (!last || len - (size_t)(last - line.at) < 6 ||
	    memcmp(last + 1, "HTTP/", 5) != 0)
		return false;
	r->method = (struct span){ line.at, (size_t)(first - line.at) };
	r->target = (struct span){ first + 1, (size_t)(last - first - 1) };
	return true;
}

bool request_is_safe(const struct request *r)
{
	return span_is(r->method, "GET") || span_is(r->method, "HEAD") ||
	    span_is(r->method, "OPTIONS") || span_is(r->method, "TRACE");
}

/* RFC 9110, 5.6.2. */
static bool is_token(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return s.len > 0;
}

/* Without "http://host", and without what follows a "#". */
static struct span path_of(struct span s)
{
	const char *host = NULL, *slash;
	const char *hash = memchr(s.at, '#', s.len);

	if (hash)
		s.len = (size_t)(hash - s.at);
	if (s.len > 7 && strncasecmp(s.at, "http://", 7) == 0)
		host = s.at + 7;
	else if (s.len > 8 && strncasecmp(s.at, "https://", 8) == 0)
		host = s.at + 8;
	if (!host)
		return s;
	slash = memchr(host, '/', s.len - (size_t)(host - s.at));
	if (!slash)
		return SPAN("/");
	return (struct span){ slash, s.len - (size_t)(slash - s.at) };
}

/* Bytes beyond ASCII are sent percent-encoded. */
static const char *add_path(struct span s, struct bytes *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	if (s.len == 0 || s.at[0] != '/')
		return "the target is no path";
	if (s.len > REQUEST_PATH_MAX)
		return "the path is longer than 16 KiB";
	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		char three[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (c <= ' ' || c == 0x7f)
			return "a blank or control character in the path";
		if (bytes_add(out, c >= 0x80 ? three : &s.at[i],
		    c >= 0x80 ? 3 : 1) == -1)
			return "no memory";
	}
	return NULL;
}

static bool add_text(struct bytes *out, struct span s)
{
	return bytes_add(out, s.at, s.len) == 0 &&
	    bytes_add(out, "", 1) == 0;
}

static bool value_is_clean(struct span s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return s.len <= VALUE_MAX;
}

static const char *add_headers(const struct request *r, struct bytes *out)
{
	size_t i;

	for (i = 0; i < r->header_count; i++) {
		if (!is_token(r->names[i]))
			return "a header's name is none";
		if (!value_is_clean(r->values[i]))
			return "a control character in a header's value";
		if (!add_text(out, r->names[i]) || !add_text(out,
		    r->values[i]))
			return "no memory";
	}
	return NULL;
}

const char *request_pack(const struct request *r, struct bytes *out)
{
	unsigned status = r->status >= 100 && r->status <= 599 ?
	    (unsigned)r->status : 0;
	char head[HEAD] = { (char)(status & 255), (char)(status >> 8),
		(char)r->header_count, 0 };
	const char *why;

	out->len = 0;
	if (!is_token(r->method) || r->method.len > 32)
		return "the method is none";
	if (r->body.len > REQUEST_BODY_MAX)
		return "the body is larger than 4 MiB";
	if (bytes_add(out, head, HEAD) == -1 || !add_text(out, r->method))
		return "no memory";
	why = add_path(path_of(r->target), out);
	if (!why && bytes_add(out, "", 1) == -1)
		why = "no memory";
	if (!why)
		why = add_headers(r, out);
	if (!why && bytes_add(out, r->body.at, r->body.len) == -1)
		why = "no memory";
	return why;
}

/* The string at *at, which then is behind it; NULL when it does not end. */
static const char *take_text(const char **at, const char *end)
{
	const char *text = *at;
	const char *nul = memchr(text, '\0', (size_t)(end - text));

	if (!nul)
		return NULL;
	*at = nul + 1;
	return text;
}

int request_unpack(struct packed *p, const void *data, size_t len)
{
	const unsigned char *head = data;
	const char *at = (const char *)data + HEAD;
	const char *end = (const char *)data + len;
	size_t i;

	if (len < HEAD || head[2] > REQUEST_HEADERS)
		return -1;
	p->status = head[0] | head[1] << 8;
	p->header_count = head[2];
	p->method = take_text(&at, end);
	p->path = p->method ? take_text(&at, end) : NULL;
	if (!p->path)
		return -1;
	for (i = 0; i < p->header_count; i++) {
		p->names[i] = take_text(&at, end);
		p->values[i] = p->names[i] ? take_text(&at, end) : NULL;
		if (!p->values[i])
			return -1;
	}
	p->names[i] = p->values[i] = NULL;
	p->body = at;
	p->body_len = (size_t)(end - at);
	return 0;
}
