/*
 * SQLite at both ends of a run: rows of a query as data for the users, and the
 * figures of each second into a table.
 *
 *	SWARM_FEED("sqlite:shop.db?SELECT name, password FROM accounts")
 *	--out sqlite=results.db
 */
#include <swarm/feeder.h>
#include <swarm/sink.h>
#include <swarm/swarm.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows for users ---- */

static void put_field(FILE *out, const char *text, char after)
{
	putc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
	putc(after, out);
}

/* The names of the columns, then the rows.  0, or -1 with the error in the
 * database. */
static int write_rows(FILE *out, sqlite3_stmt *query)
{
	int columns = sqlite3_column_count(query);
	int rc;

	for (int i = 0; i < columns; i++)
		put_field(out, sqlite3_column_name(query, i),
		    i + 1 < columns ? ',' : '\n');
	while ((rc = sqlite3_step(query)) == SQLITE_ROW) {
		for (int i = 0; i < columns; i++) {
			const void *text = sqlite3_column_text(query, i);

			put_field(out, text != NULL ? text : "",
			    i + 1 < columns ? ',' : '\n');
		}
	}
	return rc == SQLITE_DONE ? 0 : -1;
}

/* "FILE?SELECT ..." */
static int fetch(const char *target, struct swarm_rows *rows)
{
	const char *sql = strchr(target, '?');
	char *file = strndup(target, strcspn(target, "?"));
	sqlite3_stmt *query = NULL;
	sqlite3 *db = NULL;
	char *data = NULL;
	FILE *out = NULL;
	int rc = -1;

	if (sql == NULL || file == NULL) {
		swarm_error("sqlite:%s: write sqlite:FILE?SELECT ...", target);
		goto done;
	}
	if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL) ||
	    sqlite3_prepare_v2(db, sql + 1, -1, &query, NULL)) {
		swarm_error("%s: %s", file, sqlite3_errmsg(db));
		goto done;
	}
	out = open_memstream(&data, &rows->len);
	if (out != NULL && write_rows(out, query) == 0)
		rc = 0;
	else
		swarm_error("%s: %s", file, sqlite3_errmsg(db));
done:
	if (out != NULL)
		fclose(out);
	rows->data = data;
	sqlite3_finalize(query);
	sqlite3_close(db);
	free(file);
	return rc;
}

static void release(struct swarm_rows *rows)
{
	free((char *)(uintptr_t)rows->data);
}

static const struct swarm_feeder feeder = {
	SWARM_IFACE(struct swarm_feeder, 0),
	.name    = "sqlite",
	.help    = "FILE?SELECT ...",
	.fetch   = fetch,
	.release = release,
};

/* ---- figures of the run ---- */

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS seconds (run TEXT, time REAL, type TEXT, "
	"name TEXT, users INTEGER, requests INTEGER, failures INTEGER, "
	"bytes INTEGER, p50_ms REAL, p99_ms REAL, max_ms REAL);"
	"CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, "
	"scenario TEXT, host TEXT, verdict TEXT, reason TEXT);";

struct output {
	sqlite3 *db;
	sqlite3_stmt *second;
	sqlite3_stmt *ended;
	char *run;
	char *scenario;
	char *host;
};

static void stop(void *sink)
{
	struct output *o = sink;

	sqlite3_finalize(o->second);
	sqlite3_finalize(o->ended);
	sqlite3_close(o->db);
	free(o->run);
	free(o->scenario);
	free(o->host);
	free(o);
}

static void *start(const struct swarm_sink_start *s)
{
	struct output *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->run = strdup(s->run_id);
	o->scenario = strdup(s->scenario);
	o->host = strdup(s->host);
	if (!sqlite3_open(s->target, &o->db) &&
	    !sqlite3_busy_timeout(o->db, 2000) &&
	    !sqlite3_exec(o->db, schema, NULL, NULL, NULL) &&
	    !sqlite3_prepare_v2(o->db, "INSERT INTO seconds VALUES "
	    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -1, &o->second, NULL) &&
	    !sqlite3_prepare_v2(o->db, "INSERT OR REPLACE INTO runs VALUES "
	    "(?, ?, ?, ?, ?)", -1, &o->ended, NULL))
		return o;
	swarm_error("%s: %s", s->target, sqlite3_errmsg(o->db));
	stop(o);
	return NULL;
}

static int failed(const struct output *o)
{
	return swarm_sink_fail("%s", sqlite3_errmsg(o->db));
}

static double ms(const struct swarm_times *t, double q)
{
	return (double)swarm_times_quantile(t, q) / 1e6;
}

static int put_row(struct output *o, const struct swarm_sink_interval *i,
    const struct swarm_sink_row *r)
{
	sqlite3_stmt *s = o->second;

	sqlite3_reset(s);
	sqlite3_bind_text(s, 1, o->run, -1, SQLITE_STATIC);
	sqlite3_bind_double(s, 2, i->time);
	sqlite3_bind_text(s, 3, r->type, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, r->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, i->users);
	sqlite3_bind_int64(s, 6, (sqlite3_int64)r->requests);
	sqlite3_bind_int64(s, 7, (sqlite3_int64)r->failures);
	sqlite3_bind_int64(s, 8, (sqlite3_int64)r->bytes);
	sqlite3_bind_double(s, 9, ms(r->times, 0.5));
	sqlite3_bind_double(s, 10, ms(r->times, 0.99));
	sqlite3_bind_double(s, 11, ms(r->times, 1));
	return sqlite3_step(s) == SQLITE_DONE ? 0 : failed(o);
}

/* All rows of a second or none: one that failed comes again. */
static int interval(void *sink, const struct swarm_sink_interval *i)
{
	struct output *o = sink;
	int rc = 0;

	if (sqlite3_exec(o->db, "BEGIN", NULL, NULL, NULL))
		return failed(o);
	for (size_t k = 0; k < i->row_count && rc == 0; k++)
		if (i->rows[k]->requests > 0)
			rc = put_row(o, i, i->rows[k]);
	if (rc == 0 && sqlite3_exec(o->db, "COMMIT", NULL, NULL, NULL))
		rc = failed(o);
	if (rc == -1)
		sqlite3_exec(o->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static int end(void *sink, const struct swarm_sink_end *e)
{
	struct output *o = sink;
	const char *const values[] = { o->run, o->scenario, o->host,
		e->verdict, e->reason };

	for (int i = 0; i < 5; i++)
		sqlite3_bind_text(o->ended, i + 1, values[i], -1,
		    SQLITE_STATIC);
	return sqlite3_step(o->ended) == SQLITE_DONE ? 0 : failed(o);
}

static const struct swarm_sink sink = {
	SWARM_IFACE(struct swarm_sink, 0),
	.name     = "sqlite",
	.help     = "FILE",
	.start    = start,
	.interval = interval,
	.end      = end,
	.stop     = stop,
};

SWARM_MODULE(
	.name    = "sqlite",
	.version = "1.0",
	.summary = "results into SQLite, and rows for users out of it",
	.exports = SWARM_EXPORTS({ SWARM_SINK_ID, &sink.head },
		{ SWARM_FEEDER_ID, &feeder.head }),
);
