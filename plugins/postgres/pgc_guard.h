/*
 * A limit on what one read of libpq's may take in.
 */
#ifndef PGC_GUARD_H
#define PGC_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* [any thread] Bytes that have come through a socket: of TCP since it was
 * made, of a Unix socket since pgc_guard_count(). */
int64_t pgc_guard_received(int fd, bool is_unix);
/* Makes a Unix socket count from here; often enough, every 2^30 bytes. */
void pgc_guard_count(int fd);

/*
 * [worker] Around a call of PQconsumeInput(): from begin on, as soon as more
 * than `limit` bytes in all have come through the socket, it is shut down,
 * whatever the call is doing.  end returns whether that happened.
 */
void pgc_guard_begin(int fd, bool is_unix, int64_t limit);
bool pgc_guard_end(void);

#endif
