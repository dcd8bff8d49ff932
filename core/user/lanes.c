/* See the header. */
#include "user/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "user/record.h"

#define FIRST_SIZE 256
#define SMALL      448                  /* bytes; larger items are not kept */

struct lane {
	struct lane *chain;             /* of the table, or spare */
	struct lane *next_ready;
	uint64_t key;
	struct swarm_user *user;        /* who did its last; NULL: forgotten */
	struct lanes_item *first;
	struct lanes_item **last;
	unsigned running;
	bool ready;                     /* in that list */
};

void lanes_init(struct lanes *l, bool parallel)
{
	memset(l, 0, sizeof *l);
	l->parallel = parallel;
	l->size = FIRST_SIZE;
	l->table = xcalloc(l->size, sizeof(struct lane *));
	l->last_ready = &l->ready;
}

static void free_items(struct lanes_item *item)
{
	while (item != NULL) {
		struct lanes_item *next = item->next;

		free(item);
		item = next;
	}
}

static void free_chain(struct lane *lane)
{
	while (lane != NULL) {
		struct lane *next = lane->chain;

		free_items(lane->first);
		free(lane);
		lane = next;
	}
}

void lanes_release(struct lanes *l)
{
	for (size_t i = 0; i < l->size; i++)
		free_chain(l->table[i]);
	free_chain(l->spare);
	free_items(l->pool);
	free(l->table);
	memset(l, 0, sizeof *l);
}

/* ---- items ---- */

struct lanes_item *lanes_item(struct lanes *l, const struct record *r,
    uint64_t number)
{
	size_t len = r->user_len + r->payload_len;
	bool large = len > SMALL;
	struct lanes_item *item = large ? NULL : l->pool;

	if (item != NULL)
		l->pool = item->next;
	else
		item = xmalloc(sizeof *item + (large ? len : SMALL));
	*item = (struct lanes_item){ .due = r->due, .key = r->key,
		.number = number,
		.user_len = (uint32_t)r->user_len,
		.payload_len = (uint32_t)r->payload_len, .large = large };
	if (r->user_len > 0)
		memcpy(item->data, r->user, r->user_len);
	if (r->payload_len > 0)
		memcpy(item->data + r->user_len, r->payload, r->payload_len);
	return item;
}

void lanes_item_free(struct lanes *l, struct lanes_item *item)
{
	if (item->large) {
		free(item);
		return;
	}
	item->next = l->pool;
	l->pool = item;
}

/* ---- lanes ---- */

/* Keys are hashes. */
static struct lane **slot(const struct lanes *l, uint64_t key)
{
	struct lane **at = &l->table[key & (l->size - 1)];

	while (*at != NULL && (*at)->key != key)
		at = &(*at)->chain;
	return at;
}

static void grow(struct lanes *l)
{
	struct lane **old = l->table;
	size_t size = l->size;

	l->size *= 2;
	l->table = xcalloc(l->size, sizeof(struct lane *));
	for (size_t i = 0; i < size; i++) {
		while (old[i] != NULL) {
			struct lane *lane = old[i];
			struct lane **at = &l->table[lane->key &
			    (l->size - 1)];

			old[i] = lane->chain;
			lane->chain = *at;
			*at = lane;
		}
	}
	free(old);
}

static struct lane *lane_of(struct lanes *l, uint64_t key)
{
	struct lane **at = slot(l, key);
	struct lane *lane = *at;

	if (lane != NULL)
		return lane;
	if (l->count == l->size) {
		grow(l);
		at = slot(l, key);
	}
	lane = l->spare;
	if (lane != NULL)
		l->spare = lane->chain;
	else
		lane = xmalloc(sizeof *lane);
	*lane = (struct lane){ .key = key };
	lane->last = &lane->first;
	*at = lane;
	l->count++;
	return lane;
}

static void drop_if_idle(struct lanes *l, uint64_t key)
{
	struct lane **at = slot(l, key);
	struct lane *lane = *at;

	if (lane == NULL || lane->first != NULL || lane->running > 0 ||
	    lane->user != NULL || lane->ready)
		return;
	*at = lane->chain;
	l->count--;
	lane->chain = l->spare;
	l->spare = lane;
}

