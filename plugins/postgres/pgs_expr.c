/*
 * The compiler of expressions: precedence climbing that emits code as it
 * reads, so there is no tree to build, walk or free.
 *
 * Precedence, loosest first, is pgbench's: OR, AND, NOT, IS, comparison
 * (which does not chain), | # & << >> ~, + -, * / %, unary sign.
 */
#include "pgs_expr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pgs_func.h"

enum token {
	T_END, T_INT, T_TOO_BIG_BY_ONE, T_DOUBLE, T_VAR, T_WORD, T_PUNCT,
	T_AND, T_OR, T_NOT, T_IS, T_ISNULL, T_NOTNULL, T_NULL, T_TRUE, T_FALSE,
	T_CASE, T_WHEN, T_THEN, T_ELSE, T_ENDCASE, T_BAD,
};

enum level {
	L_OR = 1, L_AND, L_NOT, L_IS, L_COMPARE, L_BITS, L_SUM, L_PRODUCT,
	L_SIGN,
};

struct parser {
	struct pgs_expr *expr;
	struct pgs_names *names;
	struct pgs_error *err;
	const char *text;
	size_t len;
	size_t pos;                     /* after the token */
	size_t start;                   /* of the token */
	enum token token;
	char punct[2];
	int64_t i;
	double d;
	int nesting;
	size_t height;                  /* of the stack, at this point */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static char peek(const struct parser *p, size_t ahead)
{
	return p->pos + ahead < p->len ? p->text[p->pos + ahead] : '\0';
}

/* ---- tokens ---- */

static int number_error(struct parser *p, const char *type)
{
	size_t n = p->pos - p->start;

	p->token = T_BAD;
	return pgs_error_set(p->err, "%s constant overflow (%.*s)", type,
	    (int)(n < 40 ? n : 40), p->text + p->start);
}

static int scan_number(struct parser *p)
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

static void scan_word(struct parser *p)
{
	static const struct {
		const char *word;
		enum token token;
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

static int scan_punct(struct parser *p)
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
static size_t blank(const struct parser *p)
{
	char c = peek(p, 0);

	if (c == '\\' && peek(p, 1) == '\n')
		return 2;
	if (c == '\\' && peek(p, 1) == '\r' && peek(p, 2) == '\n')
		return 3;
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' ||
	    c == '\n' ? 1 : 0;
}

static int next(struct parser *p)
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

static bool is_punct(const struct parser *p, const char *what)
{
	return p->token == T_PUNCT && p->punct[0] == what[0] &&
	    p->punct[1] == what[1];
}

/* ---- code ---- */

static int syntax(struct parser *p)
{
	size_t n = p->pos - p->start;

	if (p->token == T_END)
		return pgs_error_set(p->err, "the expression ends too early");
	return pgs_error_set(p->err, "syntax error at \"%.*s\"",
	    (int)(n < 40 ? n : 40), p->text + p->start);
}

/* The number of the new operation, or -1.  `grows` is what it does to the
 * height of the stack. */
static int emit(struct parser *p, enum pgs_code code, int grows)
{
	struct pgs_expr *e = p->expr;

	if (e->count >= PGS_OPS_MAX)
		return pgs_error_set(p->err, "the expression is too long");
	if (e->count == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 8;
		struct pgs_op *ops = realloc(e->ops, cap * sizeof(*ops));

		if (ops == NULL)
			return pgs_error_set(p->err, "out of memory");
		e->ops = ops;
		e->cap = cap;
	}
	memset(&e->ops[e->count], 0, sizeof(e->ops[0]));
	e->ops[e->count].code = (uint8_t)code;
	p->height = (size_t)((long)p->height + grows);
	if (p->height > e->depth)
		e->depth = p->height;
	return (int)e->count++;
}

static int emit_value(struct parser *p, struct pgs_value value)
{
	int at = emit(p, PGS_OP_CONST, 1);

	if (at == -1)
		return -1;
	p->expr->ops[at].value = value;
	return 0;
}

static int emit_call(struct parser *p, enum pgs_func fn, int nargs)
{
	int at = emit(p, PGS_OP_CALL, 1 - nargs);

	if (at == -1)
		return -1;
	p->expr->ops[at].fn = (uint8_t)fn;
	p->expr->ops[at].nargs = (uint16_t)nargs;
	return 0;
}

static int emit_var(struct parser *p, const char *name, size_t len)
{
	int slot = pgs_names_add(p->names, name, len);
	int at;

	if (slot == -1)
		return pgs_error_set(p->err, "too many variables");
	at = emit(p, PGS_OP_VAR, 1);
	if (at == -1)
		return -1;
	p->expr->ops[at].at = (uint32_t)slot;
	return 0;
}

static void land(struct parser *p, int from)
{
	p->expr->ops[from].at = (uint32_t)p->expr->count;
}

/* ---- grammar ---- */

static int parse_level(struct parser *p, enum level min);

static int nested(struct parser *p, enum level min)
{
	int rc;

	if (++p->nesting > PGS_NESTING_MAX)
		return pgs_error_set(p->err, "nested too deeply");
	rc = parse_level(p, min);
	p->nesting--;
	return rc;
}

static int expect(struct parser *p, const char *punct)
{
	if (!is_punct(p, punct))
		return syntax(p);
	return next(p);
}

static int parse_args(struct parser *p, const struct pgs_func_def *def,
    int *nargs)
{
	*nargs = 0;
	while (!is_punct(p, ")")) {
		if (*nargs > 0 && expect(p, ",") == -1)
			return -1;
		if (*nargs >= def->max)
			return pgs_error_set(p->err,
			    "unexpected number of arguments (%s)", def->name);
		if (nested(p, L_OR) == -1)
			return -1;
		++*nargs;
	}
	return next(p);
}

static int parse_function(struct parser *p)
{
	const struct pgs_func_def *def;
	size_t n = p->pos - p->start;
	int nargs;

	def = pgs_func_find(p->text + p->start, n);
	if (def == NULL)
		return pgs_error_set(p->err,
		    "unexpected function name (%.*s)",
		    (int)(n < 40 ? n : 40), p->text + p->start);
	if (next(p) == -1 || expect(p, "(") == -1 ||
	    parse_args(p, def, &nargs) == -1)
		return -1;
	if (nargs < def->min)
		return pgs_error_set(p->err,
		    "unexpected number of arguments (%s)", def->name);
	if (def->seeded && nargs == def->min) {
		if (emit_var(p, "default_seed", 12) == -1)
			return -1;
		nargs++;
	}
	return emit_call(p, def->fn, nargs);
}

/* CASE WHEN … THEN … [ELSE …] END; the branches' ends are chained through
 * their own `at` until the end is known. */
static int parse_case(struct parser *p)
{
	int chain = -1;
	int skip;
	int out;

	if (next(p) == -1)
		return -1;
	if (p->token != T_WHEN)
		return syntax(p);
	do {
		if (next(p) == -1 || nested(p, L_OR) == -1)
			return -1;
		skip = emit(p, PGS_OP_UNLESS, -1);
		if (skip == -1)
			return -1;
		if (p->token != T_THEN)
			return syntax(p);
		if (next(p) == -1 || nested(p, L_OR) == -1)
			return -1;
		/* The value stays only on the way that jumps. */
		out = emit(p, PGS_OP_GOTO, -1);
		if (out == -1)
			return -1;
		p->expr->ops[out].at = (uint32_t)chain;
		chain = out;
		land(p, skip);
	} while (p->token == T_WHEN);
	if (p->token == T_ELSE) {
		if (next(p) == -1 || nested(p, L_OR) == -1)
			return -1;
	} else if (emit_value(p, pgs_value_null()) == -1) {
		return -1;
	}
	if (p->token != T_ENDCASE)
		return syntax(p);
	while (chain != -1) {
		int before = (int)p->expr->ops[chain].at;

		land(p, chain);
		chain = before;
	}
	return next(p);
}

static int parse_minus(struct parser *p)
{
	if (next(p) == -1)
		return -1;
	if (p->token == T_TOO_BIG_BY_ONE)
		return emit_value(p, pgs_value_int(INT64_MIN)) == -1 ? -1 :
		    next(p);
	/* pgbench means 0 - x, which tells on zero and null. */
	if (emit_value(p, pgs_value_int(0)) == -1 || nested(p, L_SIGN) == -1)
		return -1;
	return emit_call(p, PGS_SUB, 2);
}

static int parse_prefix(struct parser *p)
{
	if (is_punct(p, "-"))
		return parse_minus(p);
	if (is_punct(p, "+"))
		return next(p) == -1 ? -1 : nested(p, L_SIGN);
	if (is_punct(p, "~")) {
		if (next(p) == -1 ||
		    emit_value(p, pgs_value_int(-1)) == -1 ||
		    nested(p, L_BITS + 1) == -1)
			return -1;
		return emit_call(p, PGS_BITXOR, 2);
	}
	if (is_punct(p, "(")) {
		if (next(p) == -1 || nested(p, L_OR) == -1)
			return -1;
		return expect(p, ")");
	}
	return syntax(p);
}

static int parse_operand(struct parser *p)
{
	struct pgs_value value;

	switch (p->token) {
	case T_INT:
		value = pgs_value_int(p->i);
		break;
	case T_DOUBLE:
		value = pgs_value_double(p->d);
		break;
	case T_NULL:
		value = pgs_value_null();
		break;
	case T_TRUE:
	case T_FALSE:
		value = pgs_value_bool(p->token == T_TRUE);
		break;
	case T_VAR:
		if (emit_var(p, p->text + p->start + 1,
		    p->pos - p->start - 1) == -1)
			return -1;
		return next(p);
	case T_WORD:
		return parse_function(p);
	case T_CASE:
		return parse_case(p);
	case T_NOT:
		if (next(p) == -1 || nested(p, L_NOT) == -1)
			return -1;
		return emit_call(p, PGS_NOT, 1);
	case T_PUNCT:
		return parse_prefix(p);
	default:
		return syntax(p);
	}
	return emit_value(p, value) == -1 ? -1 : next(p);
}

struct binary {
	char text[3];
	enum level level;
	enum pgs_func fn;
};

static const struct binary *find_binary(const struct parser *p)
{
	static const struct binary table[] = {
		{ "<", L_COMPARE, PGS_LT }, { ">", L_COMPARE, PGS_GT },
		{ "=", L_COMPARE, PGS_EQ }, { "<=", L_COMPARE, PGS_LE },
		{ ">=", L_COMPARE, PGS_GE }, { "<>", L_COMPARE, PGS_NE },
		{ "!=", L_COMPARE, PGS_NE }, { "|", L_BITS, PGS_BITOR },
		{ "#", L_BITS, PGS_BITXOR }, { "&", L_BITS, PGS_BITAND },
		{ "<<", L_BITS, PGS_LSHIFT }, { ">>", L_BITS, PGS_RSHIFT },
		{ "+", L_SUM, PGS_ADD }, { "-", L_SUM, PGS_SUB },
		{ "*", L_PRODUCT, PGS_MUL }, { "/", L_PRODUCT, PGS_DIV },
		{ "%", L_PRODUCT, PGS_MOD },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (is_punct(p, table[i].text))
			return &table[i];
	}
	return NULL;
}

/* IS [NOT] NULL, TRUE, FALSE; ISNULL; NOTNULL. */
static int parse_is(struct parser *p)
{
	struct pgs_value value = pgs_value_null();
	bool negated = p->token == T_NOTNULL;
	bool has_operand = p->token == T_IS;

	if (next(p) == -1)
		return -1;
	if (has_operand) {
		if (p->token == T_NOT) {
			negated = true;
			if (next(p) == -1)
				return -1;
		}
		if (p->token == T_TRUE || p->token == T_FALSE)
			value = pgs_value_bool(p->token == T_TRUE);
		else if (p->token != T_NULL)
			return syntax(p);
		if (next(p) == -1)
			return -1;
	}
	if (emit_value(p, value) == -1 || emit_call(p, PGS_IS, 2) == -1)
		return -1;
	return negated ? emit_call(p, PGS_NOT, 1) : 0;
}

static int parse_logic(struct parser *p)
{
	bool is_and = p->token == T_AND;
	int jump = emit(p, is_and ? PGS_OP_AND : PGS_OP_OR, -1);

	if (jump == -1 || next(p) == -1 ||
	    nested(p, is_and ? L_AND + 1 : L_OR + 1) == -1 ||
	    emit(p, PGS_OP_BOOL, 0) == -1)
		return -1;
	land(p, jump);
	return 0;
}

static enum level level_of(const struct parser *p, const struct binary *op)
{
	if (op != NULL)
		return op->level;
	switch (p->token) {
	case T_OR:
		return L_OR;
	case T_AND:
		return L_AND;
	case T_IS:
	case T_ISNULL:
	case T_NOTNULL:
		return L_IS;
	default:
		return 0;
	}
}

static int parse_level(struct parser *p, enum level min)
{
	enum level barred = 0;

	if (parse_operand(p) == -1)
		return -1;
	for (;;) {
		const struct binary *op = find_binary(p);
		enum level level = level_of(p, op);
		int rc;

		if (level == 0 || level < min)
			return 0;
		if (level == barred)
			return syntax(p);
		if (level == L_IS) {
			rc = parse_is(p);
		} else if (op == NULL) {
			rc = parse_logic(p);
		} else {
			rc = next(p);
			if (rc == 0)
				rc = nested(p, level + 1);
			if (rc == 0)
				rc = emit_call(p, op->fn, 2);
		}
		if (rc == -1)
			return -1;
		barred = level == L_COMPARE ? level : 0;
	}
}

int pgs_expr_parse(struct pgs_expr *expr, struct pgs_names *names,
    const char *text, size_t len, struct pgs_error *err, size_t *at)
{
	struct parser p = { .expr = expr, .names = names, .err = err,
		.text = text, .len = len };
	int rc;

	memset(expr, 0, sizeof(*expr));
	rc = next(&p);
	if (rc == 0)
		rc = parse_level(&p, L_OR);
	if (rc == 0 && p.token != T_END)
		rc = syntax(&p);
	*at = p.start;
	return rc;
}

void pgs_expr_release(struct pgs_expr *expr)
{
	free(expr->ops);
	memset(expr, 0, sizeof(*expr));
}
