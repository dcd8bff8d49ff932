/*
 * A worker's part of the request log (--request-log): written once a second,
 * and what had no room counted for the master.
 */
#ifndef CLI_REQUEST_LINES_H
#define CLI_REQUEST_LINES_H

#include <stddef.h>
#include <stdint.h>

struct series;
struct stats;
struct swarm_timer;

/* `path` (which must stay): NULL for none; drops are counted in `stats`. */
void request_lines_start(const char *path, struct stats *stats);
/* The master has said which worker this is. */
void request_lines_open(unsigned worker);
/* A sample that ended; as users_options.ended. */
void request_lines_add(const struct swarm_timer *, const struct series *,
    int64_t end, size_t bytes, const char *error);
void request_lines_close(void);

#endif
