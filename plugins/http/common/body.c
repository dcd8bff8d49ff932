/*
 * Everything is built in the memory of the task and sent as it is.  The bytes of
 * a body of the scenario are not copied.
 */
#include "body.h"

#include "answer.h"
#include "room.h"
#include "url.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const bool token_byte[256] = {
	['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true,
	['\''] = true, ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true,
	['^'] = true, ['_'] = true, ['`'] = true, ['|'] = true, ['~'] = true,
	['0' ... '9'] = true, ['a' ... 'z'] = true, ['A' ... 'Z'] = true,
};

bool body_is_token(const char *s)
{
	if (!*s)
		return false;
	while (token_byte[(unsigned char)*s])
		s++;
	return *s == '\0';
}

bool body_is_value(const char *s)
{
	return !strpbrk(s, "\r\n");
}

const char *body_method(const struct http_args *args)
{
	if (args->method)
		return args->method;
	if (args->body || args->json || args->form || args->parts ||
	    args->produce)
		return "POST";
	return "GET";
}

const char body_bad_method[] =
    "the method has a character that no method has";

const char *body_check(const struct http_args *args)
{
	if (args->expect && answer_expect_check(args->expect) == -1)
		return ".expect is no list of statuses, as \"200-299,404\"";
	if (args->bearer && !body_is_value(args->bearer))
		return "the bearer token has a line break in it";
	if ((args->user && !body_is_value(args->user)) ||
	    (args->password && !body_is_value(args->password)) ||
	    (args->auth && !body_is_value(args->auth)))
		return ".user, .password or .auth has a line break in it";
	return NULL;
}

const char *body_check_headers(const struct http_field *f)
{
	for (; f && f->name; f++) {
		if (!body_is_token(f->name))
			return "a header's name has a character that no name "
			    "has";
		if (f->value && !body_is_value(f->value))
			return "a header's value has a line break in it";
	}
	return NULL;
}

/* ---- fields ---- */

static size_t put_fields(const struct http_field *f, bool plus, char *out,
    size_t size)
{
	size_t at = 0;
	bool first = true;

	for (; f->name; f++) {
		if (!first) {
			if (at < size)
				out[at] = '&';
			at++;
		}
		first = false;
		at += url_escape(f->name, plus, at < size ? out + at : NULL,
		    at < size ? size - at : 0);
		if (!f->value)
			continue;
		if (at < size)
			out[at] = '=';
		at++;
		at += url_escape(f->value, plus, at < size ? out + at : NULL,
		    at < size ? size - at : 0);
	}
	return at;
}

const char *body_path(struct swarm_user *u, const char *path,
    const struct http_field *query)
{
	size_t head, len;
	char *out;

	if (!query || !query->name)
		return path;
	head = strcspn(path, "#");
	len = put_fields(query, false, NULL, 0);
	out = swarm_alloc(u, head + 1 + len + 1);
	memcpy(out, path, head);
	out[head] = memchr(path, '?', head) ? '&' : '?';
	head++;
	put_fields(query, false, out + head, len);
	out[head + len] = '\0';
	return out;
}

static void build_form(struct swarm_user *u, const struct http_field *form,
    struct body *b)
{
	size_t len = put_fields(form, true, NULL, 0);
	char *out = swarm_alloc(u, len + 1);

	put_fields(form, true, out, len);
	b->data = out;
	b->len = len;
	b->type = "application/x-www-form-urlencoded";
}

/* ---- multipart/form-data (RFC 7578) ---- */

struct growing {
	struct swarm_user *user;
	char *data;
	size_t len;
	size_t cap;
};

static void grow(struct growing *g, const void *data, size_t len)
{
	room_for(g->user, &g->data, &g->cap, g->len, len, 1024);
	if (len > 0)
		memcpy(g->data + g->len, data, len);
	g->len += len;
}

static void grow_text(struct growing *g, const char *text)
{
	grow(g, text, strlen(text));
}

/* A name within quotes: the three characters that would end it or the line
 * are percent-encoded, as browsers do. */
static void grow_quoted(struct growing *g, const char *text)
{
	for (; *text; text++) {
		if (*text == '"')
			grow_text(g, "%22");
		else if (*text == '\r')
			grow_text(g, "%0D");
		else if (*text == '\n')
			grow_text(g, "%0A");
		else
			grow(g, text, 1);
	}
}

static const char *grow_file(struct growing *g, const char *path)
{
	struct swarm_user *u = g->user;
	struct stat st;
	const char *why = NULL;
	ssize_t n = 1;
	char *room;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1 || fstat(fd, &st) == -1) {
		why = strerror(errno);
		goto out;
	}
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size > BODY_FILE_MAX) {
		why = "not a file of at most 256 MiB";
		goto out;
	}
	room = swarm_alloc(u, (size_t)st.st_size + 1);
	n = read(fd, room, (size_t)st.st_size);
	if (n != st.st_size)
		why = n == -1 ? strerror(errno) : "it changed while read";
	else
		grow(g, room, (size_t)n);
