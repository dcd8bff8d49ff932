/*
 * LISTEN and NOTIFY.
 */
#ifndef PGC_NOTIFY_H
#define PGC_NOTIFY_H

#include "pgc_session.h"

/* The table's functions. */
int pgc_notify_listen(struct swarm_user *, const char *channel,
    struct pg *on);
int pgc_notify_unlisten(struct swarm_user *, const char *channel,
    struct pg *on);
int pgc_notify_send(struct swarm_user *, const struct pg_notify_args *);
const struct pg_notification *pgc_notify_wait(struct swarm_user *,
    const struct pg_wait_args *);

/* Listens again on a new connection: 0, or -1 with s->error. */
int pgc_inbox_resume(struct pg *);
/* Whether a fiber is in pg_wait(); NULL is fine. */
bool pgc_inbox_is_waited(const struct pgc_inbox *);
/* NULL is fine. */
void pgc_inbox_free(struct pgc_inbox *);

#endif
