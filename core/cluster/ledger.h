/*
 * Which reports of a worker are in the results: each once, in order, however
 * often it was sent.
 */
#ifndef CLUSTER_LEDGER_H
#define CLUSTER_LEDGER_H

#include <stdint.h>

#include "cluster/member.h"
#include "cluster/wire.h"

enum ledger { LEDGER_MALFORMED = -1, LEDGER_KNOWN, LEDGER_MERGED };

/* Merges a report into master_shared.o.stats, unless it is there already, is
 * of an earlier test, or one before it is missing (KNOWN: it will come
 * again). */
enum ledger ledger_take(struct member_record *, const msgpack_object *data,
    void (*on_count)(const char *name, int64_t count, void *), void *arg);

#endif
