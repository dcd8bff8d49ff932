/* COPY: the table's functions. */
#ifndef PGC_COPY_H
#define PGC_COPY_H

#include "pgc_session.h"

const struct pg_result *pgc_copy_in(struct swarm_user *, const char *sql,
    const struct pg_copy_args *);
const struct pg_result *pgc_copy_out(struct swarm_user *, const char *sql,
    const struct pg_copy_args *);

#endif
