/* Names to addresses, without holding up the loop. */
#ifndef WEBSOCKET_RESOLVE_H
#define WEBSOCKET_RESOLVE_H

#include <stddef.h>

#define RESOLVE_MAX 8

struct resolved {
	char address[RESOLVE_MAX][48];
	size_t count;
};

/* [fiber] 0, or -1 with errno and *why: the name does not exist, or nobody
 * could tell. */
int resolve_name(const char *host, struct resolved *, const char **why);
void resolve_release(void);

#endif
