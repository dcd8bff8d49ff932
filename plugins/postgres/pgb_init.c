/*
 * The tables of pgbench: same names, columns, row counts and fillers, so that
 * either program runs on what the other made.
 */
#include "pgb_init.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/log.h>

#include "pgb_client.h"
#include "pgc_copy.h"

#define BRANCHES 1              /* for each unit of scale */
#define TELLERS 10
#define ACCOUNTS 100000
/* From here on account numbers need 64 bits. */
#define BIG_SCALE 20000

static const struct pgb_options *options(void)
{
	return &pgb_program.options;
}

static int run(struct swarm_user *u, const char *sql)
{
	const struct pg_result *r = pgc_query(u, sql, NULL);

	if (r->ok)
		return 0;
	swarm_error("%s %s; the statement was: %.200s", r->sqlstate, r->error,
	    sql);
	return -1;
}

static int run_all(struct swarm_user *u, const char *const *sql)
{
	for (; *sql != NULL; sql++) {
		if (run(u, *sql) == -1)
			return -1;
	}
	return 0;
}

/* ---- tables ---- */

static int drop_tables(struct swarm_user *u)
{
	fprintf(stderr, "dropping old tables...\n");
	return run(u, "drop table if exists pgbench_accounts, "
	    "pgbench_branches, pgbench_history, pgbench_tellers");
}

/* " tablespace NAME", quoted; "" without one. */
static void add_tablespace(char *out, size_t size, const char *clause,
    const char *name)
{
	size_t n;

	out[0] = '\0';
	if (name == NULL)
		return;
	n = (size_t)snprintf(out, size, " %s \"", clause);
	for (; *name != '\0' && n + 4 < size; name++) {
		if (*name == '"')
			out[n++] = '"';
		out[n++] = *name;
	}
	snprintf(out + n, size - n, "\"");
}

static int create_partition(struct swarm_user *u, int i)
{
	const struct pgb_options *o = options();
	int64_t size = ((int64_t)ACCOUNTS * o->scale + o->partitions - 1) /
	    o->partitions;
	char bounds[128];
	char from[32] = "minvalue";
	char to[32] = "maxvalue";
	char sql[512];

	if (i > 1)
		snprintf(from, sizeof(from), "%" PRId64, (i - 1) * size + 1);
	if (i < o->partitions)
		snprintf(to, sizeof(to), "%" PRId64, i * size + 1);
	if (strcmp(o->partition_method, "range") == 0)
		snprintf(bounds, sizeof(bounds), "from (%s) to (%s)", from,
		    to);
	else
		snprintf(bounds, sizeof(bounds),
		    "with (modulus %d, remainder %d)", o->partitions, i - 1);
	snprintf(sql, sizeof(sql), "create%s table pgbench_accounts_%d "
	    "partition of pgbench_accounts for values %s "
	    "with (fillfactor=%d)", o->unlogged ? " unlogged" : "", i, bounds,
	    o->fillfactor);
	return run(u, sql);
}

static int create_table(struct swarm_user *u, const char *name,
    const char *columns, bool has_fillfactor)
{
	const struct pgb_options *o = options();
	bool split = o->partitions > 0 &&
	    strcmp(name, "pgbench_accounts") == 0;
	char with[64] = "";
	char space[200];
	char sql[1024];

	if (split)
		snprintf(with, sizeof(with), " partition by %s (aid)",
		    o->partition_method);
	else if (has_fillfactor)
		snprintf(with, sizeof(with), " with (fillfactor=%d)",
		    o->fillfactor);
	add_tablespace(space, sizeof(space), "tablespace", o->tablespace);
	snprintf(sql, sizeof(sql), "create%s table %s(%s)%s%s",
	    o->unlogged && o->partitions == 0 ? " unlogged" : "", name,
	    columns, with, space);
	return run(u, sql);
}

