/*
 * The views differ from version to version, so each is asked for whole and
 * those of the columns below that it has are taken: what a server does not
 * know is not in the report.
 *
 * A look is one message and so one transaction.  It asks the server (15 and
 * later) to publish this session's own counts at once, so that exactly the
 * looks before it are in what it reads and can be taken out again.
 */
#include "pgo_look.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#define LEVELS_MAX 100          /* states and wait events told apart */
#define STATEMENTS_MAX 20000    /* compared */
#define QUERY_SHOWN 80

enum { COMMITS };               /* the figure that our own looks move */

static const struct column {
	const char *column;
	const char *figure;
} columns[] = {
	[COMMITS] = { "xact_commit", "xact_commit" },
	{ "xact_rollback", "xact_rollback" },
	{ "blks_read", "blks_read" },
	{ "blks_hit", "blks_hit" },
	{ "blk_read_time", "blk_read_ms" },
	{ "blk_write_time", "blk_write_ms" },
	{ "tup_returned", "tup_returned" },
	{ "tup_fetched", "tup_fetched" },
	{ "tup_inserted", "tup_inserted" },
	{ "tup_updated", "tup_updated" },
	{ "tup_deleted", "tup_deleted" },
	{ "conflicts", "conflicts" },
	{ "deadlocks", "deadlocks" },
	{ "temp_files", "temp_files" },
	{ "temp_bytes", "temp_bytes" },
	{ "sessions", "sessions_started" },
	{ "sessions_abandoned", "sessions_abandoned" },
	{ "sessions_fatal", "sessions_fatal" },
	{ "sessions_killed", "sessions_killed" },
	{ "wal_records", "wal_records" },
	{ "wal_fpi", "wal_full_pages" },
	{ "wal_bytes", "wal_bytes" },
	{ "wal_buffers_full", "wal_buffers_full" },
	{ "wal_write", "wal_writes" },
	{ "wal_sync", "wal_syncs" },
	{ "wal_write_time", "wal_write_ms" },
	{ "wal_sync_time", "wal_sync_ms" },
	{ "checkpoints_timed", "checkpoints_timed" },   /* up to 16 */
	{ "num_timed", "checkpoints_timed" },           /* from 17 on */
	{ "checkpoints_req", "checkpoints_requested" },
	{ "num_requested", "checkpoints_requested" },
	{ "checkpoint_write_time", "checkpoint_write_ms" },
	{ "write_time", "checkpoint_write_ms" },
	{ "checkpoint_sync_time", "checkpoint_sync_ms" },
	{ "sync_time", "checkpoint_sync_ms" },
	{ "buffers_checkpoint", "checkpoint_buffers" },
	{ "buffers_written", "checkpoint_buffers" },
	{ "buffers_clean", "bgwriter_buffers" },
	{ "buffers_backend", "backend_buffers" },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct level {
	char name[PGO_NAME_MAX];
	double now;
};

struct statement {
	int64_t id;
	double calls;
	double ms;
	const char *query;              /* in a PGresult; while comparing */
};

struct pgo_look {
	PGconn *pq;
	bool has_base;
	int64_t own;                    /* transactions of ours not taken out */
	bool has_wal;
	bool has_checkpointer;
	double last[COLUMNS];
	bool known[COLUMNS];
	struct level levels[LEVELS_MAX];
	size_t level_count;
	size_t taken;                   /* looks that had levels */
	char *statements;               /* the view's name, or NULL */
	struct statement *base;
	size_t base_count;
};

void pgo_figures_release(struct pgo_figures *f)
{
	free(f->at);
	memset(f, 0, sizeof(*f));
}

/* What has no room for want of memory is left out. */
static struct pgo_figure *add(struct pgo_figures *out, bool is_level,
    double value)
{
	struct pgo_figure *f;

	if (out->count == out->cap) {
		size_t cap = out->cap ? out->cap * 2 : 64;

		f = realloc(out->at, cap * sizeof(*f));
		if (f == NULL)
			return NULL;
		out->at = f;
		out->cap = cap;
	}
	f = &out->at[out->count++];
	*f = (struct pgo_figure){ .is_level = is_level, .value = value };
	return f;
}

/* ---- connecting ---- */

struct pgo_look *pgo_look_new(void)
{
	return calloc(1, sizeof(struct pgo_look));
}

void pgo_look_free(struct pgo_look *l)
{
	if (l == NULL)
		return;
	PQfinish(l->pq);
	free(l->statements);
	free(l->base);
	free(l);
}

int pgo_look_socket(const struct pgo_look *l)
{
	return PQsocket(l->pq);
}

static int fail(const struct pgo_look *l, char error[static PGO_ERROR_MAX])
{
	const char *text = PQerrorMessage(l->pq);

	snprintf(error, PGO_ERROR_MAX, "%.*s", (int)strcspn(text, "\n"), text);
	return -1;
}

/*
 * Before each message: at its end this session's counts are published.  The
 * server forgets about it where no table was read, so one is: of all databases,
 * whose figures are in no row of this one.
 */
static const char *publish(const struct pgo_look *l)
{
	return PQserverVersion(l->pq) >= 150000 ?
	    "SELECT /* swarm */ pg_stat_force_next_flush() FROM "
	    "pg_database LIMIT 1;" : "";
}

static PGresult *run(struct pgo_look *l, const char *sql)
{
	char text[1000];

	snprintf(text, sizeof(text), "%s%s", publish(l), sql);
	l->own++;
	return PQexec(l->pq, text);
}

/* One value as text, NULL for none; the caller frees it. */
static char *ask(struct pgo_look *l, const char *sql)
{
	PGresult *r = run(l, sql);
	char *value = NULL;

	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1)
		value = strdup(PQgetvalue(r, 0, 0));
	PQclear(r);
	return value;
}

