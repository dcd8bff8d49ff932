/* Rows of data through a relay: see the header. */
#include "cluster/relay_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cluster/lease.h"
#include "cluster/master.h"
#include "cluster/worker.h"

#define WANT_MAX (UINT64_C(1) << 24)

/* A worker below that waits for rows. */
struct waiting {
	int64_t index;
	uint64_t want;
	uint64_t used;
};

/* Positions of a feed that came from above and go below. */
struct feed_stock {
	struct lease lease;
	uint64_t got;                   /* from above, in all */
	uint64_t check;                 /* of the file, as workers say */
	struct waiting *waiting;
	size_t count;
};

static struct {
	struct feed_stock *at;          /* by the feed's index */
	size_t count;
} stocks;

/* The feed's stock, made when new. */
static struct feed_stock *stock_of(uint64_t feed)
{
	while (stocks.count <= feed) {
		stocks.at = xreallocarray(stocks.at, stocks.count + 1,
		    sizeof stocks.at[0]);
		memset(&stocks.at[stocks.count], 0,
		    sizeof stocks.at[0]);
		lease_init(&stocks.at[stocks.count++].lease, 0);
	}
	return &stocks.at[feed];
}

void relay_rows_forget(void)
{
	for (size_t i = 0; i < stocks.count; i++) {
		lease_release(&stocks.at[i].lease);
		free(stocks.at[i].waiting);
	}
	free(stocks.at);
	stocks.at = NULL;
	stocks.count = 0;
}

static void give(struct peer *p, uint64_t feed, struct lease_range range)
{
	master_send_rows(p, &(struct wire_rows){ .feed = feed,
	    .from = range.from, .count = range.count });
}

/* One that asks again waits once. */
static void keep_waiting(struct feed_stock *s, struct waiting w)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->waiting[i].index == w.index) {
			s->waiting[i] = w;
			return;
		}
	}
	s->waiting = xreallocarray(s->waiting, s->count + 1,
	    sizeof s->waiting[0]);
	s->waiting[s->count++] = w;
}

/* On behalf of all that wait. */
static void ask_above(const struct feed_stock *s, uint64_t feed, uint64_t want)
{
	/* No more than a message may ask for. */
	want = want < WANT_MAX ? want : WANT_MAX;
	worker_ask_rows(&(struct wire_rows_wanted){ .feed = feed,
	    .want = want * master_peer_count(),
	    .used = s->got - lease_unused(&s->lease), .check = s->check });
}

/* From the stock; without any the master above is asked. */
void relay_rows_wanted(struct peer *p, const struct wire_rows_wanted *w,
    void *arg)
{
	struct feed_stock *s = stock_of(w->feed);
	struct lease_range got = lease_grant(&s->lease, p->index, w->want,
	    w->used, master_peer_count());

	(void)arg;
	if (got.count > 0) {
		give(p, w->feed, got);
		return;
	}
	keep_waiting(s, (struct waiting){ p->index, w->want, w->used });
	s->check = w->check;
	ask_above(s, w->feed, w->want);
}

static struct peer *peer_of(int64_t index)
{
	for (size_t i = 0; i < master_peer_count(); i++) {
		if (master_peer_at(i)->index == index)
			return master_peer_at(i);
	}
	return NULL;
}

void relay_rows_came(const struct wire_rows *rows, void *arg)
{
	struct feed_stock *s = stock_of(rows->feed);

	(void)arg;
	lease_add(&s->lease, (struct lease_range){ rows->from, rows->count });
	s->got += rows->count;
	while (s->count > 0) {
		struct waiting w = s->waiting[0];
		struct peer *p = peer_of(w.index);
		struct lease_range got = { 0, 0 };

		if (p != NULL)
			got = lease_grant(&s->lease, w.index, w.want, w.used,
			    master_peer_count());
		/* Near the end there is not enough for all at once; a worker
		 * that is told "none" asks no more. */
		if (p != NULL && got.count == 0 && rows->count > 0 &&
		    s->lease.back_count == 0) {
			ask_above(s, rows->feed, w.want);
			return;
		}
		memmove(s->waiting, s->waiting + 1,
		    --s->count * sizeof s->waiting[0]);
		if (p != NULL)
			give(p, rows->feed, got);
	}
}

void relay_rows_lost(const struct peer *p)
{
	for (size_t i = 0; i < stocks.count; i++)
		lease_lost(&stocks.at[i].lease, p->index);
}
