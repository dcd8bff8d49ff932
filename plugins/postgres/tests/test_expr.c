/*
 * Expressions, against what pgbench 15 answers to \set x debug(…).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pgs_expr.h"

static struct pgs_names names;
static struct pgs_random rng;

/* "int 5", or "error: …", as pgbench prints it. */
static const char *eval_with(const char *text, const char *value)
{
	static char out[400];
	struct pgs_value stack[64];
	struct pgs_expr expr;
	struct pgs_error err;
	struct pgs_value result;
	struct pgs_vars vars;
	size_t at;
	int n;

	if (pgs_expr_parse(&expr, &names, text, strlen(text), &err, &at) ==
	    -1) {
		snprintf(out, sizeof(out), "syntax: %s", err.text);
		pgs_expr_release(&expr);
		return out;
	}
	assert_true(expr.depth <= 64);
	assert_int_equal(pgs_vars_init(&vars, names.count), 0);
	n = pgs_names_find(&names, "v", 1);
	if (value != NULL && n != -1)
		assert_int_equal(pgs_vars_set_text(&vars, n, value,
		    strlen(value)), 0);
	n = pgs_names_find(&names, "default_seed", 12);
	if (n != -1)
		pgs_vars_set(&vars, n, &(struct pgs_value){ .type = PGS_INT,
			.v.i = 5432 });
	struct pgs_env env = { .vars = &vars, .names = &names,
		.random = &rng, .stack = stack };
	if (pgs_expr_eval(&expr, &env, &result, &err) == -1) {
		snprintf(out, sizeof(out), "error: %s", err.text);
	} else {
		char digits[64];

		pgs_value_to_text(&result, digits, sizeof(digits));
		if (result.type == PGS_NULL)
			snprintf(out, sizeof(out), "null");
		else
			snprintf(out, sizeof(out), "%s %s",
			    pgs_value_type(&result), digits);
	}
	pgs_vars_release(&vars);
	pgs_expr_release(&expr);
	return out;
}

static const char *eval(const char *text)
{
	return eval_with(text, NULL);
}

static int teardown(void **state)
{
	(void)state;
	pgs_names_release(&names);
	return 0;
}

static void arithmetic(void **state)
{
	(void)state;
	assert_string_equal(eval("1 + 2 * 3"), "int 7");
	assert_string_equal(eval("7/-2"), "int -3");
	assert_string_equal(eval("-7 % 3"), "int -1");
	assert_string_equal(eval("-5 % 3"), "int -2");
	assert_string_equal(eval("5.7 % 2"), "int 0");
	assert_string_equal(eval("mod(7, 3)"), "int 1");
	assert_string_equal(eval("1.0/3"), "double 0.333333333333333");
	assert_string_equal(eval("1.0/0"), "double Infinity");
	assert_string_equal(eval("sqrt(-1)"), "double NaN");
	assert_string_equal(eval("- - 5"), "int 5");
	assert_string_equal(eval("2 - -5"), "int 7");
	assert_string_equal(eval("2--5"), "int 7");
	assert_string_equal(eval("1 /2 -- 3"), "int 3");
	assert_string_equal(eval("2 * - 1 + 3"), "int 1");
	assert_string_equal(eval("-0.0"), "double 0");
	assert_string_equal(eval("1e15"), "double 1e+15");
	assert_string_equal(eval(".5e1"), "double 5");
	assert_string_equal(eval("1."), "double 1");
	assert_string_equal(eval("1 \\\n + 1"), "int 2");
	assert_string_equal(eval("(1 + 2) * 3"), "int 9");
}

