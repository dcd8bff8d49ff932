/*
 * Pipelines: statements sent without waiting for the results before them.
 */
#ifndef PGC_PIPE_H
#define PGC_PIPE_H

#include "pgc_session.h"

/* The table's functions. */
int pgc_pipe_queue(struct swarm_user *, const char *sql,
    const struct pg_query_args *);
int pgc_pipe_sync(struct swarm_user *, struct pg *on);
int pgc_pipe_drain(struct swarm_user *, struct pg *on);

bool pgc_pipe_is_open(const struct pg *);
/* NULL is fine. */
void pgc_pipe_free(struct pgc_pipe *);

#endif
