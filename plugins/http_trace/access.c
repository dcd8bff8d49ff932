/* See the header. */
#include "access.h"

#include <string.h>

#include "date.h"

int access_user_parse(const char *text, enum access_user *out)
{
	static const char *const names[] = { "addr", "user", "agent", "none" };
	unsigned i;

	for (i = 0; i < 4; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = (enum access_user)i;
			return 0;
		}
	}
	return -1;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* nginx writes \xHH, Apache also \" \\ \n \t ...  Returns what it took. */
static size_t unescape(const char *s, size_t len, char *out)
{
	static const char from[] = "nrtbvf", to[] = "\n\r\t\b\v\f";
	const char *known;

	if (len >= 4 && s[1] == 'x' && hex(s[2]) >= 0 && hex(s[3]) >= 0) {
		*out = (char)(hex(s[2]) << 4 | hex(s[3]));
		return 4;
	}
	known = s[1] ? strchr(from, s[1]) : NULL;
	*out = known ? to[known - from] : s[1];
	return 2;
}

/*
 * A text in quotes at *at, which then is behind it: in the line when there is
 * nothing escaped in it, else in `scratch`, which has room for the whole line.
 */
static bool quoted(struct span *at, struct span *text, struct bytes *scratch)
{
	char *copy = NULL;
	size_t i, n = 0;

	if (at->len == 0 || at->at[0] != '"')
		return false;
	for (i = 1; i < at->len && at->at[i] != '"';) {
		char c = at->at[i];
		size_t took = 1;

		if (c == '\\' && i + 1 < at->len) {
			if (!copy) {
				copy = scratch->at + scratch->len;
				memcpy(copy, at->at + 1, n);
			}
			took = unescape(at->at + i, at->len - i, &c);
		}
		if (copy)
			copy[n] = c;
		n++;
		i += took;
	}
	if (i >= at->len)
		return false;
	*text = (struct span){ copy ? copy : at->at + 1, n };
	if (copy)
		scratch->len += n;
	at->at += i + 1;
	at->len -= i + 1;
	return true;
}

static void skip_blank(struct span *at)
{
	if (at->len > 0 && at->at[0] == ' ') {
		at->at++;
		at->len--;
	}
}

/* The next word of *at, which then is behind it. */
static struct span word(struct span *at)
{
	const char *blank = memchr(at->at, ' ', at->len);
	struct span w = { at->at, blank ? (size_t)(blank - at->at) : at->len };

	at->at += w.len;
	at->len -= w.len;
	skip_blank(at);
	return w;
}

/* "shop.test:443", and not an address of version 6. */
static bool is_virtual_host(struct span s)
{
	const char *colon = memchr(s.at, ':', s.len);
	const char *c;

	if (!colon || colon == s.at || colon + 1 == s.at + s.len)
		return false;
	for (c = colon + 1; c < s.at + s.len; c++) {
		if (*c < '0' || *c > '9')
			return false;
	}
	return true;
}

/* A date in brackets: what is before it, and what is behind it. */
static const char *find_date(struct span line, struct span *before,
    struct span *after, int64_t *time)
{
	const char *end = line.at + line.len;
	const char *at = line.at;

	while ((at = memchr(at, '[', (size_t)(end - at)))) {
		at++;
		if (date_log((struct span){ at, (size_t)(end - at) }, time) ==
		    0 && at + DATE_LOG_LEN < end && at[DATE_LOG_LEN] == ']') {
			*before = (struct span){ line.at,
				(size_t)(at - 1 - line.at) };
			at += DATE_LOG_LEN + 1;
			*after = (struct span){ at, (size_t)(end - at) };
			return NULL;
		}
	}
	return "no date in brackets";
}

static bool status_of(struct span s, int *status)
{
	size_t i;

	*status = 0;
	for (i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		*status = *status * 10 + (s.at[i] - '0');
		if (i > 2)
			return false;
	}
	return s.len == 3;
}

/* The combined format's two more texts. */
static void take_headers(struct span *at, struct request *r,
    struct span *agent, struct bytes *scratch)
{
	struct span referer;

	*agent = (struct span){ "", 0 };
	skip_blank(at);
	if (!quoted(at, &referer, scratch))
		return;
	if (!span_is(referer, "-") && referer.len > 0)
		request_header(r, SPAN("Referer"), referer);
	skip_blank(at);
	if (quoted(at, agent, scratch) && !span_is(*agent, "-") &&
	    agent->len > 0)
		request_header(r, SPAN("User-Agent"), *agent);
}

/* Who it is; `scratch` has room. */
static struct span who(enum access_user kind, struct span addr,
    struct span user, struct span agent, struct bytes *scratch)
{
	char *at = scratch->at + scratch->len;

	switch (kind) {
	case ACCESS_USER:
		return span_is(user, "-") ? addr : user;
	case ACCESS_AGENT:
		memcpy(at, addr.at, addr.len);
		at[addr.len] = ' ';
		memcpy(at + addr.len + 1, agent.at, agent.len);
		return (struct span){ at, addr.len + 1 + agent.len };
	case ACCESS_NONE:
		return (struct span){ "", 0 };
	case ACCESS_ADDR:
		break;
	}
	return addr;
}

/* So that texts in it do not move. */
static bool make_room(struct bytes *scratch, size_t len)
{
	scratch->len = 0;
	while (scratch->room < len) {
		if (bytes_add(scratch, "", 1) == -1)
			return false;
		scratch->len = scratch->room;
	}
	scratch->len = 0;
	return true;
}

const char *access_read(struct span line, enum access_user kind,
    struct request *r, struct bytes *scratch)
{
	struct span before, rest, addr, user, agent, text;
	const char *why;

	r->header_count = 0;
	r->body = (struct span){ "", 0 };
	r->resolution = 1000000000;
	why = find_date(line, &before, &rest, &r->time);
	if (why)
		return why;
	addr = word(&before);
	if (is_virtual_host(addr))
		addr = word(&before);
	word(&before);                  /* identd's */
	user = before;
	while (user.len > 0 && user.at[user.len - 1] == ' ')
		user.len--;
	if (addr.len == 0 || user.len == 0)
		return "not ADDRESS IDENT USER before the date";
	/* Escapes only make texts shorter; the user is the last. */
	if (!make_room(scratch, 3 * line.len + 64))
		return "no memory";
	skip_blank(&rest);
	if (!quoted(&rest, &text, scratch))
		return "no request in quotes behind the date";
	if (span_is(text, "-") || text.len == 0)
		return "the client sent no request then";
	if (!request_line(r, text))
		return "the request is not METHOD PATH HTTP/VERSION";
	skip_blank(&rest);
	if (!status_of(word(&rest), &r->status))
		return "no status behind the request";
	word(&rest);                    /* bytes */
	/* word() took the blank that parts it from what follows. */
	take_headers(&rest, r, &agent, scratch);
	r->user = who(kind, addr, user, agent, scratch);
	return NULL;
}
