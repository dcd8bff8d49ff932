/*
 * Parameters.  Whole numbers go as text unless a binary type is asked for:
 * the server then infers the column's own type and uses its index.
 */
#include "pgc_bind.h"

#include <endian.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* From the server's catalog, where these never change. */
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_INT4 23
#define OID_TEXT 25
#define OID_FLOAT8 701

static struct pgc_bound bound;

static void put_binary(int i, Oid type, const void *data, size_t len)
{
	bound.types[i] = type;
	bound.formats[i] = 1;
	bound.lengths[i] = (int)len;
	memcpy(bound.space[i], data, len);
	bound.values[i] = bound.space[i];
}

static int put_bytes(int i, const struct pg_param *p, Oid type, int format)
{
	if (p->v.p == NULL)
		return 0;
	if (p->len > INT_MAX)
		return -1;
	bound.types[i] = type;
	bound.formats[i] = format;
	bound.values[i] = p->v.p;
	bound.lengths[i] = p->len >= 0 ? (int)p->len :
	    (int)strlen(p->v.p);
	return 0;
}

static int put_text(int i, const struct pg_param *p)
{
	if (p->len < 0)
		return put_bytes(i, p, 0, 0);
	/* libpq reads text up to a NUL.  In binary, where lengths count, the
	 * type must be known, and text's bytes are the same. */
	return put_bytes(i, p, OID_TEXT, 1);
}

static void put_float8(int i, double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	bits = htobe64(bits);
	put_binary(i, OID_FLOAT8, &bits, sizeof(bits));
}

static int put(int i, const struct pg_param *p)
{
	uint32_t n4;
	uint64_t n8;

	bound.types[i] = 0;
	bound.values[i] = NULL;
	bound.lengths[i] = 0;
	bound.formats[i] = 0;
	switch ((enum pg_kind)p->kind) {
	case PG_KIND_INT:
		snprintf(bound.space[i], 32, "%" PRId64, p->v.i);
		bound.values[i] = bound.space[i];
		return 0;
	case PG_KIND_FLOAT:
		snprintf(bound.space[i], 32, "%.17g", p->v.f);
		bound.values[i] = bound.space[i];
		return 0;
	case PG_KIND_BOOL:
		bound.values[i] = p->v.i ? "t" : "f";
		return 0;
	case PG_KIND_TEXT:
		return put_text(i, p);
	case PG_KIND_INT4:
		n4 = htobe32((uint32_t)p->v.i);
		put_binary(i, OID_INT4, &n4, sizeof(n4));
		return 0;
	case PG_KIND_INT8:
		n8 = htobe64((uint64_t)p->v.i);
		put_binary(i, OID_INT8, &n8, sizeof(n8));
		return 0;
	case PG_KIND_FLOAT8:
		put_float8(i, p->v.f);
		return 0;
	case PG_KIND_BYTEA:
		return put_bytes(i, p, OID_BYTEA, 1);
	case PG_KIND_BINARY:
		return put_bytes(i, p, p->oid, 1);
	default:
		return 0;
	}
}

const struct pgc_bound *pgc_bind(const struct pg_param *params)
{
	bound.count = 0;
	for (; params != NULL && params->kind != PG_KIND_END; params++) {
		if (bound.count == PG_PARAMS_MAX ||
		    put(bound.count, params) == -1)
			return NULL;
		bound.count++;
	}
	return &bound;
}
