/* swarm's own interface, /api/v1: what the page uses beside the push. */
#ifndef WEB_API_H
#define WEB_API_H

#include "web/http.h"

/* What can be read, and (control.c) what can be done. */
extern const struct http_route api_routes[];
extern const struct http_route control_routes[];

#endif