static bool has_view(struct pgo_look *l, const char *name)
{
	char sql[128];
	char *answer;
	bool has;

	snprintf(sql, sizeof(sql), "SELECT /* swarm */ to_regclass("
	    "'pg_catalog.%s') IS NOT NULL", name);
	answer = ask(l, sql);
	has = answer != NULL && answer[0] == 't';
	free(answer);
	return has;
}

static void on_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

int pgo_look_connect(struct pgo_look *l, const char *conninfo,
    char error[static PGO_ERROR_MAX])
{
	/* The given one has the last word on the first two. */
	const char *const keywords[] = { "connect_timeout", "gssencmode",
		"dbname", "fallback_application_name", NULL };
	const char *const values[] = { "5", "disable", conninfo, "swarm",
		NULL };
	char *name;

	PQfinish(l->pq);
	l->pq = PQconnectdbParams(keywords, values, 1);
	if (PQstatus(l->pq) != CONNECTION_OK)
		return fail(l, error);
	l->own++;               /* a session's start is one, too */
	PQsetNoticeReceiver(l->pq, on_notice, NULL);
	l->has_wal = has_view(l, "pg_stat_wal");
	l->has_checkpointer = has_view(l, "pg_stat_checkpointer");
	name = ask(l, "SELECT /* swarm */ quote_ident(nspname) || "
	    "'.pg_stat_statements' FROM pg_extension e JOIN pg_namespace n ON "
	    "n.oid = extnamespace WHERE extname = 'pg_stat_statements'");
	free(l->statements);
	l->statements = name;
	return PQstatus(l->pq) == CONNECTION_OK ? 0 : fail(l, error);
}

/* ---- figures that add up ---- */

static void take_column(struct pgo_look *l, size_t i, double value,
    struct pgo_figures *out)
{
	double step = value - l->last[i];
	struct pgo_figure *f;

	/* Someone has set it to zero, or the server has crashed. */
	if (value < l->last[i])
		step = value;
	if (i == COMMITS && l->has_base)
		step -= (double)l->own;
	if (l->known[i]) {
		f = add(out, false, step);
		if (f != NULL)
			snprintf(f->name, sizeof(f->name), "server_%s",
			    columns[i].figure);
	}
	l->last[i] = value;
	l->known[i] = true;
}

static void take_row(struct pgo_look *l, const PGresult *r,
    struct pgo_figures *out)
{
	size_t i;

	for (i = 0; i < COLUMNS; i++) {
		int col = PQfnumber(r, columns[i].column);

		if (col != -1 && !PQgetisnull(r, 0, col))
			take_column(l, i, strtod(PQgetvalue(r, 0, col), NULL),
			    out);
	}
}

