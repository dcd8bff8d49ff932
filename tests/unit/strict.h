/*
 * Included first in every unit test: cmocka as it should be.  Its own
 * comparison of numbers takes a NaN for equal to anything, and sees but the
 * seven digits of a float.
 */
#ifndef TESTS_STRICT_H
#define TESTS_STRICT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline void assert_near(double a, double b, double epsilon,
    const char *file, int line)
{
	if (fabs(a - b) <= epsilon)
		return;
	print_error("%.17g is not %.17g within %g\n", a, b, epsilon);
	_fail(file, line);
}

#undef assert_float_equal
#define assert_float_equal(a, b, epsilon) \
	assert_near((a), (b), (epsilon), __FILE__, __LINE__)

#endif
