/*
 * Messages that must come, and in their order: each has a number and is kept
 * until the other side has said that all up to it have come.  Orders on their
 * way to a worker (orders.h), reports on their way to the master (outbox.h).
 *
 * Go back N: the other side takes them in order alone, so after a loss all
 * that followed are sent again.
 */
#ifndef CLUSTER_BACKLOG_H
#define CLUSTER_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* All zero: empty. */
struct backlog {
	struct backlog_kept {
		void *data;
		size_t len;
		uint64_t number;
		int64_t sent;           /* clock_now(), the last time */
	} *at;                          /* oldest first */
	size_t count;
};

/* It was encoded into `message` and sent; copied. */
void backlog_keep(struct backlog *, const struct buf *message,
    uint64_t number);
/* All up to this number have come. */
void backlog_taken(struct backlog *, uint64_t number);
/* Sends again what went out before `before` (clock_now()), and what followed
 * it: `most` at a time.  `send` returns -1 when nothing more can be sent
 * now. */
void backlog_again(struct backlog *, int64_t before, size_t most,
    int (*send)(const void *data, size_t len, void *), void *arg);
/* Nobody waits for them; frees. */
void backlog_forget(struct backlog *);

/* ---- the side that takes them ---- */

enum backlog_turn {
	BACKLOG_OLD,                    /* it has come before */
	BACKLOG_DUE,
	BACKLOG_EARLY,                  /* one before it has not come */
};

/* Of a message with that number, where `taken` is the last that was taken and
 * those before `since` will not come (any more). */
enum backlog_turn backlog_turn(uint64_t taken, uint64_t number,
    uint64_t since);

#endif
