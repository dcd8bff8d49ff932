/*
 * Received messages on their way to a user: to the fiber that waits for them,
 * to the handler, or into a bounded queue.
 */
#ifndef WEBSOCKET_INBOX_H
#define WEBSOCKET_INBOX_H

#include <swarm/websocket.h>

/* A fiber that waits for a message, on its stack. */
struct receiver {
	struct receiver *next;
	const struct ws_match *match;   /* NULL: any */
	struct message *got;
	struct swarm_waker *waker;
};

void inbox_init(struct ws *);
void inbox_release(struct ws *);
/* [worker] A piece of a message has come; 0, or -1 with EMSGSIZE, EILSEQ (text
 * that is no UTF-8) or ENOMEM. */
int inbox_add(struct ws *, const void *data, size_t len, bool binary,
    bool final);
/* [worker] What was begun will not be ended. */
void inbox_cut(struct ws *);
/* [worker] Wakes who waits, to look at the state. */
void inbox_wake(struct ws *);

/* [fiber] The first kept message that matches, or NULL. */
const struct ws_message *inbox_take(struct ws *, const struct ws_match *);
/* [fiber] From now on `r` gets the first message that matches. */
void inbox_expect(struct ws *, struct receiver *, const struct ws_match *);
/* [fiber] Waits for it; NULL with errno.  Takes `r` off in any case. */
const struct ws_message *inbox_wait(struct ws *, struct receiver *,
    int64_t deadline);
void inbox_unexpect(struct ws *, struct receiver *);

void inbox_handle(struct ws *, ws_handler *, void *arg);
/* Frees what is kept for reuse. */
void inbox_stop(void);

#endif
