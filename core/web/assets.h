/* The built page, embedded and compressed. */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include <stddef.h>

#include "web/http.h"

struct asset {
	const char *path;               /* "/app.js" */
	const char *type;
	const unsigned char *data;      /* gzip */
	const unsigned char *end;
	char etag[20];
};

void assets_init(void);
/* NULL when there is none of that path. */
const struct asset *assets_find(const char *path);

extern const struct http_route assets_routes[];

#endif
