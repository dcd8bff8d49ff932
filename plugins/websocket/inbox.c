/*
 * A message is one block: head and bytes.  Small blocks are kept and used
 * again, because at full speed there is one for each message.
 *
 * A fiber's conditions are looked at when a message comes, on the loop, so
 * that it is woken once, by its own message, and not by each that passes.
 *
 * The queue is bounded, because a server can send faster than a user asks.
 * What does not fit is dropped and counted.
 */
#include "inbox.h"

#include "blocks.h"
#include "client.h"
#include "match.h"
#include "rows.h"
#include "utf8.h"

#include <errno.h>
#include <string.h>

#define QUEUE_BYTES (64u << 20)

struct message {
	struct message *next;
	size_t size;                    /* room in bytes[], without the NUL */
	struct ws_message m;
	char bytes[];
};

#define AROUND (sizeof(struct message) + 1)

static struct blocks blocks = { .small = 1024, .keep = 256 };

static struct message *message_new(size_t size)
{
	size_t block = AROUND + size;
	struct message *m = blocks_take(&blocks, &block);

	if (m)
		m->size = block - AROUND;
	return m;
}

static void message_free(struct message *m)
{
	if (m)
		blocks_give(&blocks, m, AROUND + m->size);
}

void inbox_stop(void)
{
	blocks_clear(&blocks);
}

void inbox_init(struct ws *w)
{
	w->last_message = &w->first_message;
}

static struct message *unlink_at(struct ws *w, struct message **at)
{
	struct message *m = *at;

	*at = m->next;
	if (w->last_message == &m->next)
		w->last_message = at;
	w->queued--;
	w->queued_bytes -= m->size;
	return m;
}

void inbox_release(struct ws *w)
{
	while (w->first_message)
		message_free(unlink_at(w, &w->first_message));
	message_free(w->current);
	message_free(w->partial);
	w->current = w->partial = NULL;
}

void inbox_cut(struct ws *w)
{
	message_free(w->partial);
	w->partial = NULL;
}

/* ---- a message is complete ---- */

static bool give_receiver(struct ws *w, struct message *m)
{
	for (struct receiver *r = w->receivers; r; r = r->next) {
		if (r->got || (r->match && !match_holds(r->match, &m->m)))
			continue;
		r->got = m;
		swarm_wake(r->waker);
		return true;
	}
	return false;
}

static void deliver(struct ws *w, struct message *m)
{
	w->received++;
	w->received_bytes += m->m.len;
	rows_add(ROWS_RECEIVED, 1);
	rows_add(ROWS_RECEIVED_BYTES, (int64_t)m->m.len);
	m->bytes[m->m.len] = 0;
	m->m.size = sizeof m->m;
	m->m.data = m->bytes;
	m->m.received = swarm_now();
	if (w->filter && w->filter(w, &m->m, w->filter_arg)) {
		message_free(m);
		return;
	}
	if (give_receiver(w, m))
		return;
	if (w->handler) {
		w->handler(w, &m->m, w->handler_arg);
		message_free(m);
		return;
	}
	if (w->queued >= (size_t)client_queue ||
	    w->queued_bytes > QUEUE_BYTES) {
		w->dropped++;
		rows_add(ROWS_DROPPED, 1);
		message_free(m);
		return;
	}
	m->next = NULL;
	*w->last_message = m;
	w->last_message = &m->next;
	w->queued++;
	w->queued_bytes += m->size;
}

static int grow(struct ws *w, size_t need)
{
	struct message *old = w->partial;
	size_t size = old ? old->size * 2 : need;
	struct message *m;

	if (old && need <= old->size)
		return 0;
	if (size < need)
		size = need;
	m = message_new(size);
	if (!m)
		return -1;
	m->m.len = 0;
	if (old) {
		memcpy(m->bytes, old->bytes, old->m.len);
		m->m.len = old->m.len;
		m->m.binary = old->m.binary;
		message_free(old);
	}
	w->partial = m;
	return 0;
}

int inbox_add(struct ws *w, const void *data, size_t len, bool binary,
    bool final)
{
	size_t have = w->partial ? w->partial->m.len : 0;
	bool first = !w->partial;
	struct message *m;

	if (len > w->args->a.max_message ||
	    have > w->args->a.max_message - len) {
		errno = EMSGSIZE;
		return -1;
	}
	if (grow(w, have + len) == -1) {
		errno = ENOMEM;
		return -1;
	}
	m = w->partial;
	if (first)
		m->m.binary = binary;
	memcpy(m->bytes + have, data, len);
	m->m.len = have + len;
	if (!final)
		return 0;
	w->partial = NULL;
	/* libwebsockets can check too, but after a fault goes on to write behind
	 * the end of its buffer. */
	if (!m->m.binary && !utf8_valid(m->bytes, m->m.len)) {
		message_free(m);
		errno = EILSEQ;
		return -1;
	}
	deliver(w, m);
	return 0;
}

/* ---- the user's side ---- */

void inbox_wake(struct ws *w)
{
	for (struct receiver *r = w->receivers; r; r = r->next)
		swarm_wake(r->waker);
}

static const struct ws_message *hand_over(struct ws *w, struct message *m)
{
	message_free(w->current);
	w->current = m;
	return &m->m;
}

const struct ws_message *inbox_take(struct ws *w, const struct ws_match *match)
{
	for (struct message **at = &w->first_message; *at;
	    at = &(*at)->next) {
		if (!match || match_holds(match, &(*at)->m))
			return hand_over(w, unlink_at(w, at));
	}
	return NULL;
}

void inbox_expect(struct ws *w, struct receiver *r,
    const struct ws_match *match)
{
	struct receiver **at = &w->receivers;

	*r = (struct receiver){ .match = match, .waker = swarm_waker() };
	while (*at)
		at = &(*at)->next;
	*at = r;
}

static void take_off(struct ws *w, struct receiver *r)
{
	struct receiver **at = &w->receivers;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	swarm_waker_free(r->waker);
}

void inbox_unexpect(struct ws *w, struct receiver *r)
{
	take_off(w, r);
	message_free(r->got);
}

const struct ws_message *inbox_wait(struct ws *w, struct receiver *r,
    int64_t deadline)
{
	int error = 0;

	while (!r->got && error == 0) {
		if (w->state != CLIENT_OPEN && !w->retrying && !w->connecting)
			error = ENOTCONN;
		else if (swarm_park(deadline) == -1)
			error = errno;
	}
	take_off(w, r);
	if (r->got)
		return hand_over(w, r->got);
	errno = error;
	return NULL;
}

void inbox_handle(struct ws *w, ws_handler *fn, void *arg)
{
	w->handler = fn;
	w->handler_arg = arg;
	while (w->handler && w->first_message) {
		struct message *m = unlink_at(w, &w->first_message);

		w->handler(w, &m->m, w->handler_arg);
		message_free(m);
	}
}
