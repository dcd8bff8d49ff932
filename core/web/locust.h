/* Locust's REST interface, at Locust's paths. */
#ifndef WEB_LOCUST_H
#define WEB_LOCUST_H

#include "web/http.h"

extern const struct http_route locust_routes[];

#endif