static void limits(void **state)
{
	(void)state;
	assert_string_equal(eval("-9223372036854775808"),
	    "int -9223372036854775808");
	assert_string_equal(eval("9223372036854775807 + 1"),
	    "error: bigint add out of range");
	assert_string_equal(eval("-9223372036854775808 - 1"),
	    "error: bigint sub out of range");
	assert_string_equal(eval("9223372036854775807 * 2"),
	    "error: bigint mul out of range");
	assert_string_equal(eval("-9223372036854775808 / -1"),
	    "error: bigint div out of range");
	assert_string_equal(eval("-9223372036854775808 % -1"), "int 0");
	assert_string_equal(eval("abs(-9223372036854775808)"),
	    "int -9223372036854775808");
	assert_string_equal(eval("1 / 0"), "error: division by zero");
	assert_string_equal(eval("1 % 0"), "error: division by zero");
	assert_string_equal(eval("-9223372036854775809"),
	    "syntax: bigint constant overflow (9223372036854775809)");
	assert_string_equal(eval("1e400"),
	    "syntax: double constant overflow (1e400)");
	assert_non_null(strstr(eval("9223372036854775808"), "syntax"));
	assert_string_equal(eval("int(1e19)"), "error: double to int overflow"
	    " for 10000000000000000000.000000");
	assert_string_equal(eval("int(2.5)"), "int 2");
	assert_string_equal(eval("int(3.5)"), "int 4");
	assert_string_equal(eval("int(-2.5)"), "int -2");
}

static void bit_operators(void **state)
{
	(void)state;
	assert_string_equal(eval("~1+2"), "int -4");
	assert_string_equal(eval("2 * ~1 + 3"), "int -10");
	assert_string_equal(eval("5 # 3 & 1 | 8"), "int 8");
	assert_string_equal(eval("1 << 65"), "int 2");
	assert_string_equal(eval("1 << -1"), "int -9223372036854775808");
	assert_string_equal(eval("-8 >> 1"), "int -4");
}

static void logic(void **state)
{
	(void)state;
	assert_string_equal(eval("not 1 = 2"), "boolean true");
	assert_string_equal(eval("1 !=2"), "boolean true");
	assert_string_equal(eval("1 <> 1"), "boolean false");
	assert_string_equal(eval("2 >= 2.5"), "boolean false");
	assert_string_equal(eval("1 is null"), "boolean false");
	assert_string_equal(eval("1 is null is null"), "boolean false");
	assert_string_equal(eval("1 IS NOT NULL"), "boolean true");
	assert_string_equal(eval("2 notnull"), "boolean true");
	assert_string_equal(eval("null is true"), "boolean false");
	assert_string_equal(eval("0 is false"), "boolean false");
	assert_string_equal(eval("null + true"), "null");
	assert_string_equal(eval("true and null"), "null");
	assert_string_equal(eval("null and false"), "null");
	assert_string_equal(eval("false and null"), "boolean false");
	assert_string_equal(eval("true or 1 / 0 = 1"), "boolean true");
	assert_string_equal(eval("true and not false or true"),
	    "boolean true");
	assert_string_equal(eval("not true is null"), "boolean true");
	assert_string_equal(eval("null is not true isnull"),
	    "boolean false");
	assert_string_equal(eval("true = true"),
	    "error: cannot coerce boolean to int");
	assert_string_equal(eval("1 and true"),
	    "error: cannot coerce int to boolean");
	assert_string_equal(eval("1 + not true"),
	    "error: cannot coerce boolean to int");
	assert_string_equal(eval("case when 1 then 2 end"), "int 2");
	assert_string_equal(eval("case when 0 then 2 end"), "null");
	assert_string_equal(eval("case when false then 1 when null then 2 "
	    "when 0.5 then 3 else 4 end + 10"), "int 13");
	assert_string_equal(eval("case when false then 1/0 else 4 end"),
	    "int 4");
}

