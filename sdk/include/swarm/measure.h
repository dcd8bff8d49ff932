/*
 * Results in the scenario's hands, beyond single samples: transactions over
 * several calls, names and tags given to samples that a protocol's functions
 * measure, and metrics of the scenario's own.
 */
#ifndef SWARM_MEASURE_H
#define SWARM_MEASURE_H

#include <swarm/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A transaction times everything between begin and end, waits of the scenario
 * included.  It is a row of type "TRANSACTION" beside the rows of the requests
 * within, and no part of the total, which counts these already.
 *
 * It has failed when a sample of this user failed within it, for the first
 * such reason, or when the scenario says so.  Transactions nest, eight deep;
 * a failure within the inner one is one of the outer one too.  What is still
 * open when the task (or hook) returns is ended then, as failed: it was left
 * half-way.  A user that is cancelled records none.
 *
 *	swarm_transaction_begin(u, "checkout");
 *	http_post(u, "/cart");
 *	http_post(u, "/pay");
 *	swarm_transaction_end(u);
 */
/* [fiber] The name is copied.  0, or -1 (and an error as of swarm_raise())
 * when too many are open. */
SWARM_API int swarm_transaction_begin(struct swarm_user *, const char *name);
/* [fiber] Ends the innermost one.  0 when it passed, -1 when it failed or
 * there is none. */
SWARM_API int swarm_transaction_end(struct swarm_user *);
/* [fiber] Makes the innermost one fail, for this reason (the first one given
 * counts); it still has to be ended. */
SWARM_API void swarm_transaction_fail(struct swarm_user *, const char *fmt,
    ...) SWARM_PRINTF(2, 3);
/* [fiber] Forgets the innermost one: nothing is recorded. */
SWARM_API void swarm_transaction_drop(struct swarm_user *);

/*
 * [worker] Moves a running sample into another row.  NULL keeps the type or
 * the name; the strings are copied when new.  After its end, or before it was
 * begun, it does nothing.
 */
SWARM_API void swarm_rename(struct swarm_timer *, const char *type,
    const char *name);

/*
 * [fiber] All samples of this user that end from now on are given this name,
 * whatever their own is, so that requests of one kind make one row: what a
 * protocol's functions measure, too, but no transaction.  Until the task
 * returns, another name is given, or NULL brings the own names back.
 */
SWARM_API void swarm_name(struct swarm_user *, const char *name);

/*
 * [fiber] A tag for all samples of this user that end from now on, until the
 * task returns; one given in start() stays with the user.  NULL takes it away.
 * Hooks see tags (hooks.h); with --split-by KEY each value of that key gets
 * rows of its own, "NAME [KEY=VALUE]", in place of the row "NAME".
 *
 * Keys are letters, digits, "_", "-" and "."; 16 different ones in a scenario.
 * Values are cut at 64 bytes; a key's 101st different value, and all later
 * ones, become "(other)": tags are for kinds, not for ids.  0, or -1 (and an
 * error as of swarm_raise()) for a key that cannot be.
 */
SWARM_API int swarm_tag(struct swarm_user *, const char *key,
    const char *value);

/*
 * Metrics beside the counters of stats.h, merged over all workers.
 *	gauge         a level: the last value (the latest of all workers'), the
 *	              least, the greatest, the mean
 *	rate          the share of values that were not 0
 *	distribution  percentiles; values of 0 to 4e9, told apart by 0.001 or
 *	              0.4 %, whichever is more; below 0 counts as 0
 */
enum swarm_metric_kind { SWARM_GAUGE, SWARM_RATE, SWARM_DISTRIBUTION };

/* [worker] The number of a metric, made when new.  `unit` is shown beside it
 * and may be NULL.  Strings are copied.  Metrics of the same name and another
 * kind are different ones; beyond 1000 all share the name "(other)". */
SWARM_API uint32_t swarm_metric(enum swarm_metric_kind, const char *name,
    const char *unit);
/* [worker] Records a value; one that is no finite number is left out. */
SWARM_API void swarm_record(uint32_t metric, double value);

#ifdef __cplusplus
}
#endif
#endif
