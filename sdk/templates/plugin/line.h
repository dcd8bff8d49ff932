/* Lines out of a stream of bytes.  Knows nothing of swarm, so that a test can
 * feed it byte by byte. */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_MAX_BYTES 4096

struct line {
	char text[LINE_MAX_BYTES + 1];
	size_t len;
	bool whole;                     /* its end was seen */
};

/* Takes bytes up to the end of the line; how many it took, or -1 when the
 * line is too long. */
long line_feed(struct line *, const char *data, size_t size);

#endif
