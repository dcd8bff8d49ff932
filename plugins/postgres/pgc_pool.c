/*
 * Pools.  The first who waits is handed a connection, or the right to make
 * one.
 */
#include "pgc_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "pgc_turn.h"

struct waiter {
	struct pgc_turn turn;           /* first, so that it can be cast */
	struct pgc_conn *conn;          /* handed over; NULL: it may make one */
};

struct pgc_pool {
	struct pgc_pool *next;
	struct pgc_target *target;
	int limit;
	int total;                      /* connected or in the making */
	struct pgc_conn *idle;          /* the last used first */
	struct pgc_turns turns;
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
	pool->next = pools;
	pools = pool;
	return pool;
}

void pgc_pool_let_go(struct pgc_pool *pool)
{
	if (pgc_turn_give(&pool->turns) == NULL)
		pool->total--;
}

void pgc_pool_give(struct pgc_pool *pool, struct pgc_conn *conn)
{
	struct pgc_turn *turn;

	if (!pgc_conn_usable(conn)) {
		pgc_conn_free(conn);
		pgc_pool_let_go(pool);
		return;
	}
	turn = pgc_turn_give(&pool->turns);
	if (turn != NULL) {
		((struct waiter *)turn)->conn = conn;
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

struct pgc_conn *pgc_pool_take(struct pgc_pool *pool, int64_t deadline,
    int64_t max_input, int64_t *waited, struct pgc_phases *phases,
    struct pgc_error *err)
{
	struct waiter w = { .conn = NULL };
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
		if (pgc_turn_wait(&pool->turns, &w.turn, deadline) == -1) {
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

		pgc_pool_let_go(pool);
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
