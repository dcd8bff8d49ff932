/*
 * Named statements: a session knows what its user prepared; where it is parsed
 * is each connection's own business (pgc_query.c).
 */
#include "pgc_query.h"

#include <stdlib.h>
#include <string.h>

#include "pgc_stat.h"

static struct pgc_named *find_named(struct pg *s, const char *name)
{
	struct pgc_named *n;

	for (n = s->named; n != NULL; n = n->next) {
		if (strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}

static struct pgc_named *keep_named(struct pg *s, const char *name,
    const char *sql)
{
	struct pgc_named *n = find_named(s, name);
	char *copy = strdup(sql);

	if (copy == NULL)
		return NULL;
	if (n == NULL) {
		n = calloc(1, sizeof(*n));
		if (n == NULL || (n->name = strdup(name)) == NULL) {
			free(n);
			free(copy);
			return NULL;
		}
		n->next = s->named;
		s->named = n;
	}
	free(n->sql);
	n->sql = copy;
	return n;
}

const struct pg_result *pgc_prepare(struct swarm_user *u, const char *name,
    const char *sql, const struct pg_query_args *args)
{
	struct pg *s = pgc_session_of(u, args->on);
	char space[PGC_NAME_MAX];
	struct pgc_call call = { .sql = sql, .type = "SQL prepare",
		.space = space };
	const struct pg_result *early;

	if (pgc_query_begin(s, &call, args->name != NULL ? args->name : name,
	    &early) == -1)
		return early;
	call.deadline = pgc_query_deadline(args->timeout);
	pgc_conn_begin(call.conn);
	if (keep_named(s, name, sql) == NULL)
		pgc_error_set(&s->error, PGC_MISUSE, "out of memory");
	else
		pgc_query_parse(&call, args, false);
	pgc_conn_end(call.conn);
	pgc_query_finish(&call);
	pgc_session_end(s);
	return &s->result;
}

const struct pg_result *pgc_execute(struct swarm_user *u, const char *name,
    const struct pg_query_args *args)
{
	struct pg *s = pgc_session_of(u, args->on);
	struct pg_query_args prepared = *args;
	struct pgc_named *n;

	if (s->busy)
		return pgc_session_busy();
	n = find_named(s, name);
	if (n == NULL) {
		pgc_error_set(&s->error, "26000",
		    "no statement \"%.60s\": pg_prepare() it first", name);
		return pgc_session_failed(s);
	}
	prepared.mode = PG_PREPARED;
	if (prepared.name == NULL)
		prepared.name = name;
	return pgc_query_on(s, n->sql, &prepared);
}
