/*
 * Messages whose types the protocol does not know: their data is anything
 * that msgpack holds, to us JSON.
 */
#ifndef CLUSTER_WIRE_CUSTOM_H
#define CLUSTER_WIRE_CUSTOM_H

#include "cluster/wire.h"

/* Whether a message of that type can be a scenario's own. */
bool wire_custom_type(const char *type);
/* 0, or -1 when it is no JSON value or too deep; `out` may then hold a part. */
int wire_encode_custom(struct buf *out, const char *node_id, const char *type,
    const char *json);
/* As it came, to somebody else. */
void wire_forward_custom(struct buf *out, const char *node_id,
    const struct wire_message *);
/* JSON text, compact; the caller frees.  NULL when there is no memory for it. */
char *wire_read_custom(const struct wire_message *);

#endif
