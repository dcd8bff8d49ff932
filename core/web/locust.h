/* Locust's REST interface, at Locust's paths. */
#ifndef WEB_LOCUST_H
#define WEB_LOCUST_H

#include "web/http.h"

extern const struct http_route locust_routes[];

/* The CSV documents, also for /api/v1. */
void locust_write_requests_csv(struct buf *, const struct snapshot *);
void locust_write_failures_csv(struct buf *, const struct snapshot *);

#endif
