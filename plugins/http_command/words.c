/*
 * The words of a shell's command line: quotes, backslashes and $'...', but no
 * variables, globs or substitutions, which nobody's clipboard should run.
 */
#include "call.h"

#include <swarm/log.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 1024

struct splitter {
	const char *at;
	char *word;
	size_t len;
	size_t cap;
	bool failed;
};

static void put(struct splitter *s, char c)
{
	char *grown;

	if (s->len + 1 >= s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		grown = realloc(s->word, s->cap);
		if (!grown) {
			s->failed = true;
			return;
		}
		s->word = grown;
	}
	s->word[s->len++] = c;
	s->word[s->len] = '\0';
}

static unsigned number(const char **at, unsigned base, int digits)
{
	unsigned n = 0;

	for (; digits > 0; digits--, (*at)++) {
		char c = **at;
		unsigned v = isdigit((unsigned char)c) ? (unsigned)(c - '0')
		    : isxdigit((unsigned char)c)
		    ? (unsigned)(tolower((unsigned char)c) - 'a' + 10) : 99;

		if (v >= base)
			break;
		n = n * base + v;
	}
	return n;
}

static void put_utf8(struct splitter *s, unsigned c)
{
	if (c < 0x80) {
		put(s, (char)c);
	} else if (c < 0x800) {
		put(s, (char)(0xc0 | c >> 6));
		put(s, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		put(s, (char)(0xe0 | c >> 12));
		put(s, (char)(0x80 | (c >> 6 & 63)));
		put(s, (char)(0x80 | (c & 63)));
	} else {
		put(s, (char)(0xf0 | (c >> 18 & 7)));
		put(s, (char)(0x80 | (c >> 12 & 63)));
		put(s, (char)(0x80 | (c >> 6 & 63)));
		put(s, (char)(0x80 | (c & 63)));
	}
}

/* Four digits; two halves of a pair, as browsers write what is beyond them,
 * are one character. */
static unsigned code_point(struct splitter *s)
{
	unsigned high = number(&s->at, 16, 4), low;
	const char *at = s->at;

	if (high < 0xd800 || high > 0xdbff || at[0] != '\\' || at[1] != 'u')
		return high;
	at += 2;
	low = number(&at, 16, 4);
	if (low < 0xdc00 || low > 0xdfff)
		return high;
	s->at = at;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* $'...' of bash: what browsers use for bodies with odd characters. */
static void put_escape(struct splitter *s)
{
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
	const char *known;
	char c = *s->at++;

	known = c ? strchr(from, c) : NULL;
	if (known)
		put(s, to[known - from]);
	else if (c == 'x')
		put(s, (char)number(&s->at, 16, 2));
	else if (c == 'u')
		put_utf8(s, code_point(s));
	else if (c >= '0' && c <= '7') {
		s->at--;
		put(s, (char)number(&s->at, 8, 3));
	} else if (c)
		put(s, c);
	else
		s->at--;
}

/* Inside quotes up to the closing one. */
static void quoted(struct splitter *s, char quote, bool escapes)
{
	while (*s->at && *s->at != quote) {
		if (*s->at == '\\' && escapes) {
			s->at++;
			put_escape(s);
		} else if (*s->at == '\\' && quote == '"' && s->at[1] &&
		    strchr("\\\"$`\n", s->at[1])) {
			if (s->at[1] != '\n')
				put(s, s->at[1]);
			s->at += 2;
		} else {
			put(s, *s->at++);
		}
	}
	if (*s->at == quote)
		s->at++;
	else
		s->failed = true;
}

static void skip_space(struct splitter *s)
{
	for (;;) {
		if (isspace((unsigned char)*s->at))
			s->at++;
		else if (s->at[0] == '\\' && s->at[1] == '\n')
			s->at += 2;
		else if (s->at[0] == '\\' && s->at[1] == '\r' &&
		    s->at[2] == '\n')
			s->at += 3;
		else
			return;
	}
}

/* One word, or NULL. */
static char *next_word(struct splitter *s)
{
	s->word = NULL;
	s->len = s->cap = 0;
	put(s, '\0');
	s->len = 0;
	while (*s->at && !isspace((unsigned char)*s->at) && !s->failed) {
		if (s->at[0] == '\\' && s->at[1] == '\n')
			break;
		if (s->at[0] == '$' && s->at[1] == '\'') {
			s->at += 2;
			quoted(s, '\'', true);
		} else if (*s->at == '\'' || *s->at == '"') {
			s->at++;
			quoted(s, s->at[-1], false);
		} else {
			if (*s->at == '\\' && s->at[1])
				s->at++;
			put(s, *s->at++);
		}
	}
	return s->word;
}

void words_free(char **words)
{
	for (char **w = words; w && *w; w++)
		free(*w);
	free(words);
}

char **words_split(const char *line, int *count)
{
	struct splitter s = { .at = line };
	char **words = calloc(WORDS_MAX + 1, sizeof *words);

	*count = 0;
	for (skip_space(&s); words && *s.at; skip_space(&s)) {
		if (*count == WORDS_MAX) {
			swarm_error("the curl command has more than %d words",
			    WORDS_MAX);
			words_free(words);
			return NULL;
		}
		words[(*count)++] = next_word(&s);
		if (s.failed) {
			swarm_error("a quote in the curl command is not "
			    "closed");
			words_free(words);
			return NULL;
		}
	}
	return words;
}
