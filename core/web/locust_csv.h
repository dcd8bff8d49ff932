/* Locust's rows of a snapshot, and its CSV documents. */
#ifndef WEB_LOCUST_CSV_H
#define WEB_LOCUST_CSV_H

#include "base/buf.h"
#include "web/snapshot.h"

/* Rows of requests by (name, type); the caller frees. */
const struct snapshot_row **locust_rows(const struct snapshot *,
    size_t *count);
/* A second, of the whole test, by the total's clock, as Locust has it for every
 * row. */
double locust_overall(const struct snapshot *, uint64_t count);
double locust_per_request(const struct snapshot_row *, uint64_t amount);

void locust_write_requests_csv(struct buf *, const struct snapshot *);
void locust_write_failures_csv(struct buf *, const struct snapshot *);
void locust_write_exceptions_csv(struct buf *, const struct snapshot *);

#endif
