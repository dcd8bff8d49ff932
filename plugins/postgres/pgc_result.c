/*
 * Reading results where they lie.  Rows and columns out of range read as
 * null instead of libpq's complaint on standard error.
 */
#include "pgc_result.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

static bool has(const struct pg_result *r, int64_t row, int col)
{
	const PGresult *pg = r->pgresult;

	return pg != NULL && row >= 0 && row < PQntuples(pg) && col >= 0 &&
	    col < PQnfields(pg);
}

static bool has_column(const struct pg_result *r, int col)
{
	return r->pgresult != NULL && col >= 0 &&
	    col < PQnfields(r->pgresult);
}

const char *pgc_result_value(const struct pg_result *r, int64_t row, int col)
{
	return has(r, row, col) ? PQgetvalue(r->pgresult, (int)row, col) : "";
}

int64_t pgc_result_length(const struct pg_result *r, int64_t row, int col)
{
	return has(r, row, col) ? PQgetlength(r->pgresult, (int)row, col) : 0;
}

bool pgc_result_null(const struct pg_result *r, int64_t row, int col)
{
	return !has(r, row, col) || PQgetisnull(r->pgresult, (int)row, col);
}

static bool is_binary(const struct pg_result *r, int col)
{
	return PQfformat(r->pgresult, col) == 1;
}

static bool is_bool(const struct pg_result *r, int col)
{
	return PQftype(r->pgresult, col) == 16;
}

static bool is_float(const struct pg_result *r, int col)
{
	Oid type = PQftype(r->pgresult, col);

	return type == 700 || type == 701;
}

/* Big-endian, as sent; the length is the type's. */
static int64_t from_binary(const char *value, int len)
{
	uint16_t n2;
	uint32_t n4;
	uint64_t n8;

	switch (len) {
	case 1:
		return (unsigned char)value[0];
	case 2:
		memcpy(&n2, value, sizeof(n2));
		return (int16_t)be16toh(n2);
	case 4:
		memcpy(&n4, value, sizeof(n4));
		return (int32_t)be32toh(n4);
	case 8:
		memcpy(&n8, value, sizeof(n8));
		return (int64_t)be64toh(n8);
	default:
		return 0;
	}
}

static double float_from_binary(const char *value, int len)
{
	uint64_t bits = (uint64_t)from_binary(value, len);
	uint32_t half = (uint32_t)bits;
	double d = 0;
	float f;

	if (len == 8) {
		memcpy(&d, &bits, sizeof(d));
	} else if (len == 4) {
		memcpy(&f, &half, sizeof(f));
		d = f;
	}
	return d;
}

int64_t pgc_result_integer(const struct pg_result *r, int64_t row, int col)
{
	const char *value;

	if (pgc_result_null(r, row, col))
		return 0;
	value = PQgetvalue(r->pgresult, (int)row, col);
	if (!is_binary(r, col))
		return is_bool(r, col) ? value[0] == 't' :
		    strtoll(value, NULL, 10);
	if (is_float(r, col))
		return 0;
	return from_binary(value, PQgetlength(r->pgresult, (int)row, col));
}

double pgc_result_real(const struct pg_result *r, int64_t row, int col)
{
	const char *value;
	int len;

	if (pgc_result_null(r, row, col))
		return 0;
	value = PQgetvalue(r->pgresult, (int)row, col);
	if (!is_binary(r, col))
		return strtod(value, NULL);
	len = PQgetlength(r->pgresult, (int)row, col);
	return is_float(r, col) ? float_from_binary(value, len) :
	    (double)from_binary(value, len);
}

int pgc_result_column(const struct pg_result *r, const char *name)
{
	int col;

	for (col = 0; has_column(r, col); col++) {
		if (strcmp(PQfname(r->pgresult, col), name) == 0)
			return col;
	}
	return -1;
}

const char *pgc_result_column_name(const struct pg_result *r, int col)
{
	return has_column(r, col) ? PQfname(r->pgresult, col) : "";
}

uint32_t pgc_result_column_type(const struct pg_result *r, int col)
{
	return has_column(r, col) ? PQftype(r->pgresult, col) : 0;
}
