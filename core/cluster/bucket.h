/*
 * How much of something a peer may use: so many tokens at most, refilled with
 * time.
 */
#ifndef CLUSTER_BUCKET_H
#define CLUSTER_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {                         /* zeroed: full */
	double tokens;
	int64_t at;
};

/* Takes `cost` tokens, or says that there are not so many. */
bool bucket_take(struct bucket *, double cost, double rate, double burst);

/* Messages of a scenario's own, a second and at once, that a worker sends; its
 * master takes a little more, since the network bunches them. */
#define BUCKET_CUSTOM_RATE  50
#define BUCKET_CUSTOM_BURST 500
#define BUCKET_CUSTOM_SLACK 1.2

#endif
