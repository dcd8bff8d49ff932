/* See the header. */
#include "cluster/handout.h"

#include <stdlib.h>
#include <string.h>

#include <swarm/trace.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "cluster/handout_moves.h"
#include "cluster/master.h"
#include "user/begun.h"

#define BATCH ((size_t)64 << 10)        /* bytes, roughly */
#define KEPT_MOST ((size_t)64 << 20)    /* bytes, of a worker */
#define HELD_MOST ((size_t)64 << 20)    /* of all users that move */
/* A user whose events were not done with so long after the next was due stays
 * where it is: order is worth no more lateness. */
#define PATIENCE NS_PER_S
/* Who has said nothing for so long (a heartbeat is due every second) gets
 * nothing until it is heard of again: if it is lost, what it was not sent was
 * not begun. */
#define SILENT  (1500 * NS_PER_MS)

struct handout_block {
	struct handout_block *next;
	uint64_t first;                 /* number of its first event */
	uint64_t end;                   /* of the first that is not in it */
	uint64_t mark;                  /* lowest of its events */
	size_t len;
	char *data;
};

/* A worker, and what it has. */
struct handout_holder {
	struct peer *peer;
	uint64_t place;                 /* for record_place() */
	struct buf batch;               /* not yet a block */
	uint64_t first;                 /* number of its first event */
	uint64_t next;                  /* of the next */
	uint64_t batch_first;
	uint64_t batch_mark;            /* lowest of its events */
	uint64_t settled;               /* it is done with all below */
	int64_t given;                  /* events */
	struct handout_block *blocks;   /* oldest first */
	struct handout_block **last;
	struct handout_block *unsent;   /* the first of these; NULL */
	size_t bytes;
	bool leaving;                   /* gets nothing any more */
	bool hurries;                   /* it was told to */
	bool forgot;                    /* more than could be kept is under
	                                 * way */
	uint64_t forgot_to;
	bool stopped;                   /* and what it is done with, from
	                                 * `settled` on */
	uint8_t *beyond;
	size_t beyond_len;
};

struct handout_held {
	struct handout_held *next;
	uint64_t mark;
	struct record record;           /* points into `data` */
	char data[];
};

static struct handout_holder *find(const struct handout *h,
    const struct peer *p)
{
	for (size_t i = 0; i < h->count; i++) {
		if (h->holders[i]->peer == p)
			return h->holders[i];
	}
	return NULL;
}

bool handout_has(const struct handout *h, const struct peer *p)
{
	return find(h, p) != NULL;
}

/* ---- blocks ---- */

static void drop_block(struct handout_holder *o)
{
	struct handout_block *b = o->blocks;

	o->blocks = b->next;
	if (o->blocks == NULL)
		o->last = &o->blocks;
	if (o->unsent == b)
		o->unsent = b->next;
	o->bytes -= b->len;
	free(b->data);
	free(b);
}

static void drop_settled(struct handout_holder *o)
{
	while (o->blocks != NULL && o->blocks->end <= o->settled)
		drop_block(o);
	if (o->forgot && o->settled >= o->forgot_to)
		o->forgot = false;
}

/* One request that does not end must not make us keep all after it. */
static void forget_much(struct handout_holder *o)
{
	while (o->bytes > KEPT_MOST && o->blocks != o->unsent) {
		o->forgot = true;
		o->forgot_to = o->blocks->end;
		drop_block(o);
	}
}

static void close_batch(struct handout_holder *o)
{
	struct handout_block *b;

	if (o->batch.len == 0)
		return;
	b = xmalloc(sizeof *b);
	*b = (struct handout_block){ .first = o->batch_first, .end = o->next,
		.mark = o->batch_mark, .len = o->batch.len };
	b->data = buf_detach(&o->batch);
	buf_init(&o->batch, BATCH + RECORD_HEAD + SWARM_TRACE_USER_MAX +
	    SWARM_TRACE_PAYLOAD_MAX);
	*o->last = b;
	o->last = &b->next;
	o->bytes += b->len;
	if (o->unsent == NULL)
		o->unsent = b;
}

static bool hurries(const struct handout *h)
{
	return h->hurry || h->moves != NULL;
}

