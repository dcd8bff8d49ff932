/*
 * Which modules a script requires, found without running it: swarm must know
 * which protocols are needed before it sets their options, and a script runs
 * after that.  Comments and strings are told apart as Lua's reference manual
 * says (3.1); of the code only `require` followed by a literal string counts.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

void scan_requires(const char *text, size_t len,
    void (*fn)(const char *name, size_t len, void *arg), void *arg);

struct scan {
	const char *at;
	const char *end;
};

static char peek(const struct scan *s, size_t ahead)
{
	return (size_t)(s->end - s->at) > ahead ? s->at[ahead] : '\0';
}

/* At "[", then "=" n times, then "[": n; else -1. */
static int long_bracket(const struct scan *s)
{
	size_t n = 0;

	if (peek(s, 0) != '[')
		return -1;
	while (peek(s, n + 1) == '=')
		n++;
	return peek(s, n + 1) == '[' ? (int)n : -1;
}

/* Behind the closing bracket of that level; its inside in name and len. */
static void skip_long(struct scan *s, int level, const char **name,
    size_t *len)
{
	s->at += level + 2;
	*name = s->at;
	for (; s->at < s->end; s->at++) {
		int n = 0;

		if (*s->at != ']')
			continue;
		while (peek(s, (size_t)n + 1) == '=')
			n++;
		if (n != level || peek(s, (size_t)n + 1) != ']')
			continue;
		*len = (size_t)(s->at - *name);
		s->at += level + 2;
		return;
	}
	*len = (size_t)(s->end - *name);
}

/* Behind the closing quote, or the end of the line. */
static void skip_quoted(struct scan *s, const char **name, size_t *len)
{
	char quote = *s->at++;

	*name = s->at;
	while (s->at < s->end && *s->at != quote && *s->at != '\n')
		s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
	*len = (size_t)(s->at - *name);
	if (s->at < s->end && *s->at == quote)
		s->at++;
}

static void skip_comment(struct scan *s)
{
	const char *name;
	size_t len;
	int level;

	s->at += 2;
	level = long_bracket(s);
	if (level >= 0) {
		skip_long(s, level, &name, &len);
		return;
	}
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

/* A string literal here: behind it, and its inside. */
static bool take_string(struct scan *s, const char **name, size_t *len)
{
	int level = long_bracket(s);

	if (level >= 0) {
		skip_long(s, level, name, len);
		return true;
	}
	if (peek(s, 0) != '"' && peek(s, 0) != '\'')
		return false;
	skip_quoted(s, name, len);
	return true;
}

static void skip_space(struct scan *s)
{
	while (s->at < s->end) {
		if (isspace((unsigned char)*s->at))
			s->at++;
		else if (peek(s, 0) == '-' && peek(s, 1) == '-')
			skip_comment(s);
		else
			return;
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

void scan_requires(const char *text, size_t len,
    void (*fn)(const char *name, size_t len, void *arg), void *arg)
{
	struct scan s = { text, text + len };
	const char *name;
	size_t n;

	for (;;) {
		const char *word;

		skip_space(&s);
		if (s.at >= s.end)
			return;
		if (take_string(&s, &name, &n))
			continue;
		word = s.at++;
		if (!is_word(*word))
			continue;
		while (s.at < s.end && is_word(*s.at))
			s.at++;
		if (s.at - word != 7 || memcmp(word, "require", 7) != 0)
			continue;
		skip_space(&s);
		if (peek(&s, 0) == '(') {
			s.at++;
			skip_space(&s);
		}
		if (take_string(&s, &name, &n) && n > 0)
			fn(name, n, arg);
	}
}
