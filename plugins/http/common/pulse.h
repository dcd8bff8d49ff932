/*
 * The pieces of a stream as distributions: when the first byte and the first
 * piece came, the gaps between pieces, and how many came a second.
 */
#ifndef HTTP_PULSE_H
#define HTTP_PULSE_H

#include <stdbool.h>
#include <stdint.h>

/* Types of the three series, whose name is the sample's, and the end of the
 * metric's name, which begins with it. */
struct pulse_types {
	const char *first_byte;
	const char *first;
	const char *gap;
	const char *rate;
};

extern const struct pulse_types pulse_pieces, pulse_tokens;

struct pulse {
	uint32_t gap;                   /* series */
	int64_t start;                  /* of the call */
	int64_t first_byte;             /* times of swarm_now(); 0: not yet */
	int64_t first;
	int64_t last;
	unsigned count;                 /* of pieces */
};

/* [worker] The head of the answer is there. */
void pulse_start(struct pulse *, const struct pulse_types *,
    const char *name, int64_t start, int64_t now);
/* [worker] A piece has arrived. */
void pulse_beat(struct pulse *, int64_t now);
/* [worker] The stream has ended with `count` pieces. */
void pulse_end(const struct pulse *, const struct pulse_types *,
    const char *name, unsigned count);
/* Pieces a second after the first; 0 when there are too few to say. */
double pulse_rate(const struct pulse *, unsigned count);

#endif
