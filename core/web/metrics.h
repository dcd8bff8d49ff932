/* /metrics, for Prometheus to scrape. */
#ifndef WEB_METRICS_H
#define WEB_METRICS_H

#include "web/http.h"

extern const struct http_route metrics_routes[];

#endif
