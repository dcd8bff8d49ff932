/*
 * Operators and functions.  Integers stay integers and overflow is an error;
 * one double among the operands makes the operation one on doubles; a null
 * makes the result null, except for IS and debug().
 */
#include "pgs_func.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "pgs_random.h"

static const struct pgs_func_def functions[] = {
	{ "abs", PGS_ABS, 1, 1, false },
	{ "debug", PGS_DEBUG, 1, 1, false },
	{ "double", PGS_TODOUBLE, 1, 1, false },
	{ "exp", PGS_EXP, 1, 1, false },
	{ "greatest", PGS_GREATEST, 1, PGS_ARGS_MAX, false },
	{ "hash", PGS_MURMUR2, 1, 2, true },
	{ "hash_fnv1a", PGS_FNV1A, 1, 2, true },
	{ "hash_murmur2", PGS_MURMUR2, 1, 2, true },
	{ "int", PGS_TOINT, 1, 1, false },
	{ "least", PGS_LEAST, 1, PGS_ARGS_MAX, false },
	{ "ln", PGS_LN, 1, 1, false },
	{ "mod", PGS_MOD, 2, 2, false },
	{ "permute", PGS_PERMUTE, 2, 3, true },
	{ "pi", PGS_PI, 0, 0, false },
	{ "pow", PGS_POWER, 2, 2, false },
	{ "power", PGS_POWER, 2, 2, false },
	{ "random", PGS_UNIFORM, 2, 2, false },
	{ "random_exponential", PGS_EXPONENTIAL, 3, 3, false },
	{ "random_gaussian", PGS_GAUSSIAN, 3, 3, false },
	{ "random_zipfian", PGS_ZIPFIAN, 3, 3, false },
	{ "sqrt", PGS_SQRT, 1, 1, false },
};

const struct pgs_func_def *pgs_func_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strncasecmp(functions[i].name, name, len) == 0 &&
		    functions[i].name[len] == '\0')
			return &functions[i];
	}
	return NULL;
}

static bool any_type(const struct pgs_value *args, int nargs,
    enum pgs_type type)
{
	int i;

	for (i = 0; i < nargs; i++) {
		if (args[i].type == type)
			return true;
	}
	return false;
}

static struct pgs_value compare(enum pgs_func fn, int order)
{
	switch (fn) {
	case PGS_EQ:
		return pgs_value_bool(order == 0);
	case PGS_NE:
		return pgs_value_bool(order != 0);
	case PGS_LT:
		return pgs_value_bool(order < 0);
	case PGS_LE:
		return pgs_value_bool(order <= 0);
	case PGS_GT:
		return pgs_value_bool(order > 0);
	default:
		return pgs_value_bool(order >= 0);
	}
}

static struct pgs_value on_doubles(enum pgs_func fn, double a, double b)
{
	switch (fn) {
	case PGS_ADD:
		return pgs_value_double(a + b);
	case PGS_SUB:
		return pgs_value_double(a - b);
	case PGS_MUL:
		return pgs_value_double(a * b);
	case PGS_DIV:
		return pgs_value_double(a / b);
	default:
		break;
	}
	/* Not a number is unlike everything, itself too. */
	if (isnan(a) || isnan(b))
		return pgs_value_bool(fn == PGS_NE);
	return compare(fn, (a > b) - (a < b));
}

static int divide(enum pgs_func fn, int64_t a, int64_t b,
    struct pgs_value *out, struct pgs_error *err)
{
	if (b == 0)
		return pgs_error_set(err, "division by zero");
	/* The one quotient that does not fit; its remainder traps as well. */
	if (b == -1 && fn == PGS_MOD) {
		*out = pgs_value_int(0);
		return 0;
	}
	if (b == -1 && a == INT64_MIN)
		return pgs_error_set(err, "bigint div out of range");
	*out = pgs_value_int(fn == PGS_DIV ? a / b : a % b);
	return 0;
}

static int on_ints(enum pgs_func fn, int64_t a, int64_t b,
    struct pgs_value *out, struct pgs_error *err)
{
	long long r = 0;
	const char *what;
	bool over;

	switch (fn) {
	case PGS_ADD:
		what = "add";
		over = __builtin_saddll_overflow(a, b, &r);
		break;
	case PGS_SUB:
		what = "sub";
		over = __builtin_ssubll_overflow(a, b, &r);
		break;
	case PGS_MUL:
		what = "mul";
		over = __builtin_smulll_overflow(a, b, &r);
		break;
	case PGS_DIV:
	case PGS_MOD:
		return divide(fn, a, b, out, err);
	default:
		*out = compare(fn, (a > b) - (a < b));
		return 0;
	}
	if (over)
		return pgs_error_set(err, "bigint %s out of range", what);
	*out = pgs_value_int(r);
	return 0;
}

