/*
 * The user dispatcher.
 *
 * Three heaps hold everything a decision needs: classes that miss some of
 * their fixed count, classes with a weight, and workers.  The key of a class
 * is what one more user of it adds to the Kullback-Leibler divergence from
 * the wanted mix, w log2(x / (x + 1)) with x = w + users of it; the key of a
 * worker is its number of users.  Ties go by fixed orders, so a state is
 * reached again whenever its counts are.
 *
 * The history lists every user as (worker, class) in order of start.  It is
 * what ramp-down pops.  When workers change its entries are rewritten: the
 * order of classes stays, the youngest users move, and which worker gives up
 * its user of a class first is settled anew, so that a ramp-down takes from
 * all workers alike and not from the newcomer first.
 */
#include "cluster/dispatcher.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/strmap.h"
#include "base/xalloc.h"
#include "cluster/heap.h"

struct class {
	char *name;
	double weight;
	int64_t fixed_count;
	bool enabled;
	int64_t users;
	double fixed_key;
	double weight_key;
};

struct worker {
	char *id;
	size_t host_len;                /* of id, up to the first '_' */
	size_t position;                /* among the workers of its host */
	int64_t *wanted;
	int64_t users;
	size_t quota;                   /* while workers change */
};

struct entry {
	uint32_t worker;
	uint32_t class;
};

struct dispatcher {
	struct class *classes;
	size_t class_count;
	struct worker *workers;
	size_t worker_count;
	size_t first;                   /* worker, among equals */
	struct entry *history;
	size_t total;
	size_t history_cap;
	struct heap fixed;
	struct heap weighted;
	struct heap idle;               /* workers, fewest users first */
};

/* ---- classes ---- */

/* Locust's order: key, then x (users, as the weight is in the key), weight
 * and name. */
static bool class_before(const struct dispatcher *d, size_t i, size_t j,
    double key_i, double key_j, double weight_i, double weight_j)
{
	const struct class *a = &d->classes[i];
	const struct class *b = &d->classes[j];
	double x = weight_i + (double)a->users;
	double y = weight_j + (double)b->users;
	int order;

	if (key_i != key_j)
		return key_i < key_j;
	if (x != y)
		return x < y;
	if (weight_i != weight_j)
		return weight_i < weight_j;
	order = strcmp(a->name, b->name);
	return order < 0 || (order == 0 && i < j);
}

static bool weighted_before(const void *owner, size_t i, size_t j)
{
	const struct dispatcher *d = owner;

	return class_before(d, i, j, d->classes[i].weight_key,
	    d->classes[j].weight_key, d->classes[i].weight,
	    d->classes[j].weight);
}

static bool fixed_before(const void *owner, size_t i, size_t j)
{
	const struct dispatcher *d = owner;

	return class_before(d, i, j, d->classes[i].fixed_key,
	    d->classes[j].fixed_key, (double)d->classes[i].fixed_count,
	    (double)d->classes[j].fixed_count);
}

static double divergence(double weight, int64_t users)
{
	double x = weight + (double)users;

	return weight * log2(x / (x + 1));
}

static void class_update(struct dispatcher *d, size_t i)
{
	struct class *c = &d->classes[i];
	bool fixed = c->fixed_count > 0;
	bool weighted = !fixed && c->weight > 0;

	if (fixed)
		c->fixed_key = divergence((double)c->fixed_count, c->users);
	if (weighted)
		c->weight_key = divergence(c->weight, c->users);
	heap_update(&d->fixed, i,
	    fixed && c->enabled && c->users < c->fixed_count);
	heap_update(&d->weighted, i, weighted && c->enabled);
}

void dispatcher_set_class(struct dispatcher *d, size_t index, double weight,
    int64_t fixed_count, bool enabled)
{
	struct class *c = &d->classes[index];

	c->weight = isfinite(weight) && weight > 0 ? weight : 0;
	c->fixed_count = fixed_count > 0 ? fixed_count : 0;
	c->enabled = enabled;
	class_update(d, index);
}

/* ---- workers ---- */

