/*
 * What workers say in words: exceptions, lines of their logs, and what they
 * died of.
 */
#ifndef CLUSTER_INBOX_CHAT_H
#define CLUSTER_INBOX_CHAT_H

#include "cluster/member.h"
#include "cluster/wire.h"

/* 0, or -1 when malformed; then nothing was told to anyone. */
int chat_exception(struct member *, const struct wire_message *);
int chat_logs(struct member *, const struct wire_message *);

/* Of somebody else, for a worker that can say nothing any more: it is lost. */
int chat_crash(struct zsock *, const struct wire_message *);

#endif
