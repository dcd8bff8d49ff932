/*
 * Words of expressions: numbers, names, operators, keywords.
 */
#ifndef PGS_TOKEN_H
#define PGS_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pgs_value.h"

enum pgs_token {
	T_END, T_INT, T_TOO_BIG_BY_ONE, T_DOUBLE, T_VAR, T_WORD, T_PUNCT,
	T_AND, T_OR, T_NOT, T_IS, T_ISNULL, T_NOTNULL, T_NULL, T_TRUE, T_FALSE,
	T_CASE, T_WHEN, T_THEN, T_ELSE, T_ENDCASE, T_BAD,
};

/* Where reading is, and what was read.  The first four are the caller's. */
struct pgs_lexer {
	struct pgs_error *err;
	const char *text;
	size_t len;
	size_t pos;                     /* after the token */
	size_t start;                   /* of the token */
	enum pgs_token token;
	char punct[2];                  /* T_PUNCT */
	int64_t i;                      /* T_INT */
	double d;                       /* T_DOUBLE */
};

/* Reads the next one: 0, or -1 with *err set and token T_BAD. */
int pgs_token_next(struct pgs_lexer *);
/* Whether it is this punctuation, of one or two characters. */
bool pgs_token_is(const struct pgs_lexer *, const char *punct);

#endif