/* Whose turn it is among equals. */
static size_t turn(const struct dispatcher *d, size_t i)
{
	size_t first = d->first % d->worker_count;

	return i >= first ? i - first : i + d->worker_count - first;
}

void dispatcher_begin_with(struct dispatcher *d, size_t worker)
{
	d->first = worker;
	if (d->worker_count == 0)
		return;
	for (size_t i = 0; i < d->worker_count; i++)
		heap_update(&d->idle, i, true);
}

static bool worker_before(const void *owner, size_t i, size_t j)
{
	const struct dispatcher *d = owner;

	if (d->workers[i].users != d->workers[j].users)
		return d->workers[i].users < d->workers[j].users;
	return turn(d, i) < turn(d, j);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct worker *)a)->id,
	    ((const struct worker *)b)->id);
}

/* The first workers of all hosts come first, then the second ones. */
static int by_position(const void *a, const void *b)
{
	const struct worker *x = a;
	const struct worker *y = b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return strcmp(x->id, y->id);
}

static bool same_host(const struct worker *a, const struct worker *b)
{
	return a->host_len == b->host_len &&
	    memcmp(a->id, b->id, a->host_len) == 0;
}

/* Ids of one host need not be neighbours in the order of ids ("a_1", "a-b_1",
 * "a_2"), so positions are counted by host. */
static void count_positions(struct worker *workers, size_t count)
{
	struct strmap hosts = { 0 };

	for (size_t i = 0; i < count; i++) {
		struct worker *w = &workers[i];
		struct worker *last = strmap_getn(&hosts, w->id, w->host_len);

		w->position = last != NULL && same_host(last, w) ?
		    last->position + 1 : 0;
		strmap_putn(&hosts, w->id, w->host_len, w);
	}
	strmap_release(&hosts);
}

static struct worker *workers_new(const struct dispatcher_worker *from,
    size_t count)
{
	struct worker *workers = xcalloc(count + 1, sizeof *workers);

	for (size_t i = 0; i < count; i++) {
		workers[i].id = xstrdup(from[i].id);
		workers[i].host_len = strcspn(from[i].id, "_");
		workers[i].wanted = from[i].wanted;
	}
	qsort(workers, count, sizeof *workers, by_id);
	count_positions(workers, count);
	qsort(workers, count, sizeof *workers, by_position);
	return workers;
}

static void workers_free(struct worker *workers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(workers[i].id);
	free(workers);
}

/* Where each old worker is now: its index, or UINT32_MAX when gone. */
static uint32_t *map_workers(const struct worker *old, size_t old_count,
    const struct worker *now, size_t count)
{
	uint32_t *map = xcalloc(old_count + 1, sizeof *map);
	struct strmap ids = { 0 };

	for (size_t i = 0; i < count; i++)
		strmap_put(&ids, now[i].id, (void *)(uintptr_t)(i + 1));
	for (size_t i = 0; i < old_count; i++) {
		uintptr_t found = (uintptr_t)strmap_get(&ids, old[i].id);

		map[i] = found == 0 ? UINT32_MAX : (uint32_t)(found - 1);
	}
	strmap_release(&ids);
	return map;
}