/* Where there are no events to say it with. */
static void tell_hurry(const struct handout *h, struct handout_holder *o)
{
	const struct wire_replay r = { "", 0, o->next, true };

	if (hurries(h) && !o->hurries && !o->leaving)
		o->hurries = master_send_replay(o->peer, &r) == 0;
}

static bool is_silent(const struct handout_holder *o)
{
	return clock_now() - o->peer->last_seen > SILENT;
}

static void send_blocks(const struct handout *h, struct handout_holder *o)
{
	close_batch(o);
	while (o->unsent != NULL && !o->leaving && !is_silent(o)) {
		const struct handout_block *b = o->unsent;
		const struct wire_replay r = { b->data, b->len, b->first,
			hurries(h) };

		if (master_send_replay(o->peer, &r) == -1)
			return;
		o->unsent = b->next;
		o->hurries = r.hurry;
	}
	tell_hurry(h, o);
	forget_much(o);
}

static void release_holder(struct handout_holder *o)
{
	while (o->blocks != NULL)
		drop_block(o);
	buf_release(&o->batch);
	free(o->beyond);
	free(o);
}

/* ---- giving ---- */

/* Who has this user when nothing of it is under way; NULL. */
static struct handout_holder *owner(struct handout *h, uint64_t key)
{
	if (h->open_count == 0)
		return NULL;
	/* Nobody's are everybody's. */
	return h->open[key == 0 ? h->nobodys++ % h->open_count :
	    record_place(key, h->places, h->open_count)];
}

/* After somebody came or went. */
static void find_open(struct handout *h)
{
	h->open = xreallocarray(h->open, h->count + 1, sizeof h->open[0]);
	h->places = xreallocarray(h->places, h->count + 1,
	    sizeof h->places[0]);
	h->open_count = 0;
	for (size_t i = 0; i < h->count; i++) {
		if (h->holders[i]->leaving)
			continue;
		h->places[h->open_count] = h->holders[i]->place;
		h->open[h->open_count++] = h->holders[i];
	}
}

static int give(struct handout *h, struct handout_holder *o,
    const struct record *r, uint64_t mark)
{
	if (o->batch.len == 0) {
		o->batch_first = o->next;
		o->batch_mark = mark;
	}
	if (record_put(&o->batch, r) == -1)
		return -1;
	if (mark < o->batch_mark)
		o->batch_mark = mark;
	o->next++;
	o->given++;
	h->gave(o->peer, h->arg);
	if (o->batch.len >= BATCH)
		send_blocks(h, o);
	return 0;
}

static int give_to_owner(struct handout *h, const struct record *r,
    uint64_t mark)
{
	struct handout_holder *o = owner(h, r->key);

	return o != NULL ? give(h, o, r, mark) : -1;
}

/* ---- users that move ---- */

static bool has_moved(const struct handout_move *m)
{
	return m->from->settled > m->last;
}

static void hold(struct handout *h, const struct record *r, uint64_t mark)
{
	size_t len = r->user_len + r->payload_len;
	struct handout_held *e = xmalloc(sizeof *e + len);

	*e = (struct handout_held){ .mark = mark, .record = *r };
	if (r->user_len > 0)
		memcpy(e->data, r->user, r->user_len);
	if (r->payload_len > 0)
		memcpy(e->data + r->user_len, r->payload, r->payload_len);
	e->record.user = e->data;
	e->record.payload = e->data + r->user_len;
	if (h->held == NULL)
		h->held_last = &h->held;
	*h->held_last = e;
	h->held_last = &e->next;
	h->held_bytes += sizeof *e + len;
}

/* To the one who has it, who has moved, or is held: 1 then. */
static int place(struct handout *h, const struct record *r, uint64_t mark)
{
	struct handout_move *m = handout_moves_find(h->moves, r->key);

	if (m == NULL)
		return give_to_owner(h, r, mark);
	if (has_moved(m)) {
		handout_moves_end(&h->moves, m);
		return give_to_owner(h, r, mark);
	}
	if (!m->stays && !m->from->leaving &&
	    r->due + PATIENCE < h->now)
		m->stays = true;
	if (!m->stays || m->from->leaving)
		return 1;
	m->last = m->from->next;
	return give(h, m->from, r, mark);
}

int handout_put(struct handout *h, const struct record *r, uint64_t mark)
{
	int rc = place(h, r, mark);

	if (rc == 1)
		hold(h, r, mark);
	return rc == -1 ? -1 : 0;
}

