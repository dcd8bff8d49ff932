/*
 * A list, since a user has a handful.  Setting a cookie to the value it has
 * allocates nothing, so that a server that repeats its cookie in each answer
 * costs no more than reading it.
 */
#include "cookies.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct cookie {
	struct cookie *next;
	int64_t expires;                /* unix time; INT64_MAX: the session */
	bool host_only;
	bool secure;
	char *name;                     /* these four in one block */
	char *value;
	char *domain;
	char *path;
	char text[];
};

struct slice {
	const char *at;
	size_t len;
};

/* A Set-Cookie value, taken apart. */
struct parsed {
	struct slice name;
	struct slice value;
	struct slice domain;            /* len 0: none */
	struct slice path;
	bool secure;
	int64_t expires;
};

static struct slice trim(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct slice){ at, (size_t)(end - at) };
}

static bool same(struct slice s, const char *text)
{
	return s.len == strlen(text) && strncmp(s.at, text, s.len) == 0;
}

static bool same_word(struct slice s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

/* ---- dates: RFC 6265, 5.1.1 ---- */

static bool is_delimiter(unsigned char c)
{
	return !isalnum(c) && c != ':' && c < 0x7f;
}

static int month_of(struct slice s)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	int i;

	for (i = 0; s.len >= 3 && i < 12; i++) {
		if (strncasecmp(s.at, names + (size_t)i * 3, 3) == 0)
			return i;
	}
	return -1;
}

/* "hh:mm:ss" */
static bool time_of(struct slice s, struct tm *tm)
{
	int part[3] = { 0 }, at = 0, digits = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (isdigit((unsigned char)s.at[i]) && digits < 2) {
			part[at] = part[at] * 10 + (s.at[i] - '0');
			digits++;
		} else if (s.at[i] == ':' && digits > 0 && at < 2) {
			at++;
			digits = 0;
		} else {
			return false;
		}
	}
	if (at != 2 || digits == 0 || part[0] > 23 || part[1] > 59 ||
	    part[2] > 60)
		return false;
	tm->tm_hour = part[0];
	tm->tm_min = part[1];
	tm->tm_sec = part[2];
	return true;
}

static int number_of(struct slice s)
{
	int n = 0;
	size_t i;

	if (s.len == 0 || s.len > 4)
		return -1;
	for (i = 0; i < s.len; i++) {
		if (!isdigit((unsigned char)s.at[i]))
			return -1;
		n = n * 10 + (s.at[i] - '0');
	}
	return n;
}

static void take_year(struct tm *tm, int n)
{
	if (n >= 70 && n <= 99)
		n += 1900;
	else if (n >= 0 && n < 70)
		n += 2000;
	tm->tm_year = n - 1900;
}

/* 0 when it is a date. */
static int parse_date(struct slice s, int64_t *out)
{
	struct tm tm = { .tm_mday = 0, .tm_mon = -1, .tm_year = -1 };
	const char *at = s.at, *end = s.at + s.len, *stop;
	bool has_time = false;

	for (; at < end; at = stop) {
		struct slice token;
		int n;

		while (at < end && is_delimiter((unsigned char)*at))
			at++;
		stop = at;
		while (stop < end && !is_delimiter((unsigned char)*stop))
			stop++;
		token = (struct slice){ at, (size_t)(stop - at) };
		n = number_of(token);
		if (!has_time && time_of(token, &tm))
			has_time = true;
		else if (tm.tm_mday == 0 && n >= 1 && n <= 31 && token.len < 3)
			tm.tm_mday = n;
		else if (tm.tm_mon < 0 && month_of(token) >= 0)
			tm.tm_mon = month_of(token);
		else if (tm.tm_year < 0 && n >= 0 && token.len != 3 &&
		    token.len != 1)
			take_year(&tm, n);
	}
	if (!has_time || tm.tm_mday == 0 || tm.tm_mon < 0 || tm.tm_year < 0)
		return -1;
	*out = timegm(&tm);
	return 0;
}

/* ---- Set-Cookie: RFC 6265, 5.2 ---- */