/* ---- levels ---- */

/* One that was not there before was at 0 till now. */
static struct level *find_level(struct pgo_look *l, const char *kind,
    const char *what, struct pgo_figures *out)
{
	char name[PGO_NAME_MAX];
	struct pgo_figure *f;
	size_t i;

	snprintf(name, sizeof(name), "%s %s", kind, what);
	for (i = 0; i < l->level_count; i++) {
		if (strcmp(l->levels[i].name, name) == 0)
			return &l->levels[i];
	}
	if (l->level_count == LEVELS_MAX)
		return NULL;
	memcpy(l->levels[l->level_count].name, name, sizeof(name));
	for (i = 0; i < l->taken; i++) {
		f = add(out, true, 0);
		if (f != NULL)
			memcpy(f->name, name, sizeof(name));
	}
	return &l->levels[l->level_count++];
}

static void raise_level(struct pgo_look *l, const char *kind,
    const char *what, double by, struct pgo_figures *out)
{
	struct level *level = find_level(l, kind, what, out);

	if (level != NULL)
		level->now += by;
}

static void take_levels(struct pgo_look *l, const PGresult *r,
    struct pgo_figures *out)
{
	struct pgo_figure *f;
	size_t i;
	int row;

	for (i = 0; i < l->level_count; i++)
		l->levels[i].now = 0;
	for (row = 0; row < PQntuples(r); row++) {
		double n = strtod(PQgetvalue(r, row, 2), NULL);

		raise_level(l, "sessions", PQgetvalue(r, row, 0), n, out);
		if (!PQgetisnull(r, row, 1))
			raise_level(l, "waits", PQgetvalue(r, row, 1), n, out);
	}
	for (i = 0; i < l->level_count; i++) {
		f = add(out, true, l->levels[i].now);
		if (f != NULL)
			memcpy(f->name, l->levels[i].name, sizeof(f->name));
	}
	l->taken++;
}

/* ---- a look ---- */

static const char *look_sql(const struct pgo_look *l, char *sql, size_t size)
{
	snprintf(sql, size, "%sSELECT /* swarm */ * FROM pg_stat_database "
	    "WHERE datname = current_database();"
	    "SELECT /* swarm */ * FROM pg_stat_bgwriter;%s%s"
	    "SELECT /* swarm */ coalesce(state, 'unknown'), CASE WHEN state = "
	    "'active' THEN coalesce(wait_event_type || ':' || wait_event, "
	    "'none, running') END, count(*) FROM pg_stat_activity WHERE "
	    "datname = current_database() AND pid <> pg_backend_pid() AND "
	    "backend_type = 'client backend' GROUP BY 1, 2",
	    publish(l), l->has_wal ? "SELECT /* swarm */ * FROM pg_stat_wal;" : "",
	    l->has_checkpointer ?
	    "SELECT /* swarm */ * FROM pg_stat_checkpointer;" : "");
	return sql;
}

static void take_result(struct pgo_look *l, const PGresult *r,
    struct pgo_figures *out)
{
	if (PQfnumber(r, "count") == 2)
		take_levels(l, r, out);
	else if (PQntuples(r) == 1)
		take_row(l, r, out);
}

static void take_base(struct pgo_look *l);

int pgo_look_take(struct pgo_look *l, struct pgo_figures *out,
    char error[static PGO_ERROR_MAX])
{
	char sql[1200];
	bool failed = false;
	PGresult *r;

	if (!PQsendQuery(l->pq, look_sql(l, sql, sizeof(sql))))
		return fail(l, error);
	while ((r = PQgetResult(l->pq)) != NULL) {
		if (PQresultStatus(r) == PGRES_TUPLES_OK)
			take_result(l, r, out);
		else
			failed = true;
		PQclear(r);
	}
	if (failed || PQstatus(l->pq) != CONNECTION_OK)
		return fail(l, error);
	/* Those before it were in what it read; it was not. */
	l->own = 1;
	if (!l->has_base) {
		l->has_base = true;
		take_base(l);
	}
	return 0;
}

