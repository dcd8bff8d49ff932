/* Transactions: the table's functions. */
#ifndef PGC_TX_H
#define PGC_TX_H

#include "pgc_session.h"

int pgc_tx_run(struct swarm_user *, int (*body)(struct swarm_user *, void *),
    void *arg, const struct pg_tx_args *);
int pgc_tx_begin(struct swarm_user *, const struct pg_tx_args *);
int pgc_tx_commit(struct swarm_user *, struct pg *on);
int pgc_tx_rollback(struct swarm_user *, struct pg *on);

#endif
