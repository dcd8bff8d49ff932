/*
 * A writer of JSON.  The state is what commas and indentation need; the
 * shortest form of a number is found by trying 15, 16 and 17 digits.
 */
#include "base/jsonw.h"

#include "base/utf8.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jsonw_init(struct jsonw *j, struct buf *out, int indent)
{
	*j = (struct jsonw){ .out = out, .indent = indent };
}

static void new_line(struct jsonw *j)
{
	if (j->indent == 0)
		return;
	buf_putc(j->out, '\n');
	for (int i = 0; i < j->depth * j->indent; i++)
		buf_putc(j->out, ' ');
}

/* What stands before a value or a key. */
static void separate(struct jsonw *j)
{
	if (j->keyed) {
		j->keyed = false;
		return;
	}
	if (j->depth == 0)
		return;
	if (j->comma[j->depth])
		buf_putc(j->out, ',');
	j->comma[j->depth] = true;
	new_line(j);
}

static void open_level(struct jsonw *j, char c)
{
	separate(j);
	buf_putc(j->out, c);
	if (j->depth + 1 == JSONW_DEPTH)
		abort();                /* a document of ours without end */
	j->depth++;
	j->comma[j->depth] = false;
}

static void close_level(struct jsonw *j, char c)
{
	bool filled = j->comma[j->depth];

	assert(j->depth > 0);
	j->depth--;
	if (filled)
		new_line(j);
	buf_putc(j->out, c);
}

void jsonw_object(struct jsonw *j)
{
	open_level(j, '{');
}

void jsonw_array(struct jsonw *j)
{
	open_level(j, '[');
}

void jsonw_end(struct jsonw *j)
{
	close_level(j, '}');
}

void jsonw_end_array(struct jsonw *j)
{
	close_level(j, ']');
}

static void escape(struct buf *out, uint32_t code)
{
	if (code >= 0x10000) {
		code -= 0x10000;
		buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (code >> 10),
		    0xdc00 + (code & 0x3ff));
	} else {
		buf_printf(out, "\\u%04x", code);
	}
}

static bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' &&
	    c != '>' && c != '&';
}

static void write_text(struct buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	buf_putc(out, '"');
	while (*s) {
		uint32_t code;
		size_t n = 0;

		while (plain(s[n]))
			n++;
		if (n > 0) {
			buf_add(out, s, n);
			s += n;
		} else if (*s == '"' || *s == '\\') {
			buf_putc(out, '\\');
			buf_putc(out, (char)*s++);
		} else if (*s == '\n') {
			buf_puts(out, "\\n");
			s++;
		} else if (*s < 0x80) {
			escape(out, *s++);
		} else {
			n = utf8_decode(s, SIZE_MAX, &code);
			escape(out, n > 0 ? code : 0xfffd);
			s += n > 0 ? n : 1;
		}
	}
	buf_putc(out, '"');
}

void jsonw_key(struct jsonw *j, const char *key)
{
	separate(j);
	write_text(j->out, key);
	buf_puts(j->out, j->indent > 0 ? ": " : ":");
	j->keyed = true;
}

void jsonw_string(struct jsonw *j, const char *s)
{
	if (!s) {
		jsonw_null(j);
		return;
	}
	separate(j);
	write_text(j->out, s);
}

void jsonw_int(struct jsonw *j, int64_t value)
{
	separate(j);
	buf_printf(j->out, "%lld", (long long)value);
}

static void write_double(struct jsonw *j, double value, bool point)
{
	char text[40];

	separate(j);
	if (!isfinite(value)) {
		buf_puts(j->out, "null");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buf_puts(j->out, text);
	if (point && !strpbrk(text, ".e"))
		buf_puts(j->out, ".0");
}

void jsonw_double(struct jsonw *j, double value)
{
	write_double(j, value, false);
}

void jsonw_float(struct jsonw *j, double value)
{
	write_double(j, value, true);
}

void jsonw_short(struct jsonw *j, double value, int digits)
{
	separate(j);
	if (isfinite(value))
		buf_printf(j->out, "%.*g", digits, value);
	else
		buf_puts(j->out, "null");
}

void jsonw_bool(struct jsonw *j, bool value)
{
	separate(j);
	buf_puts(j->out, value ? "true" : "false");
}

void jsonw_null(struct jsonw *j)
{
	separate(j);
	buf_puts(j->out, "null");
}

void jsonw_put_string(struct jsonw *j, const char *key, const char *s)
{
	jsonw_key(j, key);
	jsonw_string(j, s);
}

void jsonw_put_int(struct jsonw *j, const char *key, int64_t value)
{
	jsonw_key(j, key);
	jsonw_int(j, value);
}

void jsonw_put_double(struct jsonw *j, const char *key, double value)
{
	jsonw_key(j, key);
	jsonw_double(j, value);
}

void jsonw_put_float(struct jsonw *j, const char *key, double value)
{
	jsonw_key(j, key);
	jsonw_float(j, value);
}

void jsonw_put_bool(struct jsonw *j, const char *key, bool value)
{
	jsonw_key(j, key);
	jsonw_bool(j, value);
}

void jsonw_put_null(struct jsonw *j, const char *key)
{
	jsonw_key(j, key);
	jsonw_null(j);
}