static int arithmetic(enum pgs_func fn, const struct pgs_value *args,
    struct pgs_value *out, struct pgs_error *err)
{
	int64_t a;
	int64_t b;

	if (any_type(args, 2, PGS_DOUBLE) && fn != PGS_MOD) {
		double x;
		double y;

		if (pgs_value_to_double(&args[0], &x, err) == -1 ||
		    pgs_value_to_double(&args[1], &y, err) == -1)
			return -1;
		*out = on_doubles(fn, x, y);
		return 0;
	}
	if (pgs_value_to_int(&args[0], &a, err) == -1 ||
	    pgs_value_to_int(&args[1], &b, err) == -1)
		return -1;
	return on_ints(fn, a, b, out, err);
}

static int bits(enum pgs_func fn, const struct pgs_value *args,
    struct pgs_value *out, struct pgs_error *err)
{
	int64_t a;
	int64_t b;

	if (pgs_value_to_int(&args[0], &a, err) == -1 ||
	    pgs_value_to_int(&args[1], &b, err) == -1)
		return -1;
	if (fn == PGS_BITAND)
		a &= b;
	else if (fn == PGS_BITOR)
		a |= b;
	else if (fn == PGS_BITXOR)
		a ^= b;
	/* The processor takes the count modulo 64, and so does pgbench. */
	else if (fn == PGS_LSHIFT)
		a = (int64_t)((uint64_t)a << (b & 63));
	else
		a >>= b & 63;
	*out = pgs_value_int(a);
	return 0;
}

static int absolute(const struct pgs_value *arg, struct pgs_value *out,
    struct pgs_error *err)
{
	if (arg->type == PGS_INT)
		*out = pgs_value_int(arg->v.i < 0 ?
		    (int64_t)(0 - (uint64_t)arg->v.i) : arg->v.i);
	else if (arg->type == PGS_DOUBLE)
		*out = pgs_value_double(arg->v.d < 0.0 ? -arg->v.d : arg->v.d);
	else
		return pgs_error_set(err, "abs() takes a number, not %s",
		    pgs_value_type(arg));
	return 0;
}

static int on_double(enum pgs_func fn, const struct pgs_value *arg,
    struct pgs_value *out, struct pgs_error *err)
{
	double d;

	if (pgs_value_to_double(arg, &d, err) == -1)
		return -1;
	if (fn == PGS_SQRT)
		d = sqrt(d);
	else if (fn == PGS_LN)
		d = log(d);
	else if (fn == PGS_EXP)
		d = exp(d);
	*out = pgs_value_double(d);
	return 0;
}

static int extremum(enum pgs_func fn, const struct pgs_value *args,
    int nargs, struct pgs_value *out, struct pgs_error *err)
{
	bool wants_greater = fn == PGS_GREATEST;
	int i;

	if (any_type(args, nargs, PGS_DOUBLE)) {
		double best = 0.0;

		for (i = 0; i < nargs; i++) {
			double d;

			if (pgs_value_to_double(&args[i], &d, err) == -1)
				return -1;
			if (i == 0 || (wants_greater ? d > best : d < best))
				best = d;
		}
		*out = pgs_value_double(best);
		return 0;
	}
	int64_t best = 0;

	for (i = 0; i < nargs; i++) {
		int64_t n;

		if (pgs_value_to_int(&args[i], &n, err) == -1)
			return -1;
		if (i == 0 || (wants_greater ? n > best : n < best))
			best = n;
	}
	*out = pgs_value_int(best);
	return 0;
}

static int draw(enum pgs_func fn, const struct pgs_value *args,
    struct pgs_random *rng, struct pgs_value *out, struct pgs_error *err)
{
	int64_t min;
	int64_t max;
	long long span;
	double parameter;

