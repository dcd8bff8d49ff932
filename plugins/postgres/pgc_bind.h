/*
 * Parameters in the form libpq takes.
 */
#ifndef PGC_BIND_H
#define PGC_BIND_H

#include <libpq-fe.h>

#include <swarm/postgres.h>

/* Valid until the next pgc_bind(): one for the worker, since libpq has copied
 * everything when its send function returns. */
struct pgc_bound {
	int count;
	Oid types[PG_PARAMS_MAX];
	const char *values[PG_PARAMS_MAX];
	int lengths[PG_PARAMS_MAX];
	int formats[PG_PARAMS_MAX];
	char space[PG_PARAMS_MAX][32];
};

/* NULL when there are too many or one is too long. */
const struct pgc_bound *pgc_bind(const struct pg_param *params);

#endif
