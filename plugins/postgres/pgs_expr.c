/*
 * The compiler of expressions: precedence climbing that emits code as it
 * reads, so there is no tree to build, walk or free.
 *
 * Precedence, loosest first, is pgbench's: OR, AND, NOT, IS, comparison
 * (which does not chain), | # & << >> ~, + -, * / %, unary sign.
 */
#include "pgs_expr.h"

#include <stdlib.h>
#include <string.h>

#include "pgs_func.h"
#include "pgs_token.h"

enum level {
	L_OR = 1, L_AND, L_NOT, L_IS, L_COMPARE, L_BITS, L_SUM, L_PRODUCT,
	L_SIGN,
};

struct parser {
	struct pgs_lexer in;
	struct pgs_expr *expr;
	struct pgs_names *names;
	int nesting;
	size_t height;                  /* of the stack, at this point */
};

/* ---- code ---- */

static int syntax(struct parser *p)
{
	size_t n = p->in.pos - p->in.start;

	if (p->in.token == T_END)
		return pgs_error_set(p->in.err,
		    "the expression ends too early");
	return pgs_error_set(p->in.err, "syntax error at \"%.*s\"",
	    (int)(n < 40 ? n : 40), p->in.text + p->in.start);
}

/* The number of the new operation, or -1.  `grows` is what it does to the
 * height of the stack. */