static int create_tables(struct swarm_user *u)
{
	const struct pgb_options *o = options();
	const char *aid = o->scale >= BIG_SCALE ? "bigint" : "int";
	char history[200];
	char accounts[200];
	int i;

	fprintf(stderr, "creating tables...\n");
	snprintf(history, sizeof(history), "tid int,bid int,aid %s,delta int,"
	    "mtime timestamp,filler char(22)", aid);
	snprintf(accounts, sizeof(accounts),
	    "aid %s not null,bid int,abalance int,filler char(84)", aid);
	if (create_table(u, "pgbench_history", history, false) == -1 ||
	    create_table(u, "pgbench_tellers", "tid int not null,bid int,"
	    "tbalance int,filler char(84)", true) == -1 ||
	    create_table(u, "pgbench_accounts", accounts, true) == -1 ||
	    create_table(u, "pgbench_branches", "bid int not null,"
	    "bbalance int,filler char(88)", true) == -1)
		return -1;
	if (o->partitions > 0)
		fprintf(stderr, "creating %d partitions...\n", o->partitions);
	for (i = 1; i <= o->partitions; i++) {
		if (create_partition(u, i) == -1)
			return -1;
	}
	return 0;
}

/* ---- rows ---- */

#define TRUNCATE "truncate table pgbench_accounts, pgbench_branches, " \
	"pgbench_history, pgbench_tellers"

enum table { TABLE_BRANCHES, TABLE_TELLERS, TABLE_ACCOUNTS };

struct rows {
	enum table table;
	int64_t at;                     /* rows written so far */
	int64_t total;
};

static int write_row(const struct rows *rows, char *out, size_t room)
{
	int64_t k = rows->at;

	switch (rows->table) {
	case TABLE_BRANCHES:
		return snprintf(out, room, "%" PRId64 "\t0\t\\N\n", k + 1);
	case TABLE_TELLERS:
		return snprintf(out, room, "%" PRId64 "\t%" PRId64
		    "\t0\t\\N\n", k + 1, k / TELLERS + 1);
	default:
		return snprintf(out, room, "%" PRId64 "\t%" PRId64 "\t0\t\n",
		    k + 1, k / ACCOUNTS + 1);
	}
}

static void say_progress(const struct rows *rows)
{
	int64_t every = options()->quiet ? 1000000 : 100000;

	if (rows->table == TABLE_ACCOUNTS && rows->at % every == 0)
		fprintf(stderr, "%" PRId64 " of %" PRId64 " tuples (%" PRId64
		    "%%) done\n", rows->at, rows->total,
		    rows->at * 100 / rows->total);
}

static int64_t fill(struct swarm_user *u, void *buf, size_t room, void *arg)
{
	struct rows *rows = arg;
	char *out = buf;
	size_t n = 0;

	(void)u;
	while (rows->at < rows->total && room - n > 80) {
		n += (size_t)write_row(rows, out + n, room - n);
		rows->at++;
		say_progress(rows);
	}
	return (int64_t)n;
}

/* FREEZE is refused for partitioned tables. */
static int copy_table(struct swarm_user *u, const char *name,
    enum table table, int64_t rows_each)
{
	struct rows rows = { .table = table,
		.total = rows_each * options()->scale };
	struct pg_copy_args args = { .size = sizeof(args), .fill = fill,
		.arg = &rows, .timeout = -1 };
	bool split = options()->partitions > 0 && table == TABLE_ACCOUNTS;
	const struct pg_result *r;
	char sql[128];

	snprintf(sql, sizeof(sql), "copy %s from stdin%s", name,
	    split ? "" : " with (freeze on)");
	r = pgc_copy_in(u, sql, &args);
	if (r->ok)
		return 0;
	swarm_error("%s %s, in %s", r->sqlstate, r->error, sql);
	return -1;
}

static int generate_here(struct swarm_user *u)
{
	fprintf(stderr, "generating data (client-side)...\n");
	if (run(u, "begin") == -1 || run(u, TRUNCATE) == -1 ||
	    copy_table(u, "pgbench_branches", TABLE_BRANCHES, BRANCHES) ==
	    -1 ||
	    copy_table(u, "pgbench_tellers", TABLE_TELLERS, TELLERS) == -1 ||
	    copy_table(u, "pgbench_accounts", TABLE_ACCOUNTS, ACCOUNTS) == -1)
		return -1;
	return run(u, "commit");
}

