/* swarm's own interface, /api/v1: what the page uses beside the push. */
#ifndef WEB_API_H
#define WEB_API_H

#include "web/http.h"

extern const struct http_route api_routes[];

#endif
