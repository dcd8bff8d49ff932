/*
 * The values themselves.  A separate file, because variables, expressions
 * and the runner all need them and none of the other two.
 */
#include "pgs_value.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int pgs_error_set(struct pgs_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

struct pgs_value pgs_value_null(void)
{
	return (struct pgs_value){ .type = PGS_NULL };
}

struct pgs_value pgs_value_bool(bool b)
{
	return (struct pgs_value){ .type = PGS_BOOL, .v.b = b };
}

struct pgs_value pgs_value_int(int64_t i)
{
	return (struct pgs_value){ .type = PGS_INT, .v.i = i };
}

struct pgs_value pgs_value_double(double d)
{
	return (struct pgs_value){ .type = PGS_DOUBLE, .v.d = d };
}

const char *pgs_value_type(const struct pgs_value *value)
{
	static const char *const names[] = {
		[PGS_NONE] = "none", [PGS_NULL] = "null",
		[PGS_BOOL] = "boolean", [PGS_INT] = "int",
		[PGS_DOUBLE] = "double",
	};

	return names[value->type];
}

int pgs_value_to_int(const struct pgs_value *value, int64_t *out,
    struct pgs_error *err)
{
	double d;

	if (value->type == PGS_INT) {
		*out = value->v.i;
		return 0;
	}
	if (value->type != PGS_DOUBLE)
		return pgs_error_set(err, "cannot coerce %s to int",
		    pgs_value_type(value));
	d = rint(value->v.d);
	/* 2^63 itself is a double, and one too many. */
	if (isnan(d) || d < -0x1p63 || d >= 0x1p63)
		return pgs_error_set(err, "double to int overflow for %f",
		    value->v.d);
	*out = (int64_t)d;
	return 0;
}

int pgs_value_to_double(const struct pgs_value *value, double *out,
    struct pgs_error *err)
{
	if (value->type == PGS_DOUBLE)
		*out = value->v.d;
	else if (value->type == PGS_INT)
		*out = (double)value->v.i;
	else
		return pgs_error_set(err, "cannot coerce %s to double",
		    pgs_value_type(value));
	return 0;
}

int pgs_value_to_bool(const struct pgs_value *value, bool *out,
    struct pgs_error *err)
{
	if (value->type != PGS_BOOL)
		return pgs_error_set(err, "cannot coerce %s to boolean",
		    pgs_value_type(value));
	*out = value->v.b;
	return 0;
}

bool pgs_value_truth(const struct pgs_value *value)
{
	switch (value->type) {
	case PGS_BOOL:
		return value->v.b;
	case PGS_INT:
		return value->v.i != 0;
	case PGS_DOUBLE:
		return value->v.d != 0.0;
	default:
		return false;
	}
}

/* `text` is a beginning, of any length, of `word`. */
static bool is_prefix(const char *text, const char *word)
{
	return strncasecmp(text, word, strlen(text)) == 0;
}

static bool looks_whole(const char *text)
{
	while (*text == ' ' || (*text >= '\t' && *text <= '\r'))
		text++;
	if (*text == '+' || *text == '-')
		text++;
	if (*text == '\0')
		return false;
	return text[strspn(text, "0123456789")] == '\0';
}

static int from_number(const char *text, struct pgs_value *out,
    struct pgs_error *err)
{
	char *end;

	errno = 0;
	if (looks_whole(text)) {
		long long i = strtoll(text, &end, 10);

		if (errno != 0)
			return pgs_error_set(err, "value \"%.64s\" is out of "
			    "range for type bigint", text);
		*out = pgs_value_int(i);
		return 0;
	}
	*out = pgs_value_double(strtod(text, &end));
	if (errno != 0 || end == text || *end != '\0')
		return pgs_error_set(err, "malformed variable value \"%.64s\": "
		    "no number, no boolean, not null", text);
	return 0;
}

int pgs_value_from_text(const char *text, struct pgs_value *out,
    struct pgs_error *err)
{
	if (*text == '\0')
		return pgs_error_set(err, "a variable's value is empty");
	if (strcasecmp(text, "null") == 0)
		*out = pgs_value_null();
	else if (is_prefix(text, "true") || is_prefix(text, "yes") ||
	    strcasecmp(text, "on") == 0)
		*out = pgs_value_bool(true);
	else if (is_prefix(text, "false") || is_prefix(text, "no") ||
	    strcasecmp(text, "off") == 0 || strcasecmp(text, "of") == 0)
		*out = pgs_value_bool(false);
	else
		return from_number(text, out, err);
	return 0;
}

/* Digits by hand: this runs for every parameter of every statement. */
static size_t int_to_text(int64_t value, char *buf, size_t size)
{
	char digits[24];
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	size_t n = 0;
	size_t len = 0;

	do {
		digits[n++] = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (value < 0)
		digits[n++] = '-';
	while (n > 0 && len + 1 < size)
		buf[len++] = digits[--n];
	buf[len] = '\0';
	return len;
}

/* The words are PostgreSQL's. */
static int double_to_text(double d, char *buf, size_t size)
{
	if (isnan(d))
		return snprintf(buf, size, "NaN");
	if (isinf(d))
		return snprintf(buf, size, "%sInfinity", d < 0 ? "-" : "");
	return snprintf(buf, size, "%.*g", DBL_DIG, d);
}

size_t pgs_value_to_text(const struct pgs_value *value, char *buf,
    size_t size)
{
	int n;

	switch (value->type) {
	case PGS_INT:
		return int_to_text(value->v.i, buf, size);
	case PGS_BOOL:
		n = snprintf(buf, size, "%s", value->v.b ? "true" : "false");
		break;
	case PGS_DOUBLE:
		n = double_to_text(value->v.d, buf, size);
		break;
	default:
		n = snprintf(buf, size, "NULL");
		break;
	}
	return (size_t)n < size ? (size_t)n : size - 1;
}