static int generate_there(struct swarm_user *u)
{
	int64_t scale = options()->scale;
	char branches[256];
	char tellers[256];
	char accounts[256];

	fprintf(stderr, "generating data (server-side)...\n");
	snprintf(branches, sizeof(branches), "insert into pgbench_branches"
	    "(bid,bbalance) select bid, 0 from generate_series(1, %" PRId64
	    ") as bid", scale * BRANCHES);
	snprintf(tellers, sizeof(tellers), "insert into pgbench_tellers"
	    "(tid,bid,tbalance) select tid, (tid - 1) / %d + 1, 0 "
	    "from generate_series(1, %" PRId64 ") as tid", TELLERS,
	    scale * TELLERS);
	snprintf(accounts, sizeof(accounts), "insert into pgbench_accounts"
	    "(aid,bid,abalance,filler) select aid, (aid - 1) / %d + 1, 0, '' "
	    "from generate_series(1, %" PRId64 ") as aid", ACCOUNTS,
	    scale * ACCOUNTS);
	const char *const sql[] = { "begin", TRUNCATE, branches, tellers,
		accounts, "commit", NULL };

	return run_all(u, sql);
}

/* ---- the rest ---- */

static int vacuum(struct swarm_user *u)
{
	static const char *const sql[] = {
		"vacuum analyze pgbench_branches",
		"vacuum analyze pgbench_tellers",
		"vacuum analyze pgbench_accounts",
		"vacuum analyze pgbench_history", NULL,
	};

	if (options()->no_vacuum)
		return 0;
	fprintf(stderr, "vacuuming...\n");
	return run_all(u, sql);
}

static int primary_keys(struct swarm_user *u)
{
	static const struct {
		const char *table;
		const char *column;
	} keys[] = {
		{ "pgbench_branches", "bid" }, { "pgbench_tellers", "tid" },
		{ "pgbench_accounts", "aid" },
	};
	char space[200];
	char sql[400];
	size_t i;

	fprintf(stderr, "creating primary keys...\n");
	add_tablespace(space, sizeof(space), "using index tablespace",
	    options()->index_tablespace);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(sql, sizeof(sql),
		    "alter table %s add primary key (%s)%s", keys[i].table,
		    keys[i].column, space);
		if (run(u, sql) == -1)
			return -1;
	}
	return 0;
}

static int foreign_keys(struct swarm_user *u)
{
	static const char *const sql[] = {
		"alter table pgbench_tellers add constraint "
		"pgbench_tellers_bid_fkey foreign key (bid) "
		"references pgbench_branches",
		"alter table pgbench_accounts add constraint "
		"pgbench_accounts_bid_fkey foreign key (bid) "
		"references pgbench_branches",
		"alter table pgbench_history add constraint "
		"pgbench_history_bid_fkey foreign key (bid) "
		"references pgbench_branches",
		"alter table pgbench_history add constraint "
		"pgbench_history_tid_fkey foreign key (tid) "
		"references pgbench_tellers",
		"alter table pgbench_history add constraint "
		"pgbench_history_aid_fkey foreign key (aid) "
		"references pgbench_accounts",
		NULL,
	};

	fprintf(stderr, "creating foreign keys...\n");
	return run_all(u, sql);
}

static int step(struct swarm_user *u, char letter)
{
	switch (letter) {
	case 'd':
		return drop_tables(u);
	case 't':
		return create_tables(u);
	case 'g':
		return generate_here(u);
	case 'G':
		return generate_there(u);
	case 'v':
		return vacuum(u);
	case 'p':
		return primary_keys(u);
	case 'f':
		return foreign_keys(u);
	default:
		return 0;
	}
}

int pgb_init_run(struct swarm_user *u)
{
	struct pgb_options *o = &pgb_program.options;
	int64_t start = swarm_now();
	const char *at;

	if (o->partitions > 0 && o->partition_method == NULL)
		o->partition_method = "range";
	for (at = o->steps; *at != '\0'; at++) {
		if (step(u, *at) == -1)
			return 1;
	}
	if (o->foreign_keys && strchr(o->steps, 'f') == NULL &&
	    foreign_keys(u) == -1)
		return 1;
	fprintf(stderr, "done in %.2f s.\n",
	    (double)(swarm_now() - start) / 1e9);
	return 0;
}
