/*
 * Forms.  Strict where leniency would guess: a bad escape or a NUL byte in a
 * value refuses the whole.
 */
#include "web/form.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/xalloc.h"

/* Takes over both texts. */
static int form_add(struct form *f, char *name, char *value)
{
	if (!name || !value || f->count == FORM_MAX_FIELDS) {
		free(name);
		free(value);
		return -1;
	}
	f->field[f->count++] = (struct form_field){ name, value };
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* NULL on a bad escape. */
static char *decode(const char *s, size_t len)
{
	char *out = xmalloc(len + 1), *p = out;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%') {
			int hi = i + 2 < len ? hex(s[i + 1]) : -1;
			int lo = hi >= 0 ? hex(s[i + 2]) : -1;

			if (lo < 0 || (hi == 0 && lo == 0))
				goto bad;
			*p++ = (char)(hi << 4 | lo);
			i += 2;
		} else if (s[i] == '\0') {
			goto bad;
		} else {
			*p++ = s[i] == '+' ? ' ' : s[i];
		}
	}
	*p = '\0';
	return out;
bad:
	free(out);
	return NULL;
}

static int parse_urlencoded(struct form *f, const char *s, size_t len)
{
	size_t at = 0;

	while (at < len) {
		const char *end = memchr(s + at, '&', len - at);
		size_t n = end ? (size_t)(end - s) - at : len - at;
		const char *eq = memchr(s + at, '=', n);
		size_t name = eq ? (size_t)(eq - s) - at : n;

		if (n > 0 && form_add(f, decode(s + at, name), eq ?
		    decode(eq + 1, n - name - 1) : xstrdup("")) == -1)
			return -1;
		at += n + 1;
	}
	return 0;
}

static char *scalar_text(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return strlen(json_string_value(v)) ==
		    json_string_length(v) ?
		    xstrdup(json_string_value(v)) : NULL;
	case JSON_TRUE:
		return xstrdup("true");
	case JSON_FALSE:
		return xstrdup("false");
	case JSON_INTEGER:
	case JSON_REAL:
		return json_dumps(v, JSON_ENCODE_ANY);
	default:
		return NULL;
	}
}

/* An array is its name several times. */
static int add_json(struct form *f, const char *key, const json_t *value)
{
	int rc = 0;

	if (!json_is_array(value))
		return form_add(f, xstrdup(key), scalar_text(value));
	for (size_t i = 0; rc == 0 && i < json_array_size(value); i++)
		rc = form_add(f, xstrdup(key),
		    scalar_text(json_array_get(value, i)));
	return rc;
}

static int parse_json(struct form *f, const char *s, size_t len)
{
	json_t *root = json_loadb(s, len, JSON_REJECT_DUPLICATES, NULL);
	const char *key;
	json_t *value;
	int rc = json_is_object(root) ? 0 : -1;

	if (rc == 0)
		json_object_foreach(root, key, value)
			if (rc == 0 && !json_is_null(value))
				rc = add_json(f, key, value);
	json_decref(root);
	return rc;
}

/* The quoted value of `name` in a part's headers, or NULL. */
static char *disposition_name(const char *head, size_t len)
{
	static const char want[] = "name=\"";
	const char *at = memmem(head, len, want, sizeof(want) - 1);
	const char *end;

	if (!at)
		return NULL;
	at += sizeof(want) - 1;
	end = memchr(at, '"', len - (size_t)(at - head));
	return end ? xstrndup(at, (size_t)(end - at)) : NULL;
}

/* RFC 7578: parts between "--boundary" lines. */
static int parse_multipart(struct form *f, const char *type, const char *s,
    size_t len)
{
	const char *b = strstr(type, "boundary=");
	char mark[128] = "\r\n--";
	const char *at, *end = s + len, *head, *next;
	size_t size;

	if (!b)
		return -1;
	b += strlen("boundary=");
	b += *b == '"';
	size = strcspn(b, "\";, ");
	if (size == 0 || size > 70)
		return -1;
	memcpy(mark + 4, b, size);
	size += 4;
	/* The first boundary has no line end before it. */
	if (len < size - 2 || memcmp(s, mark + 2, size - 2) != 0)
		return -1;
	at = s + size - 2;
	while (end - at >= 2 && memcmp(at, "\r\n", 2) == 0) {
		head = at + 2;
		at = memmem(head, (size_t)(end - head), "\r\n\r\n", 4);
		next = at ? memmem(at + 4, (size_t)(end - at - 4), mark, size)
		    : NULL;
		if (!next || memchr(at + 4, '\0', (size_t)(next - at - 4)))
			return -1;
		if (form_add(f, disposition_name(head, (size_t)(at - head)),
		    xstrndup(at + 4, (size_t)(next - at - 4))) == -1)
			return -1;
		at = next + size;
	}
	return end - at >= 2 && memcmp(at, "--", 2) == 0 ? 0 : -1;
}

int form_parse(struct form *f, const char *type, const char *body, size_t len)
{
	f->count = 0;
	if (strncasecmp(type, "application/json", 16) == 0)
		return len == 0 ? 0 : parse_json(f, body, len);
	if (strncasecmp(type, "multipart/form-data", 19) == 0)
		return parse_multipart(f, type, body, len);
	return parse_urlencoded(f, body, len);
}

int form_parse_query(struct form *f, const char *query)
{
	f->count = 0;
	return parse_urlencoded(f, query, strlen(query));
}

const char *form_get(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->field[i].name, name) == 0)
			return f->field[i].value;
	return NULL;
}

void form_remove(struct form *f, bool (*which)(const char *name))
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (!which(f->field[i].name)) {
			f->field[kept++] = f->field[i];
			continue;
		}
		free(f->field[i].name);
		free(f->field[i].value);
	}
	f->count = kept;
}

void form_release(struct form *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->field[i].name);
		free(f->field[i].value);
	}
	f->count = 0;
}
