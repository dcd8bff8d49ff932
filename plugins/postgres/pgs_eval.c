/*
 * The stack machine behind pgs_expr_eval().
 */
#include "pgs_expr.h"

#include "pgs_func.h"

/* AND and OR look at their right side only when the left one leaves it open;
 * a null on the left settles both, as in pgbench. */
static int short_cut(const struct pgs_op *op, const struct pgs_value *top,
    bool *taken, struct pgs_error *err)
{
	bool left;

	*taken = true;
	if (top->type == PGS_NULL)
		return 0;
	if (pgs_value_to_bool(top, &left, err) == -1)
		return -1;
	*taken = left == (op->code == PGS_OP_OR);
	return 0;
}

int pgs_expr_eval(const struct pgs_expr *expr, const struct pgs_env *env,
    struct pgs_value *out, struct pgs_error *err)
{
	struct pgs_value *top = env->stack;     /* the next free place */
	size_t pc = 0;

	while (pc < expr->count) {
		const struct pgs_op *op = &expr->ops[pc++];
		bool taken;

		switch ((enum pgs_code)op->code) {
		case PGS_OP_CONST:
			*top++ = op->value;
			break;
		case PGS_OP_VAR:
			if (pgs_vars_get(env->vars, (int)op->at,
			    env->names->names[op->at], top, err) == -1)
				return -1;
			top++;
			break;
		case PGS_OP_CALL:
			top -= op->nargs;
			if (pgs_func_call((enum pgs_func)op->fn, top,
			    op->nargs, env, top, err) == -1)
				return -1;
			top++;
			break;
		case PGS_OP_AND:
		case PGS_OP_OR:
			if (short_cut(op, &top[-1], &taken, err) == -1)
				return -1;
			if (taken)
				pc = op->at;
			else
				top--;
			break;
		case PGS_OP_BOOL:
			if (top[-1].type != PGS_NULL && pgs_value_to_bool(
			    &top[-1], &taken, err) == -1)
				return -1;
			break;
		case PGS_OP_UNLESS:
			top--;
			if (!pgs_value_truth(top))
				pc = op->at;
			break;
		case PGS_OP_GOTO:
			pc = op->at;
			break;
		}
	}
	*out = env->stack[0];
	return 0;
}