static void functions(void **state)
{
	(void)state;
	assert_string_equal(eval("pow(2,0.5)"), "double 1.4142135623731");
	assert_string_equal(eval("POWER(2, 3)"), "double 8");
	assert_string_equal(eval("exp(1)"), "double 2.71828182845905");
	assert_string_equal(eval("ln(0)"), "double -Infinity");
	assert_string_equal(eval("pi()"), "double 3.14159265358979");
	assert_string_equal(eval("double(3)"), "double 3");
	assert_string_equal(eval("least(1,2.0)"), "double 1");
	assert_string_equal(eval("greatest(3,9,4)"), "int 9");
	assert_string_equal(eval("greatest(1,2.5,true)"),
	    "error: cannot coerce boolean to double");
	assert_string_equal(eval("abs(-2)"), "int 2");
	assert_string_equal(eval("debug(7)"), "int 7");
}

static void hashes(void **state)
{
	(void)state;
	assert_string_equal(eval("hash_murmur2(0,0)"),
	    "int 8217090173679840641");
	assert_string_equal(eval("hash_murmur2(-1,17)"),
	    "int 1501022185244467782");
	assert_string_equal(eval("hash_murmur2(9223372036854775807,"
	    "-9223372036854775808)"), "int -8969732497821252539");
	assert_string_equal(eval("hash_fnv1a(0,0)"),
	    "int -6284781860667377211");
	assert_string_equal(eval("hash_fnv1a(-1,17)"),
	    "int -7558197021909614036");
	assert_string_equal(eval("hash_fnv1a(1234567890123,-5)"),
	    "int -2477512558113999027");
	assert_string_equal(eval("hash(10)"), "int -5817877081768721676");
	assert_string_equal(eval("hash(10, 5432)"),
	    "int -5817877081768721676");
}

static void permutations(void **state)
{
	(void)state;
	assert_string_equal(eval("permute(0,1,5)"), "int 0");
	assert_string_equal(eval("permute(1,2,5)"), "int 1");
	assert_string_equal(eval("permute(2,3,0)"), "int 0");
	assert_string_equal(eval("permute(7,10,42)"), "int 5");
	assert_string_equal(eval("permute(-7,10,42)"), "int 2");
	assert_string_equal(eval("permute(123456789,1000000007,9000)"),
	    "int 58291722");
	assert_string_equal(eval("permute(9223372036854775806,"
	    "9223372036854775807,-1)"), "int 4775772272512122725");
	assert_string_equal(eval("permute(5,64,9223372036854775807)"),
	    "int 11");
	assert_string_equal(eval("permute(1,0,1)"),
	    "error: permute size parameter must be greater than zero");
}

static void permute_is_one_to_one(void **state)
{
	bool seen[1000];
	int size;
	int i;

	(void)state;
	for (size = 1; size <= 1000; size += 37) {
		memset(seen, 0, sizeof(seen));
		for (i = 0; i < size; i++) {
			int64_t p = pgs_random_permute(i, size, 99);

			assert_in_range((uint64_t)p, 0, (uint64_t)size - 1);
			assert_false(seen[p]);
			seen[p] = true;
		}
	}
}

/* pgbench -c2 --random-seed=12345: its base generator seeds each client's in
 * turn, then gives the default seed. */
static void random_like_pgbench(void **state)
{
	struct pgs_random base;
	struct pgs_random second;

	(void)state;
	pgs_random_seed(&base, 12345);
	pgs_random_seed(&rng, pgs_random_next(&base));
	pgs_random_seed(&second, pgs_random_next(&base));
	assert_int_equal((int64_t)pgs_random_next(&base),
	    -2238700299075589035);
	assert_string_equal(eval("random(1,1000000)"), "int 453054");
	assert_string_equal(eval("random(1,1000000)"), "int 503986");
	assert_string_equal(eval("random_gaussian(1,1000000,2.5)"),
	    "int 488825");
	assert_string_equal(eval("random_exponential(1,1000000,3)"),
	    "int 1610");
	assert_string_equal(eval("random_zipfian(1,1000000,1.07)"), "int 13");
	assert_string_equal(eval("random_zipfian(1,1000000,2)"), "int 2");
	rng = second;
	assert_string_equal(eval("random(1,1000000)"), "int 287770");
	assert_string_equal(eval("random(1,1000000)"), "int 511728");
	assert_string_equal(eval("random_gaussian(1,1000000,2.5)"),
	    "int 22204");
	assert_string_equal(eval("random_exponential(1,1000000,3)"),
	    "int 764407");
	assert_string_equal(eval("random_zipfian(1,1000000,1.07)"),
	    "int 125");
	assert_string_equal(eval("random_zipfian(1,1000000,2)"), "int 3");
}

