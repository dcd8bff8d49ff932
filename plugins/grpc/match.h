/* Which message of a stream a received one answers to. */
#ifndef GRPC_MATCH_H
#define GRPC_MATCH_H

#include <swarm/grpc.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message without an answer yet; sent == 0: it has one. */
struct match_sent {
	uint64_t key;
	int64_t sent;
};

/* A ring, oldest first. */
struct match {
	enum rpc_match rule;
	struct match_sent *ring;
	size_t size;                    /* power of two, or 0 */
	size_t head;
	size_t count;                   /* answered ones in between, too */
};

/* One more is being sent.  Returns true when the oldest one had to be given up
 * for it. */
bool match_add(struct match *, uint64_t key, int64_t sent);
/* When the message was sent that this one answers to; 0: there is none. */
int64_t match_take(struct match *, uint64_t key);
/* The oldest that is not answered, taken off; 0: none. */
int64_t match_next(struct match *);
void match_release(struct match *);

#endif
