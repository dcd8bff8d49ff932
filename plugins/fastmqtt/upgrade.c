/*
 * Turns a fresh stream into a WebSocket, on the fiber that connects.
 */
#include "fast.h"

#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Longest header of an answer. */
#define HEADER_BYTES 4096

/* Reads until the empty line; 0, or -1 with *why. */
static int read_header(struct mqtt *m, char *header, int64_t deadline,
    const char **why)
{
	size_t len = 0;

	for (;;) {
		int64_t n = swarm_read(m->stream, header + len,
		    HEADER_BYTES - 1 - len, deadline);
		const char *end;

		*why = n == 0 ? "closed instead of a WebSocket" :
		    "no answer to the WebSocket request in time";
		if (n <= 0)
			return -1;
		len += (size_t)n;
		header[len] = 0;
		end = strstr(header, "\r\n\r\n");
		errno = EPROTO;
		*why = "no WebSocket: bytes after the answer's header";
		if (end)
			return end + 4 == header + len ? 0 : -1;
		*why = "no WebSocket: the answer's header is too long";
		if (len == HEADER_BYTES - 1)
			return -1;
	}
}

static int exchange(struct mqtt *m, char *header, int64_t deadline,
    const char **why)
{
	const struct url *u = &m->c.settings->url;
	struct codec_buf request = { .data = NULL };
	char key[WS_KEY_BYTES];
	uint8_t random[16];
	int rc;

	*why = "cannot ask for a WebSocket";
	if (getrandom(random, sizeof random, 0) != sizeof random ||
	    ws_put_request(&request, u->host, u->port, u->path, random,
	    key) == -1)
		return -1;
	rc = swarm_write(m->stream, request.data, request.len, deadline);
	codec_release(&request);
	if (rc == -1 || read_header(m, header, deadline, why) == -1)
		return -1;
	errno = EPROTO;
	return ws_check_answer(header, key, why);
}

int upgrade_stream(struct mqtt *m, int64_t deadline)
{
	int64_t start = swarm_now();
	char *header = malloc(HEADER_BYTES);
	const char *why = "out of memory";
	int rc = -1, error;

	m->ws = calloc(1, sizeof *m->ws);
	if (header && m->ws)
		rc = exchange(m, header, deadline, &why);
	error = errno;
	free(header);
	if (rc == -1)
		return client_fail(m, error, 0, "%s", why);
	rows_phase(ROWS_UPGRADE, swarm_now() - start);
	return 0;
}
