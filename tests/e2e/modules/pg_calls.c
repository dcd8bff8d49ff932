/*
 * PostgreSQL calls for the tests, one task by name: -o pg_calls.what=NAME.
 */
#include <stdlib.h>
#include <string.h>

#include <swarm/swarm.h>
#include <swarm/postgres.h>

static const char *what;
static const char *other;

struct caller {
	struct pg *pg;
};

static void select_one(struct swarm_user *u)
{
	pg_query(u, "SELECT 1", .name = "one");
	swarm_sleep(0.01);
}

static void slow(struct swarm_user *u)
{
	pg_query(u, "SELECT pg_sleep(30)", .name = "slow", .timeout = 0.1);
	pg_query(u, "SELECT 1", .name = "after");
	swarm_stop_user(u);
}

/* A gigabyte in rows of 8 kB, dropped as it comes. */
static void gigabyte(struct swarm_user *u)
{
	pg_query(u, "SELECT repeat('x', 8000) FROM generate_series(1, 134218)",
	    .name = "gigabyte", .discard = true);
	swarm_stop_user(u);
}

/* The same, wanted as a whole: refused, and the user goes on. */
static void hoard(struct swarm_user *u)
{
	pg_query(u, "SELECT repeat('x', 8000) FROM generate_series(1, 134218)",
	    .name = "hoard");
	pg_query(u, "SELECT 1", .name = "after");
	swarm_stop_user(u);
}

/* One value, which libpq would hold whole; making a gigabyte of it takes the
 * server longer than a test should. */
static void one_value(struct swarm_user *u)
{
	pg_query(u, "SELECT repeat(repeat('x', 1000), 250000)",
	    .name = "one value", .discard = true);
	pg_query(u, "SELECT 1", .name = "after");
	swarm_stop_user(u);
}

static void pooled(struct swarm_user *u)
{
	pg_query(u, "SELECT pg_sleep(0.002)", .name = "pooled");
}

/* Every other user connects to the other address. */
static void two_places(struct swarm_user *u)
{
	struct caller *c = swarm_data(u);
	bool is_other = swarm_user_id(u) % 2 == 1;

	if (is_other && c->pg == NULL)
		c->pg = pg_connect(u, .conninfo = other);
	pg_query(u, is_other ? "SELECT 2" : "SELECT 1", .on = c->pg,
	    .name = is_other ? "other" : "one");
	swarm_sleep(0.005);
}

static void failing(struct swarm_user *u)
{
	pg_query(u, "SELECT 1 / 0", .name = "zero");
	pg_query(u, "SELECT * FROM nowhere", .name = "table");
	swarm_stop_user(u);
}

static void piped(struct swarm_user *u)
{
	int i;

	for (i = 0; i < 50; i++)
		pg_queue(u, "INSERT INTO piped VALUES ($1)", .name = "piped",
		    .mode = PG_PREPARED, .params = PG_PARAMS(PG_INT(i)));
	pg_drain(u, NULL);
	swarm_stop_user(u);
}

static void run(struct swarm_user *u)
{
	static const struct {
		const char *name;
		void (*run)(struct swarm_user *);
	} calls[] = {
		{ "one", select_one }, { "slow", slow },
		{ "gigabyte", gigabyte }, { "hoard", hoard },
		{ "one_value", one_value },
		{ "pooled", pooled }, { "failing", failing },
		{ "piped", piped }, { "two_places", two_places },
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, what) == 0)
			calls[i].run(u);
	}
}

SWARM_MODULE(
	.name = "pg_calls",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(what, "one", "which calls are made"),
		SWARM_OPTION(other, "", "another connection string")),
	.users = SWARM_USERS({
		.name = "caller", .data_size = sizeof(struct caller),
		.tasks = SWARM_TASKS(SWARM_TASK(run)),
	}),
);