/* In their order: one that stays is followed by those of its user. */
static void give_held(struct handout *h)
{
	struct handout_held **at = &h->held;

	while (*at != NULL) {
		struct handout_held *e = *at;

		if (place(h, &e->record, e->mark) == 1) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		h->held_bytes -= sizeof *e + e->record.user_len +
		    e->record.payload_len;
		free(e);
	}
	h->held_last = at;
}

/* What `o` is not done with, so that none of it is overtaken: of users who
 * belong elsewhere now. */
static void note_moves(struct handout *h, struct handout_holder *o)
{
	for (const struct handout_block *b = o->blocks; b != NULL;
	    b = b->next) {
		uint64_t number = b->first;
		const char *at = b->data;
		size_t len = b->len;
		struct record r;
		int64_t n;

		for (; (n = record_get(&r, at, len)) > 0; number++) {
			at += n;
			len -= (size_t)n;
			if (r.key != 0 && number >= o->settled &&
			    owner(h, r.key) != o)
				handout_moves_note(&h->moves, r.key, o,
				    number);
		}
	}
}

static void shift_users(struct handout *h)
{
	for (size_t i = 0; i < h->count; i++) {
		close_batch(h->holders[i]);
		note_moves(h, h->holders[i]);
	}
}

/* ---- who is there ---- */

bool handout_join(struct handout *h, struct peer *p)
{
	struct handout_holder *o;

	for (size_t i = 0; i < h->count; i++) {
		if (h->holders[i]->forgot)
			return false;
	}
	o = xcalloc(1, sizeof *o);
	o->peer = p;
	/* Its index stays with it; numbers are its own. */
	o->place = (uint64_t)p->index + 1;
	o->first = o->next = o->settled = (uint64_t)++h->serial << 40;
	o->last = &o->blocks;
	buf_init(&o->batch, BATCH + RECORD_HEAD + SWARM_TRACE_USER_MAX +
	    SWARM_TRACE_PAYLOAD_MAX);
	h->holders = xreallocarray(h->holders, h->count + 1,
	    sizeof h->holders[0]);
	h->holders[h->count++] = o;
	find_open(h);
	shift_users(h);
	return true;
}

void handout_leave(struct handout *h, struct peer *p)
{
	struct handout_holder *o = find(h, p);

	if (o == NULL)
		return;
	o->leaving = true;
	find_open(h);
	shift_users(h);
}

void handout_release(struct handout *h)
{
	for (size_t i = 0; i < h->count; i++)
		release_holder(h->holders[i]);
	while (h->held != NULL) {
		struct handout_held *e = h->held;

		h->held = e->next;
		free(e);
	}
	handout_moves_free(&h->moves);
	free(h->holders);
	free(h->open);
	free(h->places);
	*h = (struct handout){ .gave = h->gave, .arg = h->arg,
	    .serial = h->serial };
}

void handout_flush(struct handout *h, int64_t now)
{
	h->now = now;
	give_held(h);
	for (size_t i = 0; i < h->count; i++)
		send_blocks(h, h->holders[i]);
}

void handout_settled(struct handout *h, const struct peer *p,
    uint64_t settled)
{
	struct handout_holder *o = find(h, p);

	/* Numbers of another time, or of nobody's making, are no news. */
	if (o == NULL || settled <= o->settled || settled > o->next)
		return;
	o->settled = settled;
	drop_settled(o);
	if (h->held != NULL)
		handout_flush(h, h->now);
}

void handout_stopped(struct handout *h, const struct peer *p,
    uint64_t settled, const void *beyond, size_t len)
{
	struct handout_holder *o = find(h, p);
	bool never_began = settled == 0 && len == 0 && o != NULL &&
	    o->settled == o->first;

	if (o == NULL || o->stopped || (settled != o->settled && !never_began))
		return;
	o->stopped = true;
	o->beyond = xmalloc(len + 1);
	memcpy(o->beyond, beyond, len);
	o->beyond_len = len;
}

bool handout_full(const struct handout *h)
{
	return h->held_bytes > HELD_MOST;
}

bool handout_idle(const struct handout *h)
{
	for (size_t i = 0; i < h->count; i++) {
		if (h->holders[i]->leaving || h->holders[i]->unsent != NULL)
			return false;
	}
	return h->held == NULL;
}