/* Nobody's events have no order. */
static bool is_parallel(const struct lanes *l, const struct lane *lane)
{
	return l->parallel || lane->key == 0;
}

/* Into the list, when nothing of its own is in the way. */
static void make_ready(struct lanes *l, struct lane *lane)
{
	if (lane->ready || lane->first == NULL ||
	    (lane->running > 0 && !is_parallel(l, lane)))
		return;
	lane->ready = true;
	lane->next_ready = NULL;
	*l->last_ready = lane;
	l->last_ready = &lane->next_ready;
}

bool lanes_held(const struct lanes *l, uint64_t key)
{
	const struct lane *lane = *slot(l, key);

	return lane != NULL && (lane->first != NULL ||
	    (lane->running > 0 && !is_parallel(l, lane)));
}

void lanes_add(struct lanes *l, struct lanes_item *item)
{
	struct lane *lane = lane_of(l, item->key);

	item->next = NULL;
	*lane->last = item;
	lane->last = &item->next;
	l->waiting++;
	l->bytes += sizeof *item + item->user_len + item->payload_len;
	make_ready(l, lane);
}

void lanes_put_back(struct lanes *l, struct lanes_item *item)
{
	struct lane *lane = lane_of(l, item->key);

	item->next = lane->first;
	if (lane->first == NULL)
		lane->last = &item->next;
	lane->first = item;
	l->waiting++;
	l->bytes += sizeof *item + item->user_len + item->payload_len;
	make_ready(l, lane);
}

void lanes_wait(struct lanes *l, uint64_t key)
{
	struct lane *lane = *slot(l, key);

	if (lane != NULL)
		make_ready(l, lane);
}

static struct lanes_item *take_first(struct lanes *l, struct lane *lane)
{
	struct lanes_item *item = lane->first;

	lane->first = item->next;
	if (lane->first == NULL)
		lane->last = &lane->first;
	l->waiting--;
	l->bytes -= sizeof *item + item->user_len + item->payload_len;
	return item;
}

struct lanes_item *lanes_take_of(struct lanes *l, uint64_t key)
{
	struct lane *lane = *slot(l, key);

	/* One in the list of ready ones waits its turn there. */
	if (lane == NULL || lane->first == NULL || lane->ready)
		return NULL;
	return take_first(l, lane);
}

struct lanes_item *lanes_take_ready(struct lanes *l)
{
	struct lane *lane = l->ready;
	struct lanes_item *item;

	if (lane == NULL)
		return NULL;
	l->ready = lane->next_ready;
	if (l->ready == NULL)
		l->last_ready = &l->ready;
	lane->ready = false;
	item = take_first(l, lane);
	if (is_parallel(l, lane))
		make_ready(l, lane);
	return item;
}

size_t lanes_clear(struct lanes *l)
{
	size_t n = l->waiting;

	for (size_t i = 0; i < l->size; i++) {
		for (struct lane *lane = l->table[i]; lane != NULL;
		    lane = lane->chain) {
			free_items(lane->first);
			lane->first = NULL;
			lane->last = &lane->first;
			lane->ready = false;
		}
	}
	l->ready = NULL;
	l->last_ready = &l->ready;
	l->waiting = 0;
	l->bytes = 0;
	return n;
}

void lanes_begin(struct lanes *l, uint64_t key, struct swarm_user *u)
{
	struct lane *lane = lane_of(l, key);

	lane->user = u;
	lane->running++;
}

void lanes_end(struct lanes *l, uint64_t key)
{
	struct lane *lane = *slot(l, key);

	if (lane != NULL && lane->running > 0)
		lane->running--;
}

struct swarm_user *lanes_user(const struct lanes *l, uint64_t key)
{
	const struct lane *lane = *slot(l, key);

	return lane != NULL ? lane->user : NULL;
}

void lanes_forget(struct lanes *l, uint64_t key, const struct swarm_user *u)
{
	struct lane *lane = *slot(l, key);

	if (lane == NULL)
		return;
	if (lane->user == u)
		lane->user = NULL;
	make_ready(l, lane);
	drop_if_idle(l, key);
}
