/* `swarm pgbench -i`: making and filling the tables. */
#ifndef PGB_INIT_H
#define PGB_INIT_H

struct swarm_user;

/* [fiber] The steps of the options, with messages on standard error; the exit
 * code. */
int pgb_init_run(struct swarm_user *);

#endif