bool handout_over(const struct handout *h)
{
	for (size_t i = 0; i < h->count; i++) {
		if (h->holders[i]->settled != h->holders[i]->next)
			return false;
	}
	return h->held == NULL;
}

uint64_t handout_oldest(const struct handout *h)
{
	uint64_t oldest = UINT64_MAX;

	for (const struct handout_held *e = h->held; e != NULL; e = e->next)
		oldest = e->mark < oldest ? e->mark : oldest;
	for (size_t i = 0; i < h->count; i++) {
		const struct handout_holder *o = h->holders[i];

		if (o->batch.len > 0 && o->batch_mark < oldest)
			oldest = o->batch_mark;
		/* What was forgotten is not known to be done with. */
		if (o->forgot)
			oldest = 0;
		for (const struct handout_block *b = o->blocks; b != NULL;
		    b = b->next)
			oldest = b->mark < oldest ? b->mark : oldest;
	}
	return oldest;
}

/* ---- who is not there any more ---- */

struct again {
	struct record record;           /* points into its block */
	uint64_t order;
	uint64_t mark;
};

struct again_list {
	struct again *at;
	size_t count;
	size_t room;
};

/* As they were given, but that what had come late is in its place again. */
static int by_due(const void *a, const void *b)
{
	const struct again *x = a;
	const struct again *y = b;

	if (x->record.due != y->record.due)
		return x->record.due < y->record.due ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Or it may have been. */
static bool was_begun(const struct handout_holder *o, uint64_t number)
{
	uint64_t i = number - o->settled;

	if (o->stopped)
		return i / 8 < o->beyond_len &&
		    (o->beyond[i / 8] >> (i % 8) & 1) != 0;
	return begun_has(o->peer->begun, number);
}

static void collect(struct again_list *l, const struct handout_holder *o,
    const struct handout_block *b, bool sent)
{
	uint64_t number = b->first;
	const char *at = b->data;
	size_t len = b->len;
	struct again e = { .mark = b->mark };
	int64_t n;

	for (; (n = record_get(&e.record, at, len)) > 0; number++) {
		at += n;
		len -= (size_t)n;
		e.order = number;
		if (number < o->settled || (sent && was_begun(o, number)))
			continue;
		if (l->count == l->room) {
			l->room = l->room > 0 ? l->room * 2 : 1024;
			l->at = xreallocarray(l->at, l->room,
			    sizeof l->at[0]);
		}
		l->at[l->count++] = e;
	}
}

/* What it has certainly not begun: what was not sent to it, of one that has
 * ended here what it has not noted, and of one that has stopped all but what
 * it is done with. */
static void give_again(struct handout *h, struct handout_holder *o, bool ended,
    struct handout_account *account)
{
	struct again_list l = { 0 };
	bool sent = true;

	for (const struct handout_block *b = o->blocks; b != NULL;
	    b = b->next) {
		sent = sent && b != o->unsent;
		if (!sent || o->stopped || (ended && o->peer->begun != NULL))
			collect(&l, o, b, sent);
	}
	if (l.count > 0)
		qsort(l.at, l.count, sizeof l.at[0], by_due);
	/* Apart from what is in order. */
	for (size_t i = 0; i < h->count; i++)
		send_blocks(h, h->holders[i]);
	for (size_t i = 0; i < l.count; i++) {
		if (give_to_owner(h, &l.at[i].record, l.at[i].mark) == 0)
			account->again++;
		else
			account->lost++;
	}
	free(l.at);
}

void handout_gone(struct handout *h, const struct peer *p, bool ended,
    struct handout_account *account)
{
	struct handout_holder *o = find(h, p);
	size_t i = 0;

	*account = (struct handout_account){ 0 };
	if (o == NULL)
		return;
	account->given = o->given;
	account->settled = (int64_t)(o->settled - o->first);
	account->exact = o->stopped && !o->forgot;
	close_batch(o);
	while (h->holders[i] != o)
		i++;
	h->holders[i] = h->holders[--h->count];
	find_open(h);
	handout_moves_forget(&h->moves, o);
	give_again(h, o, ended, account);
	release_holder(o);
	handout_flush(h, h->now);
}