static int by_users_down(const void *a, const void *b)
{
	const struct worker *x = *(struct worker *const *)a;
	const struct worker *y = *(struct worker *const *)b;

	if (x->users != y->users)
		return x->users > y->users ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Even shares; the odd ones go where most users are already, so that the
 * fewest have to move. */
static void share_out(struct dispatcher *d)
{
	struct worker **order = xcalloc(d->worker_count, sizeof *order);
	size_t odd = d->total % d->worker_count;

	for (size_t i = 0; i < d->worker_count; i++)
		order[i] = &d->workers[i];
	qsort(order, d->worker_count, sizeof *order, by_users_down);
	for (size_t i = 0; i < d->worker_count; i++)
		order[i]->quota = d->total / d->worker_count + (i < odd);
	free(order);
}

/* Gives a place to each user of the history that has none. */
static size_t place_homeless(struct dispatcher *d)
{
	size_t moved = 0;

	for (size_t i = 0; i < d->total; i++) {
		struct entry *e = &d->history[i];
		size_t w;

		if (e->worker != UINT32_MAX)
			continue;
		w = d->idle.items[0];
		e->worker = (uint32_t)w;
		d->workers[w].wanted[e->class]++;
		d->workers[w].users++;
		heap_sift(&d->idle, 0);
		moved++;
	}
	return moved;
}

/* A worker that has users of one class, and its load when last looked at. */
struct pick {
	int64_t load;
	uint32_t worker;
};

struct picks {
	struct pick *heap;              /* most users first, then last worker */
	size_t count;
};

static bool pick_before(struct pick a, struct pick b)
{
	return a.load != b.load ? a.load > b.load : a.worker > b.worker;
}

static void picks_sink(struct picks *p, size_t pos)
{
	struct pick item = p->heap[pos];
	size_t child;

	for (child = 2 * pos + 1; child < p->count; child = 2 * pos + 1) {
		if (child + 1 < p->count &&
		    pick_before(p->heap[child + 1], p->heap[child]))
			child++;
		if (!pick_before(p->heap[child], item))
			break;
		p->heap[pos] = p->heap[child];
		pos = child;
	}
	p->heap[pos] = item;
}

static void picks_init(struct picks *p, const struct dispatcher *d,
    size_t class)
{
	p->heap = xcalloc(d->worker_count, sizeof *p->heap);
	p->count = 0;
	for (size_t i = 0; i < d->worker_count; i++) {
		if (d->workers[i].wanted[class] > 0)
			p->heap[p->count++] = (struct pick){
				d->workers[i].users, (uint32_t)i };
	}
	for (size_t i = p->count / 2; i-- > 0; )
		picks_sink(p, i);
}

/* Takes one user of the class from the worker with most users.  Loads only
 * fall, so a stale top is put right when it is met. */
static uint32_t picks_take(struct picks *p, struct dispatcher *d,
    size_t class)
{
	struct worker *w = &d->workers[p->heap[0].worker];
	uint32_t taken;

	while (p->heap[0].load != w->users) {
		p->heap[0].load = w->users;
		picks_sink(p, 0);
		w = &d->workers[p->heap[0].worker];
	}
	taken = p->heap[0].worker;
	w->users--;
	if (--w->wanted[class] == 0) {
		p->heap[0] = p->heap[--p->count];
		picks_sink(p, 0);
	}
	return taken;
}

/* Adds up what the history says; users without a place count nowhere. */
static void count_history(struct dispatcher *d)
{
	for (size_t i = 0; i < d->total; i++) {
		struct entry *e = &d->history[i];

		if (e->worker == UINT32_MAX)
			continue;
		d->workers[e->worker].wanted[e->class]++;
		d->workers[e->worker].users++;
	}
}

/* Takes all users away as a ramp-down should, noting who gave up which. */
static void order_history(struct dispatcher *d)
{
	struct picks *picks = xcalloc(d->class_count + 1, sizeof *picks);

	for (size_t c = 0; c < d->class_count; c++)
		picks_init(&picks[c], d, c);
	for (size_t i = d->total; i-- > 0; ) {
		struct entry *e = &d->history[i];

		e->worker = picks_take(&picks[e->class], d, e->class);
	}
	for (size_t c = 0; c < d->class_count; c++)
		free(picks[c].heap);
	free(picks);
	count_history(d);
}

static size_t resettle(struct dispatcher *d, const uint32_t *map)
{
	size_t moved;

	for (size_t i = 0; i < d->total; i++)
		d->history[i].worker = map[d->history[i].worker];
	count_history(d);
	share_out(d);
	for (size_t i = d->total; i-- > 0; ) {
		struct entry *e = &d->history[i];
		struct worker *w;

		if (e->worker == UINT32_MAX)
			continue;
		w = &d->workers[e->worker];
		if ((size_t)w->users <= w->quota)
			continue;
		w->users--;
		w->wanted[e->class]--;
		e->worker = UINT32_MAX;
	}
	for (size_t i = 0; i < d->worker_count; i++)
		heap_update(&d->idle, i, true);
	moved = place_homeless(d);
	order_history(d);
	return moved;
}

static void forget_users(struct dispatcher *d)
{
	d->total = 0;
	for (size_t i = 0; i < d->class_count; i++) {
		d->classes[i].users = 0;
		class_update(d, i);
	}
}

size_t dispatcher_set_workers(struct dispatcher *d,
    const struct dispatcher_worker *workers, size_t count)
{
	struct worker *old = d->workers;
	size_t old_count = d->worker_count;
	size_t moved = 0;
	uint32_t *map;

	d->workers = workers_new(workers, count);
	d->worker_count = count;
	heap_release(&d->idle);
	heap_init(&d->idle, count, worker_before, d);
	for (size_t i = 0; i < count; i++)
		memset(d->workers[i].wanted, 0,
		    d->class_count * sizeof *d->workers[i].wanted);
	if (count == 0) {
		moved = d->total;
		forget_users(d);
	} else {
		map = map_workers(old, old_count, d->workers, count);
		moved = resettle(d, map);
		free(map);
	}
	workers_free(old, old_count);
	return moved;
}

/* ---- users ---- */

static void start_user(struct dispatcher *d, size_t class, size_t worker)
{
	if (d->total == d->history_cap) {
		d->history_cap = d->history_cap == 0 ? 256 :
		    d->history_cap * 2;
		d->history = xreallocarray(d->history, d->history_cap,
		    sizeof *d->history);
	}
	d->history[d->total++] = (struct entry){ (uint32_t)worker,
		(uint32_t)class };
	d->classes[class].users++;
	d->workers[worker].users++;
	d->workers[worker].wanted[class]++;
	class_update(d, class);
	heap_update(&d->idle, worker, true);
}

size_t dispatcher_add_users(struct dispatcher *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct heap *from = d->fixed.count > 0 ? &d->fixed :
		    &d->weighted;

		if (from->count == 0 || d->idle.count == 0)
			return i;
		start_user(d, from->items[0], d->idle.items[0]);
	}
	return n;
}