/* Max-Age has the last word over Expires, wherever it stands. */
static void max_age(struct parsed *p, struct slice v, int64_t now)
{
	int64_t n = 0;
	size_t i = v.len > 0 && v.at[0] == '-';
	bool negative = i > 0;

	if (i == v.len)
		return;
	for (; i < v.len; i++) {
		if (!isdigit((unsigned char)v.at[i]))
			return;
		if (n < INT32_MAX)
			n = n * 10 + (v.at[i] - '0');
	}
	p->expires = negative || n == 0 ? 0 : now + n;
}

static void attribute(struct parsed *p, struct slice name, struct slice value,
    int64_t now, bool *aged)
{
	int64_t date;

	if (same_word(name, "domain")) {
		if (value.len > 0 && value.at[0] == '.') {
			value.at++;
			value.len--;
		}
		p->domain = value;
	} else if (same_word(name, "path")) {
		p->path = value;
	} else if (same_word(name, "secure")) {
		p->secure = true;
	} else if (same_word(name, "max-age")) {
		max_age(p, value, now);
		*aged = true;
	} else if (same_word(name, "expires") && !*aged &&
	    parse_date(value, &date) == 0) {
		p->expires = date;
	}
}

/* A cookie goes back as a header: nothing in it may end a line. */
static bool has_control(const char *value, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (((unsigned char)value[i] < ' ' && value[i] != '\t') ||
		    value[i] == 0x7f)
			return true;
	}
	return false;
}

static int parse(struct parsed *p, const char *value, size_t len, int64_t now)
{
	const char *end = value + len, *stop, *sign;
	bool first = true, aged = false;

	memset(p, 0, sizeof *p);
	p->expires = INT64_MAX;
	for (; value <= end; value = stop + 1) {
		struct slice name, v;

		stop = value < end ? memchr(value, ';', (size_t)(end - value))
		    : NULL;
		if (!stop)
			stop = end;
		sign = memchr(value, '=', (size_t)(stop - value));
		if (!sign && first)
			return -1;
		name = trim(value, sign ? sign : stop);
		v = sign ? trim(sign + 1, stop) : (struct slice){ stop, 0 };
		if (first) {
			p->name = name;
			p->value = v;
		} else {
			attribute(p, name, v, now, &aged);
		}
		first = false;
	}
	return p->name.len == 0 || p->name.len + p->value.len >
	    COOKIE_SIZE_MAX ? -1 : 0;
}

/* ---- matching: RFC 6265, 5.1.3 and 5.1.4 ---- */

static bool looks_like_address(const char *host)
{
	return strchr(host, ':') ||
	    host[strspn(host, "0123456789.")] == '\0';
}

static bool domain_matches(const char *host, const char *domain, size_t len)
{
	size_t n = strlen(host);

	if (n < len || strncasecmp(host + n - len, domain, len) != 0)
		return false;
	if (n == len)
		return true;
	return host[n - len - 1] == '.' && !looks_like_address(host);
}

static bool path_matches(const char *path, const char *cookie)
{
	size_t n = strlen(cookie);

	if (strncmp(path, cookie, n) != 0)
		return false;
	return cookie[n - 1] == '/' || path[n] == '\0' || path[n] == '/' ||
	    path[n] == '?' || path[n] == '#';
}

/* The directory of the request's path. */
static struct slice default_path(const char *path)
{
	size_t end = strcspn(path, "?#");

	while (end > 0 && path[end - 1] != '/')
		end--;
	if (end > 1)
		return (struct slice){ path, end - 1 };
	return (struct slice){ "/", 1 };
}

/* ---- the jar ---- */

static char *put(char **at, struct slice s)
{
	char *start = *at;

	memcpy(start, s.at, s.len);
	start[s.len] = '\0';
	*at = start + s.len + 1;
	return start;
}

static void add(struct jar *jar, const struct parsed *p, struct slice domain,
    bool host_only)
{
	size_t size = p->name.len + p->value.len + domain.len + p->path.len + 4;
	struct cookie **end = &jar->first, *c = malloc(sizeof *c + size);
	char *at;

	if (!c)
		return;
	at = c->text;
	c->next = NULL;
	c->expires = p->expires;
	c->host_only = host_only;
	c->secure = p->secure;
	c->name = put(&at, p->name);
	c->value = put(&at, p->value);
	c->domain = put(&at, domain);
	c->path = put(&at, p->path);
	if (jar->count == COOKIES_MAX) {
		struct cookie *oldest = jar->first;

		jar->first = oldest->next;
		jar->count--;
		free(oldest);
	}
	while (*end)
		end = &(*end)->next;
	*end = c;
	jar->count++;
}

