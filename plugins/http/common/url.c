/*
 * Strict about what decides where a request goes (scheme, host, port), and
 * forgiving about paths, which are encoded and passed on: a load test may want
 * to send odd ones.
 */
#include "url.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool url_is_absolute(const char *text)
{
	if (*text == '/')
		return false;
	return strncasecmp(text, "http://", 7) == 0 ||
	    strncasecmp(text, "https://", 8) == 0;
}

/* ":8080" or nothing, up to `end`. */
static int parse_port(const char *at, const char *end, struct url *u)
{
	unsigned long port = 0;

	if (at == end)
		return 0;
	if (*at++ != ':')
		return -1;
	if (at == end)                  /* "host:" is allowed: RFC 3986, 3.2.3 */
		return 0;
	for (; at < end; at++) {
		if (!isdigit((unsigned char)*at))
			return -1;
		port = port * 10 + (unsigned long)(*at - '0');
		if (port > 65535)
			return -1;
	}
	u->port = (uint16_t)port;
	return port == 0 ? -1 : 0;
}

static bool host_byte(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || strchr("-._~%!$&'()*+,;=", c);
}

static int parse_host(const char *at, const char *end, struct url *u,
    const char **why)
{
	const char *stop = at, *i;

	if (at < end && *at == '[') {
		stop = memchr(at, ']', (size_t)(end - at));
		if (!stop) {
			*why = "the address in it has no closing bracket";
			return -1;
		}
		u->literal6 = true;
		u->host = at + 1;
		u->host_len = (size_t)(stop - u->host);
		stop++;
		for (i = u->host; i < u->host + u->host_len; i++) {
			if (!isxdigit((unsigned char)*i) && !strchr(":.%", *i)
			    && !memchr(u->host, '%', (size_t)(i - u->host))) {
				*why = "the address in it is not IPv6";
				return -1;
			}
		}
	} else {
		while (stop < end && *stop != ':')
			stop++;
		u->host = at;
		u->host_len = (size_t)(stop - at);
		for (i = at; i < stop; i++) {
			if (*i == '\0' || !host_byte((unsigned char)*i)) {
				*why = "its host has a character that no host "
				    "name has";
				return -1;
			}
		}
	}
	if (u->host_len == 0 || u->host_len > URL_HOST_MAX) {
		*why = u->host_len ? "its host is too long" : "it has no host";
		return -1;
	}
	if (parse_port(stop, end, u) == -1) {
		*why = "its port is not a number from 1 to 65535";
		return -1;
	}
	return 0;
}

int url_parse(const char *text, struct url *u, const char **why)
{
	const char *at, *end, *sign, *i;

	memset(u, 0, sizeof *u);
	if (!url_is_absolute(text)) {
		*why = "it does not start with http:// or https://";
		return -1;
	}
	u->https = tolower((unsigned char)text[4]) == 's';
	u->port = u->https ? 443 : 80;
	at = strchr(text, ':') + 3;
	end = at + strcspn(at, "/?#\\");
	for (i = at, sign = NULL; i < end; i++) {
		if (*i == '@')
			sign = i;
	}
	if (sign) {
		u->user = at;
		u->user_len = (size_t)(sign - at);
		at = sign + 1;
	}
	u->path = end;
	return parse_host(at, end, u, why);
}

size_t url_host_header(const struct url *u, char *out, size_t size)
{
	const char *open = u->literal6 ? "[" : "";
	const char *close = u->literal6 ? "]" : "";
	int len;

	if (u->port == (u->https ? 443 : 80))
		len = snprintf(out, size, "%s%.*s%s", open, (int)u->host_len,
		    u->host, close);
	else
		len = snprintf(out, size, "%s%.*s%s:%u", open,
		    (int)u->host_len, u->host, close, u->port);
	return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

static size_t put_escaped(unsigned char c, char *out, size_t at, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";

	if (at + 3 <= size) {
		out[at] = '%';
		out[at + 1] = hex[c >> 4];
		out[at + 2] = hex[c & 15];
	}
	return at + 3;
}

static size_t put_byte(char c, char *out, size_t at, size_t size)
{
	if (at < size)
		out[at] = c;
	return at + 1;
}

/* Characters that no server should see raw in a request line. */
static bool unsafe(unsigned char c)
{
	return c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c);
}

