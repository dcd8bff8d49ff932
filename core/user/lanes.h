/*
 * The users of a replayed trace that have something to do, or whose last
 * simulated user is remembered: each a lane of events in order.  Part of
 * replay.c; plain bookkeeping that starts nothing.
 */
#ifndef USER_LANES_H
#define USER_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lane;
struct record;
struct swarm_user;

/* An event that waits or is performed. */
struct lanes_item {
	struct lanes_item *next;
	int64_t due;                    /* ns after t = 0 */
	uint64_t key;
	uint64_t number;                /* as the master counts */
	uint32_t user_len;
	uint32_t payload_len;
	bool large;
	char data[];                    /* user, payload */
};

struct lanes {
	struct lane **table;
	size_t size;                    /* a power of two */
	size_t count;
	bool parallel;                  /* events of one user do not wait for
	                                 * each other */
	struct lane *ready;             /* wait for any simulated user */
	struct lane **last_ready;
	struct lane *spare;
	struct lanes_item *pool;
	size_t waiting;                 /* items */
	size_t bytes;                   /* of these */
};

void lanes_init(struct lanes *, bool parallel);
/* Items that are being performed are their performers' to free(). */
void lanes_release(struct lanes *);

/* A copy of an event. */
struct lanes_item *lanes_item(struct lanes *, const struct record *,
    uint64_t number);
void lanes_item_free(struct lanes *, struct lanes_item *);

/* Whether an event of this user would have to wait for one before it. */
bool lanes_held(const struct lanes *, uint64_t key);
/* The item waits: for those of its user before it, or for a user. */
void lanes_add(struct lanes *, struct lanes_item *);
/* The next one of this user, or of one that waits for nothing but a simulated
 * user; NULL: none. */
struct lanes_item *lanes_take_of(struct lanes *, uint64_t key);
struct lanes_item *lanes_take_ready(struct lanes *);
/* It was taken and not performed: the first of its user again. */
void lanes_put_back(struct lanes *, struct lanes_item *);
/* What this user has waits for any simulated user. */
void lanes_wait(struct lanes *, uint64_t key);
/* Gives up all that wait; how many. */
size_t lanes_clear(struct lanes *);

/* `u` begins, or has ended, an event of this user. */
void lanes_begin(struct lanes *, uint64_t key, struct swarm_user *u);
void lanes_end(struct lanes *, uint64_t key);
/* Who performed its last event; NULL: nobody that is known. */
struct swarm_user *lanes_user(const struct lanes *, uint64_t key);
/* `u` has others from now on, or is gone. */
void lanes_forget(struct lanes *, uint64_t key, const struct swarm_user *u);

#endif
