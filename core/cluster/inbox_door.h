/*
 * Who gets into the master's table of workers.
 */
#ifndef CLUSTER_INBOX_DOOR_H
#define CLUSTER_INBOX_DOOR_H

#include "cluster/member.h"
#include "cluster/wire.h"

/* A client_ready. */
void inbox_door_knock(struct zsock *sock, const char *from,
    const struct wire_message *msg);
/* Any other message of a sender that is not in the table; NULL when it shall
 * not be. */
struct member *inbox_door_meet(struct zsock *sock, const char *from,
    const struct wire_message *msg);
/* Registers those that knocked while the master was closed. */
void inbox_door_open(void);
void inbox_door_release(void);

#endif