size_t url_put_path(const char *prefix, size_t prefix_len, const char *path,
    char *out, size_t size)
{
	size_t at = 0, i;

	/* "http://host/base/" and "/x" make one slash. */
	if (prefix_len > 0 && prefix[prefix_len - 1] == '/' && *path == '/')
		prefix_len--;
	for (i = 0; i < prefix_len; i++) {
		if (unsafe((unsigned char)prefix[i]))
			at = put_escaped((unsigned char)prefix[i], out, at,
			    size);
		else
			at = put_byte(prefix[i], out, at, size);
	}
	if (at == 0 && *path != '/')
		at = put_byte('/', out, at, size);
	for (; *path && *path != '#'; path++) {
		if (unsafe((unsigned char)*path))
			at = put_escaped((unsigned char)*path, out, at, size);
		else
			at = put_byte(*path, out, at, size);
	}
	return at <= size ? at : 0;
}

size_t url_escape(const char *text, bool plus, char *out, size_t size)
{
	size_t at = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
			at = put_byte(*text, out, at, size);
		else if (c == ' ' && plus)
			at = put_byte('+', out, at, size);
		else
			at = put_escaped(c, out, at, size);
	}
	return at;
}

bool url_same_server(const char *a, const char *b)
{
	struct url x, y;
	const char *why;

	if (url_parse(a, &x, &why) == -1 || url_parse(b, &y, &why) == -1)
		return false;
	return x.https == y.https && x.port == y.port &&
	    x.host_len == y.host_len &&
	    strncasecmp(x.host, y.host, x.host_len) == 0;
}

/* ---- RFC 3986, 5.2 ---- */

/* Drops the last "/segment" of out[from..at). */
static size_t drop_segment(const char *out, size_t from, size_t at)
{
	while (at > from && out[at - 1] != '/')
		at--;
	return at > from ? at - 1 : from;
}

/* 5.2.4: "." and ".." segments of an absolute path up to its query. */
static int put_normal(const char *path, char *out, size_t from, size_t size)
{
	size_t end = strcspn(path, "?#"), at = from, i = 0, len, rest;

	while (i < end) {
		i++;                    /* the slash */
		for (len = 0; i + len < end && path[i + len] != '/'; len++)
			continue;
		if (len == 1 && path[i] == '.') {
			if (i + len == end)
				at = put_byte('/', out, at, size);
		} else if (len == 2 && path[i] == '.' && path[i + 1] == '.') {
			at = drop_segment(out, from, at);
			if (i + len == end)
				at = put_byte('/', out, at, size);
		} else {
			if (at + len + 1 >= size)
				return -1;
			out[at++] = '/';
			memcpy(out + at, path + i, len);
			at += len;
		}
		i += len;
	}
	rest = strcspn(path + end, "#");
	if (at + rest >= size)
		return -1;
	memcpy(out + at, path + end, rest);
	out[at + rest] = '\0';
	return 0;
}

static bool has_scheme(const char *text)
{
	size_t i = 0;

	if (!isalpha((unsigned char)text[0]))
		return false;
	while (isalnum((unsigned char)text[i]) ||
	    (text[i] && strchr("+-.", text[i])))
		i++;
	return text[i] == ':';
}

/* The path a relative reference means, merged with the base's. */
static int merge(const char *base_path, const char *location, char *out,
    size_t size)
{
	size_t keep = strcspn(base_path, "?#");
	int len;

	if (*location != '\0' && *location != '?') {
		while (keep > 0 && base_path[keep - 1] != '/')
			keep--;
	}
	len = snprintf(out, size, "%s%.*s%s", keep ? "" : "/", (int)keep,
	    base_path, location);
	return len >= 0 && (size_t)len < size ? 0 : -1;
}

int url_join(const char *base, const char *location, char *out, size_t size)
{
	char merged[URL_MAX];
	const char *why, *path = location;
	struct url u;
	size_t origin;

	if (url_parse(base, &u, &why) == -1)
		return -1;
	if (has_scheme(location)) {
		if (url_parse(location, &u, &why) == -1)
			return -1;
		origin = (size_t)(u.path - location);
		path = u.path;
		base = location;
	} else if (strncmp(location, "//", 2) == 0) {
		int len = snprintf(merged, sizeof merged, "http%s:%s",
		    u.https ? "s" : "", location);

		if (len < 0 || (size_t)len >= sizeof merged)
			return -1;
		return url_join(base, merged, out, size);
	} else {
		origin = (size_t)(u.path - base);
		if (*location != '/') {
			if (merge(u.path, location, merged, sizeof merged))
				return -1;
			path = merged;
		}
	}
	if (origin + 2 > size)
		return -1;
	memcpy(out, base, origin);
	if (*path == '/')
		return put_normal(path, out, origin, size);
	out[origin++] = '/';
	if (strcspn(path, "#") + origin >= size)
		return -1;
	memcpy(out + origin, path, strcspn(path, "#"));
	out[origin + strcspn(path, "#")] = '\0';
	return 0;
}