	if (pgs_value_to_int(&args[0], &min, err) == -1 ||
	    pgs_value_to_int(&args[1], &max, err) == -1)
		return -1;
	if (min > max)
		return pgs_error_set(err, "empty range given to random");
	if (__builtin_ssubll_overflow(max, min, &span) || span == INT64_MAX)
		return pgs_error_set(err, "random range is too large");
	if (fn == PGS_UNIFORM) {
		*out = pgs_value_int(pgs_random_range(rng, min, max));
		return 0;
	}
	if (pgs_value_to_double(&args[2], &parameter, err) == -1)
		return -1;
	/* Written so that not-a-number is refused too. */
	if (fn == PGS_GAUSSIAN) {
		if (!(parameter >= 2.0))
			return pgs_error_set(err, "gaussian parameter must be "
			    "at least 2.0 (not %f)", parameter);
		max = pgs_random_gaussian(rng, min, max, parameter);
	} else if (fn == PGS_ZIPFIAN) {
		if (!(parameter >= 1.001 && parameter <= 1000.0))
			return pgs_error_set(err, "zipfian parameter must be "
			    "in range [1.001, 1000] (not %f)", parameter);
		max = pgs_random_zipfian(rng, min, max, parameter);
	} else {
		if (!(parameter > 0.0))
			return pgs_error_set(err, "exponential parameter must "
			    "be greater than zero (not %f)", parameter);
		max = pgs_random_exponential(rng, min, max, parameter);
	}
	*out = pgs_value_int(max);
	return 0;
}

static int hash(enum pgs_func fn, const struct pgs_value *args,
    struct pgs_value *out, struct pgs_error *err)
{
	int64_t value;
	int64_t size = 1;
	int64_t seed;

	if (pgs_value_to_int(&args[0], &value, err) == -1 ||
	    pgs_value_to_int(&args[fn == PGS_PERMUTE ? 2 : 1], &seed, err) ==
	    -1)
		return -1;
	if (fn == PGS_PERMUTE && pgs_value_to_int(&args[1], &size, err) == -1)
		return -1;
	if (size <= 0)
		return pgs_error_set(err,
		    "permute size parameter must be greater than zero");
	if (fn == PGS_PERMUTE)
		value = pgs_random_permute(value, size, seed);
	else if (fn == PGS_FNV1A)
		value = pgs_random_fnv1a(value, (uint64_t)seed);
	else
		value = pgs_random_murmur2(value, (uint64_t)seed);
	*out = pgs_value_int(value);
	return 0;
}

static bool same(const struct pgs_value *a, const struct pgs_value *b)
{
	if (a->type != b->type)
		return false;
	return a->type == PGS_NULL || a->v.b == b->v.b;
}

static int power(const struct pgs_value *args, struct pgs_value *out,
    struct pgs_error *err)
{
	double base;
	double exponent;

	if (pgs_value_to_double(&args[0], &base, err) == -1 ||
	    pgs_value_to_double(&args[1], &exponent, err) == -1)
		return -1;
	*out = pgs_value_double(pow(base, exponent));
	return 0;
}

static int call_rest(enum pgs_func fn, const struct pgs_value *args,
    int nargs, const struct pgs_env *env, struct pgs_value *out,
    struct pgs_error *err)
{
	int64_t n;
	bool b;

	switch (fn) {
	case PGS_NOT:
		if (pgs_value_to_bool(&args[0], &b, err) == -1)
			return -1;
		*out = pgs_value_bool(!b);
		return 0;
	case PGS_ABS:
		return absolute(&args[0], out, err);
	case PGS_TOINT:
		if (pgs_value_to_int(&args[0], &n, err) == -1)
			return -1;
		*out = pgs_value_int(n);
		return 0;
	case PGS_TODOUBLE:
	case PGS_SQRT:
	case PGS_LN:
	case PGS_EXP:
		return on_double(fn, &args[0], out, err);
	case PGS_PI:
		*out = pgs_value_double(M_PI);
		return 0;
	case PGS_POWER:
		return power(args, out, err);
	case PGS_LEAST:
	case PGS_GREATEST:
		return extremum(fn, args, nargs, out, err);
	case PGS_MURMUR2:
	case PGS_FNV1A:
	case PGS_PERMUTE:
		return hash(fn, args, out, err);
	default:
		return draw(fn, args, env->random, out, err);
	}
}

int pgs_func_call(enum pgs_func fn, const struct pgs_value *args, int nargs,
    const struct pgs_env *env, struct pgs_value *out, struct pgs_error *err)
{
	if (fn == PGS_IS) {
		*out = pgs_value_bool(same(&args[0], &args[1]));
		return 0;
	}
	if (fn == PGS_DEBUG) {
		if (env->debug != NULL)
			env->debug(&args[0], env->arg);
		*out = args[0];
		return 0;
	}
	if (any_type(args, nargs, PGS_NULL)) {
		*out = pgs_value_null();
		return 0;
	}
	if (fn <= PGS_GE)
		return arithmetic(fn, args, out, err);
	if (fn <= PGS_RSHIFT)
		return bits(fn, args, out, err);
	return call_rest(fn, args, nargs, env, out, err);
}
