/*
 * The scanner of expressions.
 */
#include "pgs_token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static char peek(const struct pgs_lexer *p, size_t ahead)
{
	return p->pos + ahead < p->len ? p->text[p->pos + ahead] : '\0';
}

static int number_error(struct pgs_lexer *p, const char *type)
{
	size_t n = p->pos - p->start;

	p->token = T_BAD;
	return pgs_error_set(p->err, "%s constant overflow (%.*s)", type,
	    (int)(n < 40 ? n : 40), p->text + p->start);
}

static int scan_number(struct pgs_lexer *p)
{
	char digits[400];
	size_t n;
	bool whole = true;

	while (is_digit(peek(p, 0)))
		p->pos++;
	if (peek(p, 0) == '.') {
		whole = false;
		p->pos++;
		while (is_digit(peek(p, 0)))
			p->pos++;
	}
	if (peek(p, 0) == 'e' || peek(p, 0) == 'E') {
		size_t sign = peek(p, 1) == '+' || peek(p, 1) == '-';

		if (is_digit(peek(p, 1 + sign))) {
			whole = false;
			p->pos += 1 + sign;
			while (is_digit(peek(p, 0)))
				p->pos++;
		}
	}
	n = p->pos - p->start;
	if (n >= sizeof(digits))
		return number_error(p, whole ? "bigint" : "double");
	memcpy(digits, p->text + p->start, n);
	digits[n] = '\0';
	errno = 0;
	if (!whole) {
		p->token = T_DOUBLE;
		p->d = strtod(digits, NULL);
		return errno == 0 ? 0 : number_error(p, "double");
	}
	p->token = T_INT;
	p->i = strtoll(digits, NULL, 10);
	if (errno == 0)
		return 0;
	/* Only a minus sign before it makes this one a number. */
	if (strcmp(digits + strspn(digits, "0"), "9223372036854775808") != 0)
		return number_error(p, "bigint");
	p->token = T_TOO_BIG_BY_ONE;
	return 0;
}

static void scan_word(struct pgs_lexer *p)
{
	static const struct {
		const char *word;
		enum pgs_token token;
	} words[] = {
		{ "and", T_AND }, { "or", T_OR }, { "not", T_NOT },
		{ "is", T_IS }, { "isnull", T_ISNULL },
		{ "notnull", T_NOTNULL }, { "null", T_NULL },
		{ "true", T_TRUE }, { "false", T_FALSE }, { "case", T_CASE },
		{ "when", T_WHEN }, { "then", T_THEN }, { "else", T_ELSE },
		{ "end", T_ENDCASE },
	};
	size_t n;
	size_t i;

	while (is_word(peek(p, 0)))
		p->pos++;
	n = p->pos - p->start;
	p->token = T_WORD;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) == n && strncasecmp(words[i].word,
		    p->text + p->start, n) == 0)
			p->token = words[i].token;
	}
}

static int scan_punct(struct pgs_lexer *p)
{
	static const char *const pairs[] = { "<=", ">=", "<>", "!=", "<<",
		">>" };
	size_t i;

	p->token = T_PUNCT;
	p->punct[0] = peek(p, 0);
	p->punct[1] = '\0';
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i][0] == peek(p, 0) && pairs[i][1] == peek(p, 1)) {
			p->punct[1] = pairs[i][1];
			p->pos += 2;
			return 0;
		}
	}
	if (p->punct[0] == '\0' || strchr("+-*/%=<>|&#~(),", p->punct[0]) ==
	    NULL) {
		p->token = T_BAD;
		return pgs_error_set(p->err, "unexpected character");
	}
	p->pos++;
	return 0;
}

/* A backslash and a line's end are a blank: the command goes on. */
static size_t blank(const struct pgs_lexer *p)
{
	char c = peek(p, 0);

	if (c == '\\' && peek(p, 1) == '\n')
		return 2;
	if (c == '\\' && peek(p, 1) == '\r' && peek(p, 2) == '\n')
		return 3;
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' ||
	    c == '\n' ? 1 : 0;
}

int pgs_token_next(struct pgs_lexer *p)
{
	char c;
	size_t n;

	while (p->pos < p->len && (n = blank(p)) > 0)
		p->pos += n;
	p->start = p->pos;
	if (p->pos >= p->len) {
		p->token = T_END;
		return 0;
	}
	c = peek(p, 0);
	if (is_digit(c) || (c == '.' && is_digit(peek(p, 1))))
		return scan_number(p);
	if (c == ':' && is_word(peek(p, 1))) {
		p->pos++;
		while (is_word(peek(p, 0)))
			p->pos++;
		p->token = T_VAR;
		return 0;
	}
	if (is_word(c)) {
		scan_word(p);
		return 0;
	}
	return scan_punct(p);
}

bool pgs_token_is(const struct pgs_lexer *p, const char *what)
{
	return p->token == T_PUNCT && p->punct[0] == what[0] &&
	    p->punct[1] == what[1];
}