static int emit(struct parser *p, enum pgs_code code, int grows)
{
	struct pgs_expr *e = p->expr;

	if (e->count >= PGS_OPS_MAX)
		return pgs_error_set(p->in.err, "the expression is too long");
	if (e->count == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 8;
		struct pgs_op *ops = realloc(e->ops, cap * sizeof(*ops));

		if (ops == NULL)
			return pgs_error_set(p->in.err, "out of memory");
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
		return pgs_error_set(p->in.err, "too many variables");
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
		return pgs_error_set(p->in.err, "nested too deeply");
	rc = parse_level(p, min);
	p->nesting--;
	return rc;
}

static int expect(struct parser *p, const char *punct)
{
	if (!pgs_token_is(&p->in, punct))
		return syntax(p);
	return pgs_token_next(&p->in);
}

static int parse_args(struct parser *p, const struct pgs_func_def *def,
    int *nargs)
{
	*nargs = 0;
	while (!pgs_token_is(&p->in, ")")) {
		if (*nargs > 0 && expect(p, ",") == -1)
			return -1;
		if (*nargs >= def->max)
			return pgs_error_set(p->in.err,
			    "unexpected number of arguments (%s)", def->name);
		if (nested(p, L_OR) == -1)
			return -1;
		++*nargs;
	}
	return pgs_token_next(&p->in);
}

static int parse_function(struct parser *p)
{
	const struct pgs_func_def *def;
	size_t n = p->in.pos - p->in.start;
	int nargs;

	def = pgs_func_find(p->in.text + p->in.start, n);
	if (def == NULL)
		return pgs_error_set(p->in.err,
		    "unexpected function name (%.*s)",
		    (int)(n < 40 ? n : 40), p->in.text + p->in.start);
	if (pgs_token_next(&p->in) == -1 || expect(p, "(") == -1 ||
	    parse_args(p, def, &nargs) == -1)
		return -1;
	if (nargs < def->min)
		return pgs_error_set(p->in.err,
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

	if (pgs_token_next(&p->in) == -1)
		return -1;
	if (p->in.token != T_WHEN)
		return syntax(p);
	do {
		if (pgs_token_next(&p->in) == -1 || nested(p, L_OR) == -1)
			return -1;
		skip = emit(p, PGS_OP_UNLESS, -1);
		if (skip == -1)
			return -1;
		if (p->in.token != T_THEN)
			return syntax(p);
		if (pgs_token_next(&p->in) == -1 || nested(p, L_OR) == -1)
			return -1;
		/* The value stays only on the way that jumps. */
		out = emit(p, PGS_OP_GOTO, -1);
		if (out == -1)
			return -1;
		p->expr->ops[out].at = (uint32_t)chain;
		chain = out;
		land(p, skip);
	} while (p->in.token == T_WHEN);
	if (p->in.token == T_ELSE) {
		if (pgs_token_next(&p->in) == -1 || nested(p, L_OR) == -1)
			return -1;
	} else if (emit_value(p, pgs_value_null()) == -1) {
		return -1;
	}
	if (p->in.token != T_ENDCASE)
		return syntax(p);
	while (chain != -1) {
		int before = (int)p->expr->ops[chain].at;

		land(p, chain);
		chain = before;
	}
	return pgs_token_next(&p->in);
}

static int parse_minus(struct parser *p)
{
	if (pgs_token_next(&p->in) == -1)
		return -1;
	if (p->in.token == T_TOO_BIG_BY_ONE)
		return emit_value(p, pgs_value_int(INT64_MIN)) == -1 ? -1 :
		    pgs_token_next(&p->in);
	/* pgbench means 0 - x, which tells on zero and null. */
	if (emit_value(p, pgs_value_int(0)) == -1 || nested(p, L_SIGN) == -1)
		return -1;
	return emit_call(p, PGS_SUB, 2);
}

static int parse_prefix(struct parser *p)
{
	if (pgs_token_is(&p->in, "-"))
		return parse_minus(p);
	if (pgs_token_is(&p->in, "+"))
		return pgs_token_next(&p->in) == -1 ? -1 : nested(p, L_SIGN);
	if (pgs_token_is(&p->in, "~")) {
		if (pgs_token_next(&p->in) == -1 ||
		    emit_value(p, pgs_value_int(-1)) == -1 ||
		    nested(p, L_BITS + 1) == -1)
			return -1;
		return emit_call(p, PGS_BITXOR, 2);
	}
	if (pgs_token_is(&p->in, "(")) {
		if (pgs_token_next(&p->in) == -1 || nested(p, L_OR) == -1)
			return -1;
		return expect(p, ")");
	}
	return syntax(p);
}

static int parse_operand(struct parser *p)
{
	struct pgs_value value;

	switch (p->in.token) {
	case T_INT:
		value = pgs_value_int(p->in.i);
		break;
	case T_DOUBLE:
		value = pgs_value_double(p->in.d);
		break;
	case T_NULL:
		value = pgs_value_null();
		break;
	case T_TRUE:
	case T_FALSE:
		value = pgs_value_bool(p->in.token == T_TRUE);
		break;
	case T_VAR:
		if (emit_var(p, p->in.text + p->in.start + 1,
		    p->in.pos - p->in.start - 1) == -1)
			return -1;
		return pgs_token_next(&p->in);
	case T_WORD:
		return parse_function(p);
	case T_CASE:
		return parse_case(p);
	case T_NOT:
		if (pgs_token_next(&p->in) == -1 || nested(p, L_NOT) == -1)
			return -1;
		return emit_call(p, PGS_NOT, 1);
	case T_PUNCT:
		return parse_prefix(p);
	default:
		return syntax(p);
	}
	return emit_value(p, value) == -1 ? -1 : pgs_token_next(&p->in);
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
		if (pgs_token_is(&p->in, table[i].text))
			return &table[i];
	}
	return NULL;
}

/* IS [NOT] NULL, TRUE, FALSE; ISNULL; NOTNULL. */
static int parse_is(struct parser *p)
{
	struct pgs_value value = pgs_value_null();
	bool negated = p->in.token == T_NOTNULL;
	bool has_operand = p->in.token == T_IS;

	if (pgs_token_next(&p->in) == -1)
		return -1;
	if (has_operand) {
		if (p->in.token == T_NOT) {
			negated = true;
			if (pgs_token_next(&p->in) == -1)
				return -1;
		}
		if (p->in.token == T_TRUE || p->in.token == T_FALSE)
			value = pgs_value_bool(p->in.token == T_TRUE);
		else if (p->in.token != T_NULL)
			return syntax(p);
		if (pgs_token_next(&p->in) == -1)
			return -1;
	}
	if (emit_value(p, value) == -1 || emit_call(p, PGS_IS, 2) == -1)
		return -1;
	return negated ? emit_call(p, PGS_NOT, 1) : 0;
}

static int parse_logic(struct parser *p)
{
	bool is_and = p->in.token == T_AND;
	int jump = emit(p, is_and ? PGS_OP_AND : PGS_OP_OR, -1);

	if (jump == -1 || pgs_token_next(&p->in) == -1 ||
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
	switch (p->in.token) {
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
			rc = pgs_token_next(&p->in);
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
	struct parser p = { .expr = expr, .names = names,
		.in = { .err = err, .text = text, .len = len } };
	int rc;

	memset(expr, 0, sizeof(*expr));
	rc = pgs_token_next(&p.in);
	if (rc == 0)
		rc = parse_level(&p, L_OR);
	if (rc == 0 && p.in.token != T_END)
		rc = syntax(&p);
	*at = p.in.start;
	return rc;
}

void pgs_expr_release(struct pgs_expr *expr)
{
	free(expr->ops);
	memset(expr, 0, sizeof(*expr));
}
