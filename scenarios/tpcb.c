/*
 * TPC-B, as far as it goes: a teller moves money, four tables change or none.
 *
 *	swarm pgbench -i -s 10 bank
 *	swarm -f tpcb.so --host postgres://postgres@127.0.0.1/bank -u 50
 *
 * The tables are pgbench's.  What pgbench's own scripts cannot say is here: a
 * transaction that is run again when the server asks for it, in any isolation
 * level, and a check of what the answer says.
 *
 *	-o tpcb.scale=10 -o tpcb.isolation=serializable -o tpcb.tries=10
 */
#include <string.h>

#include <swarm/swarm.h>
#include <swarm/postgres.h>

static int scale;
static int tries;
static const char *isolation;

static enum pg_isolation level;

struct move {
	int64_t account;
	int64_t teller;
	int64_t branch;
	int64_t amount;
};

static int64_t pick(struct swarm_user *u, int64_t n)
{
	return 1 + (int64_t)swarm_below(u, (uint64_t)n);
}

/* One statement of the transaction; prepared once on each connection. */
static const struct pg_result *run(struct swarm_user *u, const char *name,
    const char *sql, const struct pg_param *params)
{
	return pg_query(u, sql, .name = name, .params = params,
	    .mode = PG_PREPARED);
}

/* Run again from its beginning after a conflict, so it keeps nothing. */
static int move_money(struct swarm_user *u, void *arg)
{
	const struct move *m = arg;
	const struct pg_result *r;

	r = run(u, "account", "UPDATE pgbench_accounts SET abalance ="
	    " abalance + $1 WHERE aid = $2 RETURNING abalance",
	    PG_PARAMS(PG_INT(m->amount), PG_INT(m->account)));
	if (!r->ok || r->rows != 1)
		return -1;
	r = run(u, "teller", "UPDATE pgbench_tellers SET tbalance ="
	    " tbalance + $1 WHERE tid = $2",
	    PG_PARAMS(PG_INT(m->amount), PG_INT(m->teller)));
	if (!r->ok || r->affected != 1)
		return -1;
	r = run(u, "branch", "UPDATE pgbench_branches SET bbalance ="
	    " bbalance + $1 WHERE bid = $2",
	    PG_PARAMS(PG_INT(m->amount), PG_INT(m->branch)));
	if (!r->ok || r->affected != 1)
		return -1;
	r = run(u, "history", "INSERT INTO pgbench_history (tid, bid, aid,"
	    " delta, mtime) VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP)",
	    PG_PARAMS(PG_INT(m->teller), PG_INT(m->branch),
	    PG_INT(m->account), PG_INT(m->amount)));
	return r->ok ? 0 : -1;
}

static void teller(struct swarm_user *u)
{
	struct move m = {
		.account = pick(u, 100000 * (int64_t)scale),
		.teller = pick(u, 10 * (int64_t)scale),
		.branch = pick(u, scale),
		.amount = pick(u, 10001) - 5001,
	};

	pg_transaction(u, move_money, &m, .name = "move",
	    .isolation = level, .max_tries = (unsigned)tries);
}

static int load(void)
{
	if (strcmp(isolation, "serializable") == 0)
		level = PG_SERIALIZABLE;
	else if (strcmp(isolation, "repeatable-read") == 0)
		level = PG_REPEATABLE_READ;
	else if (strcmp(isolation, "read-committed") == 0)
		level = PG_READ_COMMITTED;
	else {
		swarm_error("isolation=%s: use read-committed, "
		    "repeatable-read or serializable", isolation);
		return -1;
	}
	if (scale < 1 || tries < 1) {
		swarm_error("scale and tries must be at least 1");
		return -1;
	}
	return 0;
}

SWARM_MODULE(
	.name = "tpcb",
	.summary = "TPC-B on pgbench's tables, with retries",
	.load = load,
	.options = SWARM_OPTIONS(
		SWARM_OPTION(scale, "1", "as given to swarm pgbench -i -s"),
		SWARM_OPTION(tries, "1", "of a transaction that conflicts"),
		SWARM_OPTION(isolation, "read-committed",
		    "read-committed, repeatable-read or serializable")),
	.users = SWARM_USERS({
		.name = "teller",
		.tasks = SWARM_TASKS(SWARM_TASK(teller)),
	}),
);