static void random_refuses(void **state)
{
	(void)state;
	assert_string_equal(eval("random(5,1)"),
	    "error: empty range given to random");
	assert_string_equal(eval("random(-9223372036854775808,"
	    "9223372036854775807)"), "error: random range is too large");
	assert_string_equal(eval("random(0,9223372036854775807)"),
	    "error: random range is too large");
	assert_non_null(strstr(eval("random_gaussian(1,2,1.9)"),
	    "gaussian parameter must be at least 2.0"));
	assert_non_null(strstr(eval("random_exponential(1,2,0)"),
	    "greater than zero"));
	assert_non_null(strstr(eval("random_zipfian(1,2,1.0)"),
	    "zipfian parameter"));
	assert_non_null(strstr(eval("random_zipfian(1,2,0.0/0)"),
	    "zipfian parameter"));
	assert_string_equal(eval("random_zipfian(7,7,1.5)"), "int 7");
}

static void variables(void **state)
{
	(void)state;
	assert_string_equal(eval_with(":v", "of"), "boolean false");
	assert_string_equal(eval_with(":v", "T"), "boolean true");
	assert_string_equal(eval_with(":v", "n"), "boolean false");
	assert_string_equal(eval_with(":v", "Null"), "null");
	assert_string_equal(eval_with(":v", " 5"), "int 5");
	assert_string_equal(eval_with(":v", "0x10"), "double 16");
	assert_string_equal(eval_with(":v + 1", "-1.5"), "double -0.5");
	assert_non_null(strstr(eval_with(":v", "o"), "malformed"));
	assert_non_null(strstr(eval_with(":v", ""), "empty"));
	assert_non_null(strstr(eval_with(":v", "99999999999999999999"),
	    "out of range"));
	assert_string_equal(eval(":nobody"),
	    "error: undefined variable \"nobody\"");
	assert_string_equal(eval(":1"), "error: undefined variable \"1\"");
}

static void syntax_errors(void **state)
{
	static const char *const bad[] = {
		"", "1 2", "1<2<3", "1 < 2 = true", "1 = 2 = 3", "1 || 2",
		"foo(2)", "power(2)", "pi(1)", "least()", "1e", "(1", "1)",
		"case 1 end", "case when 1 end", "case when 1 then 2", "1 is",
		"1 is not", "1 is 2", "and", "1 +", "$", "\\", ":", "hash()",
		"hash(1,2,3)", "random(1,2,3)", "1 !", "abs(1", "abs 1",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (strncmp(eval(bad[i]), "syntax: ", 8) != 0)
			fail_msg("\"%s\" gave %s", bad[i], eval(bad[i]));
	}
}

static void deep_nesting_is_refused(void **state)
{
	char text[2001];

	(void)state;
	memset(text, '(', 1000);
	text[1000] = '\0';
	assert_string_equal(eval(text), "syntax: nested too deeply");
	memset(text, '-', 1000);
	assert_string_equal(eval(text), "syntax: nested too deeply");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(limits),
		cmocka_unit_test(bit_operators),
		cmocka_unit_test(logic),
		cmocka_unit_test(functions),
		cmocka_unit_test(hashes),
		cmocka_unit_test(permutations),
		cmocka_unit_test(permute_is_one_to_one),
		cmocka_unit_test(random_like_pgbench),
		cmocka_unit_test(random_refuses),
		cmocka_unit_test(variables),
		cmocka_unit_test(syntax_errors),
		cmocka_unit_test(deep_nesting_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