int pgo_look_others(struct pgo_look *l)
{
	char *answer = ask(l, "SELECT /* swarm */ count(*) FROM "
	    "pg_stat_activity WHERE application_name = "
	    "current_setting('application_name') AND datname = "
	    "current_database() AND pid <> pg_backend_pid() AND backend_type ="
	    " 'client backend'");
	int n = answer != NULL ? (int)strtol(answer, NULL, 10) : -1;

	free(answer);
	return n;
}

/* ---- statements ---- */

static int by_id(const void *a, const void *b)
{
	const struct statement *x = a;
	const struct statement *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int by_time(const void *a, const void *b)
{
	const struct statement *x = a;
	const struct statement *y = b;

	return (x->ms < y->ms) - (x->ms > y->ms);
}

/* The server's table, and the result that its texts live in; NULL when there
 * is none. */
static struct statement *read_statements(struct pgo_look *l, size_t *count,
    PGresult **keep)
{
	struct statement *all;
	char sql[600];
	PGresult *r;
	int i;

	if (l->statements == NULL)
		return NULL;
	snprintf(sql, sizeof(sql), "SELECT /* swarm */ queryid, min(query), "
	    "sum(calls), sum(%s) FROM %s WHERE dbid = (SELECT oid FROM "
	    "pg_database WHERE datname = current_database()) AND queryid IS "
	    "NOT NULL AND query NOT LIKE 'SELECT /* swarm */%%' GROUP BY 1 "
	    "LIMIT %d", PQserverVersion(l->pq) >= 130000 ? "total_exec_time" :
	    "total_time", l->statements, STATEMENTS_MAX);
	r = run(l, sql);
	/* Installed, but not loaded: then asking is an error. */
	if (PQresultStatus(r) != PGRES_TUPLES_OK ||
	    (all = calloc((size_t)PQntuples(r) + 1, sizeof(*all))) == NULL) {
		PQclear(r);
		return NULL;
	}
	for (i = 0; i < PQntuples(r); i++)
		all[i] = (struct statement){
			.id = strtoll(PQgetvalue(r, i, 0), NULL, 10),
			.query = PQgetvalue(r, i, 1),
			.calls = strtod(PQgetvalue(r, i, 2), NULL),
			.ms = strtod(PQgetvalue(r, i, 3), NULL) };
	*count = (size_t)PQntuples(r);
	*keep = r;
	return all;
}

static void take_base(struct pgo_look *l)
{
	PGresult *keep;

	l->base = read_statements(l, &l->base_count, &keep);
	if (l->base == NULL)
		return;
	PQclear(keep);
	qsort(l->base, l->base_count, sizeof(*l->base), by_id);
}

static void put_statement(struct pgo_figures *out, size_t rank,
    const char *what, const char *query, double value)
{
	struct pgo_figure *f = add(out, false, value);
	size_t n;

	if (f == NULL)
		return;
	n = (size_t)snprintf(f->name, sizeof(f->name), "top%zu_%s ", rank,
	    what);
	for (; *query != '\0' && n < QUERY_SHOWN; query++) {
		bool blank = *query == ' ' || (*query >= '\t' &&
		    *query <= '\r');

		if (!blank)
			f->name[n++] = *query;
		else if (f->name[n - 1] != ' ')
			f->name[n++] = ' ';
	}
	f->name[n] = '\0';
}

void pgo_look_statements(struct pgo_look *l, struct pgo_figures *out,
    size_t max)
{
	struct statement *all;
	PGresult *keep;
	size_t count;
	size_t i;

	all = read_statements(l, &count, &keep);
	if (all == NULL)
		return;
	for (i = 0; l->base != NULL && i < count; i++) {
		const struct statement *was = bsearch(&all[i], l->base,
		    l->base_count, sizeof(*all), by_id);

		if (was == NULL || all[i].calls < was->calls)
			continue;
		all[i].calls -= was->calls;
		all[i].ms -= was->ms;
	}
	qsort(all, count, sizeof(*all), by_time);
	for (i = 0; i < count && i < max && all[i].calls > 0; i++) {
		put_statement(out, i + 1, "calls", all[i].query,
		    all[i].calls);
		put_statement(out, i + 1, "us", all[i].query,
		    round(all[i].ms * 1000));
	}
	free(all);
	PQclear(keep);
}
