/*
 * How far apart the receivers of one broadcast get it.  Of this worker's
 * receivers: clocks of other machines would have to agree.
 */
#ifndef WS_COMMAND_FANOUT_H
#define WS_COMMAND_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A payload of a broadcast begins with this, as text. */
struct fanout_stamp {
	uint32_t sender;
	uint64_t number;
	int64_t sent;                   /* swarm_shared_now(); 0: unknown */
};

#define FANOUT_STAMP_BYTES 48u

/* Writes FANOUT_STAMP_BYTES characters, no NUL. */
void fanout_put(char *to, const struct fanout_stamp *);
bool fanout_get(const char *data, size_t len, struct fanout_stamp *);

/*
 * A receiver has got it, at `now`.  When all `receivers` of the worker have,
 * or when so many newer ones came that it is given up, returns true with the
 * time from the first to the last and how many had got it.
 */
struct fanout_result {
	int64_t spread;
	unsigned reached;
};
bool fanout_note(const struct fanout_stamp *, int64_t now, unsigned receivers,
    struct fanout_result *);

#endif
