/*
 * The scanner of statements.  It knows just enough of SQL's lexical rules to
 * skip what may hold a semicolon or a backslash; the server judges the rest.
 */
#include "pgs_sql.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct scan {
	const char *text;
	size_t len;
	size_t pos;
	size_t start;                   /* of what was taken */
	char *out;
	size_t n;
	int parens;
	/* CREATE FUNCTION … BEGIN ATOMIC … END: semicolons inside are the
	 * body's.  Words seen so far, and how deep in BEGIN and CASE. */
	int words;
	bool is_create;
	bool is_routine;
	int blocks;
};

static char at(const struct scan *s, size_t ahead)
{
	return s->pos + ahead < s->len ? s->text[s->pos + ahead] : '\0';
}

static void take(struct scan *s, size_t n)
{
	if (n > s->len - s->pos)
		n = s->len - s->pos;
	if (s->n == 0)
		s->start = s->pos;
	memcpy(s->out + s->n, s->text + s->pos, n);
	s->n += n;
	s->pos += n;
}

static bool is_start(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void take_line_comment(struct scan *s)
{
	size_t n = 2;

	while (s->pos + n < s->len && at(s, n) != '\n' && at(s, n) != '\r')
		n++;
	take(s, n);
}

static void skip_line_comment(struct scan *s)
{
	while (s->pos < s->len && at(s, 0) != '\n' && at(s, 0) != '\r')
		s->pos++;
}

static void take_block_comment(struct scan *s)
{
	int depth = 0;

	do {
		if (at(s, 0) == '/' && at(s, 1) == '*') {
			depth++;
			take(s, 2);
		} else if (at(s, 0) == '*' && at(s, 1) == '/') {
			depth--;
			take(s, 2);
		} else {
			take(s, 1);
		}
	} while (depth > 0 && s->pos < s->len);
}

/* From the opening quote through the closing one, or to the end. */
static void take_quoted(struct scan *s, char quote, bool escapes)
{
	take(s, 1);
	while (s->pos < s->len) {
		char c = at(s, 0);

		if (c == '\\' && escapes) {
			take(s, 2);
		} else if (c != quote) {
			take(s, 1);
		} else if (at(s, 1) == quote) {
			take(s, 2);
		} else {
			take(s, 1);
			return;
		}
	}
}

/* $tag$ … $tag$, or only the dollar when it is none. */
static void take_dollar(struct scan *s)
{
	size_t tag = 1;
	size_t n;

	if (is_start(at(s, tag))) {
		while (is_start(at(s, tag)) || is_digit(at(s, tag)))
			tag++;
	}
	if (at(s, tag) != '$') {
		take(s, 1);
		return;
	}
	tag++;
	for (n = tag; s->pos + n + tag <= s->len; n++) {
		if (memcmp(s->text + s->pos, s->text + s->pos + n, tag) == 0) {
			take(s, n + tag);
			return;
		}
	}
	take(s, s->len - s->pos);
}

static bool word_is(const char *word, size_t len, const char *what)
{
	return strlen(what) == len && strncasecmp(word, what, len) == 0;
}

static void note_word(struct scan *s, const char *word, size_t len)
{
	s->words++;
	if (s->words == 1)
		s->is_create = word_is(word, len, "create");
	/* CREATE [OR REPLACE] FUNCTION or PROCEDURE */
	if (s->is_create && s->words <= 4 &&
	    (word_is(word, len, "function") || word_is(word, len,
	    "procedure")))
		s->is_routine = true;
	if (!s->is_routine || s->parens > 0)
		return;
	if (word_is(word, len, "begin"))
		s->blocks++;
	else if (s->blocks > 0 && word_is(word, len, "case"))
		s->blocks++;
	else if (s->blocks > 0 && word_is(word, len, "end"))
		s->blocks--;
}

static void take_word(struct scan *s)
{
	const char *word = s->text + s->pos;
	size_t n = 1;

	/* E'…' has escapes; b'', x'', n'' and u&'' end as '' does. */
	if ((word[0] == 'e' || word[0] == 'E') && at(s, 1) == '\'') {
		take(s, 1);
		take_quoted(s, '\'', true);
		return;
	}
	while (is_start(at(s, n)) || is_digit(at(s, n)) || at(s, n) == '$')
		n++;
	note_word(s, word, n);
	take(s, n);
}

static void take_blank_or_comment(struct scan *s)
{
	bool is_comment = at(s, 0) == '-';

	if (s->n > 0 && is_comment)
		take_line_comment(s);
	else if (s->n > 0)
		take(s, 1);
	else if (is_comment)
		skip_line_comment(s);
	else
		s->pos++;
}

/* One token that ends nothing. */
static void take_token(struct scan *s)
{
	char c = at(s, 0);

	if (is_blank(c) || (c == '-' && at(s, 1) == '-'))
		take_blank_or_comment(s);
	else if (c == '/' && at(s, 1) == '*')
		take_block_comment(s);
	else if (c == '\'' || c == '"')
		take_quoted(s, c, false);
	else if (c == '$')
		take_dollar(s);
	else if (is_start(c))
		take_word(s);
	else {
		if (c == '(')
			s->parens++;
		else if (c == ')' && s->parens > 0)
			s->parens--;
		take(s, 1);
	}
}

enum pgs_sql_end pgs_sql_scan(const char *text, size_t len, size_t *pos,
    char *out, size_t *out_len, size_t *start)
{
	struct scan s = { .text = text, .len = len, .pos = *pos, .out = out };
	enum pgs_sql_end end = PGS_SQL_EOF;

	while (s.pos < s.len && end == PGS_SQL_EOF) {
		char c = at(&s, 0);

		if (c == '\\' && (at(&s, 1) == ';' || at(&s, 1) == ':')) {
			s.pos++;
			take(&s, 1);
		} else if (c == '\\') {
			s.pos++;
			end = PGS_SQL_BACKSLASH;
		} else if (c == ';' && s.parens == 0 && s.blocks == 0) {
			take(&s, 1);
			end = PGS_SQL_SEMICOLON;
		} else {
			take_token(&s);
		}
	}
	s.out[s.n] = '\0';
	*out_len = s.n;
	*start = s.start;
	*pos = s.pos;
	return end;
}
