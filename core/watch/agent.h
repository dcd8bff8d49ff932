/*
 * `swarm agent`: tells over HTTP how busy this machine is, and named
 * processes on it.  One sample is read when one is asked for, not before.
 */
#ifndef WATCH_AGENT_H
#define WATCH_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define AGENT_PORT      9646
#define AGENT_PROCESSES 16
#define AGENT_TEXT      (1u << 20)      /* bytes of an answer */

struct agent_row {
	const char *name;               /* a constant */
	const char *help;               /* a constant */
	const char *label[2];           /* constants; NULL: none */
	char value_of[2][64];
	double value;
};

struct agent_sample {
	struct agent_row *rows;         /* those of one name together */
	size_t count;
};

/* `processes`: names or numbers of processes, at most AGENT_PROCESSES. */
void agent_read(struct agent_sample *, char *const *processes, size_t count);
void agent_release(struct agent_sample *);
int agent_text(struct buf *, const struct agent_sample *);
int agent_json(struct buf *, const struct agent_sample *);

/* Serves until SIGINT or SIGTERM; port 0: any.  0, or -1 after log_error(). */
int agent_serve(const char *address, uint16_t port, char *const *processes,
    size_t count);

#endif
