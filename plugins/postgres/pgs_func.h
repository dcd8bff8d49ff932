/*
 * Operators and functions of expressions, by number.
 */
#ifndef PGS_FUNC_H
#define PGS_FUNC_H

#include "pgs_expr.h"

enum pgs_func {
	PGS_ADD, PGS_SUB, PGS_MUL, PGS_DIV, PGS_MOD,
	PGS_EQ, PGS_NE, PGS_LT, PGS_LE, PGS_GT, PGS_GE,
	PGS_BITAND, PGS_BITOR, PGS_BITXOR, PGS_LSHIFT, PGS_RSHIFT,
	PGS_NOT, PGS_IS,
	PGS_ABS, PGS_DEBUG, PGS_TODOUBLE, PGS_EXP, PGS_GREATEST,
	PGS_MURMUR2, PGS_FNV1A, PGS_TOINT, PGS_LEAST, PGS_LN,
	PGS_PERMUTE, PGS_PI, PGS_POWER, PGS_UNIFORM, PGS_EXPONENTIAL,
	PGS_GAUSSIAN, PGS_ZIPFIAN, PGS_SQRT,
};

/* A function that scripts call by name. */
struct pgs_func_def {
	const char *name;
	enum pgs_func fn;
	int min;
	int max;
	/* Called with min arguments it gets :default_seed as one more. */
	bool seeded;
};

/* Any case; NULL when there is none. */
const struct pgs_func_def *pgs_func_find(const char *name, size_t len);
/* 0, or -1 with *err set.  `out` may be an element of `args`. */
int pgs_func_call(enum pgs_func, const struct pgs_value *args, int nargs,
    const struct pgs_env *, struct pgs_value *out, struct pgs_error *err);

#endif