size_t dispatcher_remove_users(struct dispatcher *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct entry e;

		if (d->total == 0)
			return i;
		e = d->history[--d->total];
		d->classes[e.class].users--;
		d->workers[e.worker].users--;
		d->workers[e.worker].wanted[e.class]--;
		class_update(d, e.class);
		heap_update(&d->idle, e.worker, true);
	}
	return n;
}

size_t dispatcher_total(const struct dispatcher *d)
{
	return d->total;
}

int64_t dispatcher_class_total(const struct dispatcher *d, size_t index)
{
	return d->classes[index].users;
}

void dispatcher_pace(double rate, size_t *users, double *interval)
{
	double step = floor(rate);

	if (!(step >= 1))
		step = 1;
	if (step > 1e9)
		step = 1e9;
	*users = (size_t)step;
	*interval = step / rate;
}

/* ---- life ---- */

struct dispatcher *dispatcher_new(const struct dispatcher_class *classes,
    size_t count)
{
	struct dispatcher *d = xcalloc(1, sizeof *d);

	d->classes = xcalloc(count + 1, sizeof *d->classes);
	d->class_count = count;
	d->workers = xcalloc(1, sizeof *d->workers);
	heap_init(&d->fixed, count, fixed_before, d);
	heap_init(&d->weighted, count, weighted_before, d);
	heap_init(&d->idle, 0, worker_before, d);
	for (size_t i = 0; i < count; i++) {
		d->classes[i].name = xstrdup(classes[i].name);
		dispatcher_set_class(d, i, classes[i].weight,
		    classes[i].fixed_count, true);
	}
	return d;
}

void dispatcher_free(struct dispatcher *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->class_count; i++)
		free(d->classes[i].name);
	workers_free(d->workers, d->worker_count);
	heap_release(&d->fixed);
	heap_release(&d->weighted);
	heap_release(&d->idle);
	free(d->classes);
	free(d->history);
	free(d);
}