out:
	if (fd != -1)
		close(fd);
	return why ? swarm_printf(u, "cannot send %s: %s", path, why) : NULL;
}

static const char *file_name(const struct http_part *p)
{
	const char *slash;

	if (p->filename || !p->file)
		return p->filename;
	slash = strrchr(p->file, '/');
	return slash ? slash + 1 : p->file;
}

static int build_parts(struct swarm_user *u, const struct http_part *p,
    struct body *b)
{
	const char *boundary = swarm_printf(u, "swarm-%016llx%016llx",
	    (unsigned long long)swarm_random(u),
	    (unsigned long long)swarm_random(u));
	struct growing g = { .user = u };
	const char *name;

	for (; p->name; p++) {
		name = file_name(p);
		grow_text(&g, "--");
		grow_text(&g, boundary);
		grow_text(&g, "\r\nContent-Disposition: form-data; name=\"");
		grow_quoted(&g, p->name);
		if (name) {
			grow_text(&g, "\"; filename=\"");
			grow_quoted(&g, name);
		}
		grow_text(&g, "\"\r\n");
		if (p->type && !body_is_value(p->type)) {
			b->error = "a part's type has a line break in it";
			return -1;
		}
		if (p->type || name) {
			grow_text(&g, "Content-Type: ");
			grow_text(&g, p->type ? p->type
			    : "application/octet-stream");
			grow_text(&g, "\r\n");
		}
		grow_text(&g, "\r\n");
		if (p->file)
			b->error = grow_file(&g, p->file);
		else if (p->data)
			grow(&g, p->data, p->len ? p->len : strlen(p->data));
		if (b->error)
			return -1;
		grow_text(&g, "\r\n");
	}
	grow_text(&g, "--");
	grow_text(&g, boundary);
	grow_text(&g, "--\r\n");
	b->data = g.data;
	b->len = g.len;
	b->type = swarm_printf(u, "multipart/form-data; boundary=%s",
	    boundary);
	return 0;
}

int body_build(struct swarm_user *u, const struct http_args *args,
    struct body *b)
{
	int given = !!args->body + !!args->json + !!args->form +
	    !!args->parts + !!args->produce;

	memset(b, 0, sizeof *b);
	if (given > 1) {
		b->error = "a request has one body: give one of .body, .json, "
		    ".form, .parts and .produce";
		return -1;
	}
	b->present = given == 1;
	if (args->json) {
		b->data = args->json;
		b->len = strlen(args->json);
		b->type = "application/json";
	} else if (args->body) {
		b->data = args->body;
		b->len = args->body_len ? args->body_len : strlen(args->body);
	} else if (args->form) {
		build_form(u, args->form, b);
	} else if (args->parts) {
		return build_parts(u, args->parts, b);
	}
	return 0;
}

/* ---- authorization ---- */

static const char *base64(struct swarm_user *u, const char *scheme,
    const char *text, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t at = strlen(scheme), i;
	char *out = swarm_alloc(u, at + (len + 2) / 3 * 4 + 1);

	memcpy(out, scheme, at);
	for (i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)text[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)(unsigned char)text[i + 1] << 8;
		if (i + 2 < len)
			v |= (unsigned char)text[i + 2];
		out[at++] = digits[v >> 18];
		out[at++] = digits[v >> 12 & 63];
		out[at++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		out[at++] = i + 2 < len ? digits[v & 63] : '=';
	}
	out[at] = '\0';
	return out;
}

const char *body_authorization(struct swarm_user *u,
    const struct http_args *args)
{
	char *pair;

	if (args->bearer)
		return swarm_printf(u, "Bearer %s", args->bearer);
	if (!args->user)
		return NULL;
	pair = swarm_printf(u, "%s:%s", args->user,
	    args->password ? args->password : "");
	return base64(u, "Basic ", pair, strlen(pair));
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	if (isxdigit((unsigned char)c))
		return tolower((unsigned char)c) - 'a' + 10;
	return -1;
}

const char *body_basic(struct swarm_user *u, const char *user, size_t len)
{
	char *plain = swarm_alloc(u, len + 2);
	size_t i, at = 0;

	for (i = 0; i < len; i++) {
		if (user[i] == '%' && i + 2 < len &&
		    hex_digit(user[i + 1]) >= 0 && hex_digit(user[i + 2]) >= 0) {
			plain[at++] = (char)(hex_digit(user[i + 1]) * 16 +
			    hex_digit(user[i + 2]));
			i += 2;
		} else {
			plain[at++] = user[i];
		}
	}
	if (!memchr(plain, ':', at))
		plain[at++] = ':';
	return base64(u, "Basic ", plain, at);
}
