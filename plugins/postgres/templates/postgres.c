/*
 * @NAME@: readers and writers of one table.
 *
 *	swarm try @FILE@ -H postgres://user@127.0.0.1/database
 *	swarm -f @FILE@ -H postgres://user@127.0.0.1/database --users 50
 *
 * The table: CREATE TABLE note (id serial PRIMARY KEY, body text);
 */
#include <swarm/swarm.h>
#include <swarm/postgres.h>

static void read_one(struct swarm_user *u)
{
	pg_query(u, "SELECT body FROM note WHERE id = $1",
	    .params = PG_PARAMS(PG_INT(1 + swarm_below(u, 1000))),
	    .mode = PG_PREPARED, .name = "read one");
}

static void write_one(struct swarm_user *u)
{
	pg_query(u, "INSERT INTO note (body) VALUES ($1)",
	    .params = PG_PARAMS(PG_TEXT("written under load")),
	    .mode = PG_PREPARED, .name = "write one");
}

SWARM_SCENARIO({
	.name  = "client",
	.wait  = SWARM_EXPONENTIAL(0.1),
	.tasks = SWARM_TASKS(
		SWARM_TASK(read_one, .weight = 4),
		SWARM_TASK(write_one)),
});
