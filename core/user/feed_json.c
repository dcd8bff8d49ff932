/*
 * NDJSON.  Each line is checked by jansson when the file is opened; what it
 * has found to be an object is later walked without looking for mistakes.
 */
#include "user/feed_json.h"

#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "base/xalloc.h"

static int check_line(const struct feed_file *f, uint64_t line,
    const char *at, size_t len)
{
	json_error_t error;
	json_t *object = json_loadb(at, len, JSON_REJECT_DUPLICATES |
	    JSON_DECODE_ANY, &error);
	bool good = json_is_object(object);

	if (object == NULL)
		log_error("%s:%llu:%d: %s", f->path, (unsigned long long)line,
		    error.column > 0 ? error.column : 1, error.text);
	else if (!good)
		log_error("%s:%llu:1: not a JSON object; each line of the "
		    "file is one", f->path, (unsigned long long)line);
	json_decref(object);
	return good ? 0 : -1;
}

static size_t blanks(const char *at, size_t len)
{
	size_t n = 0;

	while (n < len && (at[n] == ' ' || at[n] == '\t' || at[n] == '\r'))
		n++;
	return n;
}

int feed_json_read(struct feed_file *f)
{
	const char *at = f->data;
	const char *end = f->data + f->len;
	size_t room = 0;

	if (f->len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	for (uint64_t line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop != NULL ? stop : end) - at);

		if (blanks(at, len) < len) {
			if (check_line(f, line, at, len) == -1)
				return -1;
			if (f->row_count == room) {
				room = room > 0 ? room * 2 : 1024;
				f->rows = xreallocarray(f->rows, room,
				    sizeof f->rows[0]);
			}
			f->rows[f->row_count++] = (uint64_t)(at - f->data);
		}
		at += len + 1;
	}
	return 0;
}

/* ---- a walk over an object that is known to be one ---- */

static const char *skip_space(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\r')
		p++;
	return p;
}

/* From a string's opening quote to its closing one. */
static const char *string_end(const char *p, bool *escaped)
{
	for (p++; *p != '"'; p++) {
		if (*p == '\\') {
			*escaped = true;
			p++;
		}
	}
	return p;
}

/* After a value of any kind. */
static const char *value_end(const char *p)
{
	unsigned depth = 0;
	bool escaped;

	for (;; p++) {
		if (*p == '"') {
			p = string_end(p, &escaped);
			if (depth == 0)
				return p + 1;
		} else if (*p == '{' || *p == '[') {
			depth++;
		} else if (depth > 0 && (*p == '}' || *p == ']')) {
			if (--depth == 0)
				return p + 1;
		} else if (depth == 0 && strchr(",} \t\r", *p) != NULL) {
			return p;
		}
	}
}

static bool is_name(const struct feed_field *key, const char *name)
{
	char text[FEED_NAME_MAX * 6];
	size_t len = strlen(name);

	if (!key->escaped)
		return key->len == len && memcmp(key->data, name, len) == 0;
	/* An escape is six bytes for one, at most. */
	if (key->len > sizeof text)
		return false;
	return feed_json_unescape(key, text) == len &&
	    memcmp(text, name, len) == 0;
}

static void take_value(const char *p, struct feed_field *field)
{
	field->escaped = false;
	if (*p == '"') {
		const char *end = string_end(p, &field->escaped);

		field->data = p + 1;
		field->len = (size_t)(end - p - 1);
		return;
	}
	field->data = *p == 'n' ? NULL : p;
	field->len = (size_t)(value_end(p) - p);
}

void feed_json_field(const struct feed_file *f, uint64_t row, const char *name,
    struct feed_field *field)
{
	const char *p = skip_space(f->data + f->rows[row]) + 1;

	*field = (struct feed_field){ 0 };
	for (;;) {
		struct feed_field key = { 0 };
		const char *end;

		p = skip_space(p);
		if (*p == '}')
			return;
		end = string_end(p, &key.escaped);
		key.data = p + 1;
		key.len = (size_t)(end - p - 1);
		p = skip_space(skip_space(end + 1) + 1);
		if (is_name(&key, name)) {
			take_value(p, field);
			return;
		}
		p = skip_space(value_end(p));
		if (*p == ',')
			p++;
	}
}

/* ---- escapes ---- */

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		v = v * 16 + (unsigned)(c <= '9' ? c - '0' :
		    (c | 0x20) - 'a' + 10);
	}
	return v;
}

static size_t put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* `p` is after "\u"; a pair of surrogates is one character.  Returns what
 * was read of it. */
static size_t unicode(const char *p, char *out, size_t *len)
{
	unsigned c = hex4(p);
	size_t used = 4;

	if (c >= 0xd800 && c < 0xdc00) {
		c = 0x10000 + ((c - 0xd800) << 10) + (hex4(p + 6) - 0xdc00);
		used = 10;
	}
	*len += put_utf8(out + *len, c);
	return used;
}

size_t feed_json_unescape(const struct feed_field *field, char *out)
{
	static const char letters[] = "bfnrt";
	static const char means[] = "\b\f\n\r\t";
	const char *p = field->data;
	const char *end = p + field->len;
	size_t len = 0;

	while (p < end) {
		const char *letter;

		if (*p != '\\') {
			out[len++] = *p++;
			continue;
		}
		letter = strchr(letters, p[1]);
		if (p[1] == 'u') {
			p += 2 + unicode(p + 2, out, &len);
			continue;
		}
		out[len++] = letter != NULL ? means[letter - letters] : p[1];
		p += 2;
	}
	return len;
}