static struct cookie **find(struct jar *jar, const struct parsed *p,
    struct slice domain)
{
	struct cookie **at = &jar->first;

	for (; *at; at = &(*at)->next) {
		if (same(p->name, (*at)->name) && same(p->path, (*at)->path) &&
		    same_word(domain, (*at)->domain))
			break;
	}
	return at;
}

static void store(struct jar *jar, const struct parsed *p, struct slice domain,
    bool host_only, int64_t now)
{
	struct cookie **at = find(jar, p, domain), *old = *at;

	if (old && p->expires > now && same(p->value, old->value)) {
		old->expires = p->expires;
		old->secure = p->secure;
		old->host_only = host_only;
		return;
	}
	if (old) {
		*at = old->next;
		jar->count--;
		free(old);
	}
	if (p->expires > now)
		add(jar, p, domain, host_only);
}

void jar_set(struct jar *jar, const struct cookie_place *from,
    const char *value, size_t len)
{
	struct slice domain = { from->host, strlen(from->host) };
	struct parsed p;
	bool host_only = true;

	if (has_control(value, len) || parse(&p, value, len, from->now) == -1)
		return;
	if (p.domain.len > 0) {
		if (!domain_matches(from->host, p.domain.at, p.domain.len))
			return;
		/* A domain without a dot is a whole top level. */
		if (!memchr(p.domain.at, '.', p.domain.len) &&
		    p.domain.len != domain.len)
			return;
		host_only = looks_like_address(from->host);
		domain = p.domain;
	}
	if (p.path.len == 0 || p.path.at[0] != '/')
		p.path = default_path(from->path);
	if (p.secure && !from->https)
		return;
	store(jar, &p, domain, host_only, from->now);
}

void jar_put(struct jar *jar, const char *host, const char *name,
    const char *value)
{
	struct parsed p = {
		.name = { name, strlen(name) },
		.value = { value ? value : "", value ? strlen(value) : 0 },
		.path = { "/", 1 },
		.expires = value ? INT64_MAX : 0,
	};

	if (p.name.len + p.value.len <= COOKIE_SIZE_MAX)
		store(jar, &p, (struct slice){ host, strlen(host) }, true, 1);
}

void jar_clear(struct jar *jar)
{
	struct cookie *c;

	while ((c = jar->first) != NULL) {
		jar->first = c->next;
		free(c);
	}
	jar->count = 0;
}

static bool applies(const struct cookie *c, const struct cookie_place *to)
{
	if (c->expires <= to->now || (c->secure && !to->https))
		return false;
	if (c->host_only ? strcasecmp(c->domain, to->host) != 0
	    : !domain_matches(to->host, c->domain, strlen(c->domain)))
		return false;
	return path_matches(to->path, c->path);
}

size_t jar_header(struct jar *jar, const struct cookie_place *to, char *out,
    size_t size)
{
	const struct cookie *chosen[COOKIES_MAX], *c;
	size_t n = 0, i, at = 0;

	for (c = jar->first; c; c = c->next) {
		if (!applies(c, to))
			continue;
		/* Longer paths first; equal ones in order of age. */
		for (i = n++; i > 0 && strlen(chosen[i - 1]->path) <
		    strlen(c->path); i--)
			chosen[i] = chosen[i - 1];
		chosen[i] = c;
	}
	for (i = 0; i < n; i++) {
		size_t name = strlen(chosen[i]->name);
		size_t value = strlen(chosen[i]->value);

		if (at + name + value + 3 > size)
			return 0;
		if (at > 0) {
			memcpy(out + at, "; ", 2);
			at += 2;
		}
		memcpy(out + at, chosen[i]->name, name);
		out[at + name] = '=';
		memcpy(out + at + name + 1, chosen[i]->value, value);
		at += name + 1 + value;
	}
	return at;
}

const char *jar_value(struct jar *jar, const struct cookie_place *to,
    const char *name)
{
	const struct cookie *c, *best = NULL;

	for (c = jar->first; c; c = c->next) {
		if (strcmp(c->name, name) == 0 && applies(c, to) &&
		    (!best || strlen(c->path) > strlen(best->path)))
			best = c;
	}
	return best ? best->value : NULL;
}
