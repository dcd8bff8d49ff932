/*
 * Names and error texts come from scenarios and from the system under test,
 * so every format's own means against a text that would end a field or a line
 * is here, in one place, with its tests.
 */
#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_release(struct text *t)
{
	free(t->data);
	memset(t, 0, sizeof(*t));
}

void text_clear(struct text *t)
{
	t->len = 0;
	t->failed = false;
	if (t->data)
		t->data[0] = '\0';
}

static bool reserve(struct text *t, size_t len)
{
	size_t cap = t->cap ? t->cap : 256;
	char *data;

	if (t->failed || len > TEXT_MAX - t->len) {
		t->failed = true;
		return false;
	}
	while (cap <= t->len + len)
		cap *= 2;
	if (cap == t->cap)
		return true;
	data = realloc(t->data, cap);
	if (!data) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->cap = cap;
	return true;
}

void text_add(struct text *t, const void *data, size_t len)
{
	if (!reserve(t, len))
		return;
	if (len > 0)
		memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_putc(struct text *t, char c)
{
	text_add(t, &c, 1);
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(small))
		t->failed = true;
	else
		text_add(t, small, (size_t)n);
}

const char *text_str(const struct text *t)
{
	return t->data ? t->data : "";
}

void text_number(struct text *t, double v)
{
	char digits[40];

	if (!isfinite(v))
		v = 0;
	for (int precision = 6; precision <= 17; precision += 11) {
		snprintf(digits, sizeof(digits), "%.*g", precision, v);
		if (strtod(digits, NULL) == v)
			break;
	}
	text_puts(t, digits);
}

/* Bytes of the UTF-8 sequence that begins here; 0: it is none. */
static size_t sequence(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
	    (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong, surrogates, beyond the last. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void text_clean(struct text *t, const char *s)
{
	while (*s) {
		size_t n = sequence((const unsigned char *)s);

		if (n == 0)
			text_puts(t, "\xef\xbf\xbd");
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			text_putc(t, ' ');
		else
			text_add(t, s, n);
		s += n > 0 ? n : 1;
	}
}

void text_json(struct text *t, const char *s)
{
	struct text clean = { 0 };

	text_clean(&clean, s);
	text_putc(t, '"');
	for (const char *c = text_str(&clean); *c; c++) {
		if (*c == '"' || *c == '\\')
			text_putc(t, '\\');
		text_putc(t, *c);
	}
	text_putc(t, '"');
	text_release(&clean);
}

/* A backslash in front of a special character would take its backslash away,
 * and there is no way to write it. */
void text_influx_tag(struct text *t, const char *s)
{
	struct text clean = { 0 };

	text_clean(&clean, s);
	for (const char *c = text_str(&clean); *c; c++) {
		bool special = c[1] == '\0' || strchr(", =\\", c[1]);

		if (*c == '\\' && special) {
			text_putc(t, '/');
			continue;
		}
		if (*c == ',' || *c == ' ' || *c == '=')
			text_putc(t, '\\');
		text_putc(t, *c);
	}
	text_release(&clean);
}

void text_influx_string(struct text *t, const char *s)
{
	text_json(t, s);
}

void text_name(struct text *t, const char *s)
{
	for (; *s; s++) {
		bool plain = (*s >= 'a' && *s <= 'z') ||
		    (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		    *s == '-' || *s == '_';

		text_putc(t, plain ? *s : '_');
	}
}

void text_statsd_tag(struct text *t, const char *s)
{
	struct text clean = { 0 };

	text_clean(&clean, s);
	for (const char *c = text_str(&clean); *c; c++)
		text_putc(t, strchr("|,#\n", *c) ? '_' : *c);
	text_release(&clean);
}
