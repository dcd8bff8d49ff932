/*
 * Pools.  A connection, or the right to make one, is handed to the first who
 * waits; so nobody who comes later overtakes.
 */
#include "pgc_pool.h"

#include <errno.h>
#include <stdlib.h>

struct waiter {
	struct waiter *next;
	struct swarm_waker *waker;
	struct pgc_conn *conn;          /* handed over, or … */
	bool may_dial;
};

struct pgc_pool {
	struct pgc_pool *next;
	struct pgc_target *target;
	int limit;
	int total;                      /* connected or in the making */
	struct pgc_conn *idle;          /* the last used first */
	struct waiter *first;
	struct waiter **last;
};

static struct pgc_pool *pools;

struct pgc_pool *pgc_pool_get(struct pgc_target *target, int limit)
{
	struct pgc_pool *pool;

	for (pool = pools; pool != NULL; pool = pool->next) {
		if (pool->target == target)
			return pool;
	}
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return NULL;
	pool->target = target;
	pool->limit = limit;
	pool->last = &pool->first;
	pool->next = pools;
	pools = pool;
	return pool;
}

static struct waiter *next_waiter(struct pgc_pool *pool)
{
	struct waiter *w = pool->first;

	if (w == NULL)
		return NULL;
	pool->first = w->next;
	if (pool->first == NULL)
		pool->last = &pool->first;
	return w;
}

static void unqueue(struct pgc_pool *pool, struct waiter *w)
{
	struct waiter **at = &pool->first;

	while (*at != NULL && *at != w)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = w->next;
	if (pool->last == &w->next)
		pool->last = at;
}

/* One connection fewer: somebody else may make one. */
static void free_place(struct pgc_pool *pool)
{
	struct waiter *w = next_waiter(pool);

	if (w == NULL) {
		pool->total--;
		return;
	}
	w->may_dial = true;
	swarm_wake(w->waker);
}

void pgc_pool_give(struct pgc_pool *pool, struct pgc_conn *conn)
{
	struct waiter *w;

	if (!pgc_conn_usable(conn)) {
		pgc_conn_free(conn);
		free_place(pool);
		return;
	}
	w = next_waiter(pool);
	if (w != NULL) {
		w->conn = conn;
		swarm_wake(w->waker);
		return;
	}
	conn->next = pool->idle;
	pool->idle = conn;
}

/* The last used that is still good; the others go. */
static struct pgc_conn *take_idle(struct pgc_pool *pool)
{
	while (pool->idle != NULL) {
		struct pgc_conn *conn = pool->idle;

		pool->idle = conn->next;
		conn->next = NULL;
		if (pgc_conn_usable(conn))
			return conn;
		pgc_conn_free(conn);
		pool->total--;
	}
	return NULL;
}

/* Until a connection or the right to make one is handed over. */
static int wait_turn(struct pgc_pool *pool, struct waiter *w,
    int64_t deadline)
{
	int rc = 0;
	int error;

	w->waker = swarm_waker();
	*pool->last = w;
	pool->last = &w->next;
	while (rc == 0 && w->conn == NULL && !w->may_dial)
		rc = swarm_park(deadline);
	error = errno;
	swarm_waker_free(w->waker);
	if (w->conn != NULL || w->may_dial)
		return 0;
	unqueue(pool, w);
	errno = error;
	return -1;
}

struct pgc_conn *pgc_pool_take(struct pgc_pool *pool, int64_t deadline,
    int64_t max_input, int64_t *waited, struct pgc_phases *phases,
    struct pgc_error *err)
{
	struct waiter w = { .next = NULL };
	struct pgc_conn *conn = take_idle(pool);
	int64_t start;

	*waited = 0;
	phases->total = -1;
	if (conn != NULL)
		return conn;
	if (pool->total < pool->limit) {
		pool->total++;
	} else {
		start = swarm_now();
		if (wait_turn(pool, &w, deadline) == -1) {
			if (errno == ETIMEDOUT)
				pgc_error_set(err, PGC_CANNOT_CONNECT,
				    "timeout waiting for a connection of the "
				    "pool");
			return NULL;
		}
		*waited = swarm_now() - start;
		if (w.conn != NULL)
			return w.conn;
	}
	conn = pgc_dial(pool->target, deadline, max_input, phases, err);
	if (conn == NULL) {
		int error = errno;

		free_place(pool);
		errno = error;
	}
	return conn;
}

void pgc_pool_release(void)
{
	while (pools != NULL) {
		struct pgc_pool *pool = pools;
		struct pgc_conn *conn;

		while ((conn = take_idle(pool)) != NULL)
			pgc_conn_free(conn);
		pools = pool->next;
		free(pool);
	}
}
