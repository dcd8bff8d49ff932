/*
 * Statements of scripts: sent in the mode asked for, their results discarded
 * or stored in variables, each timed by itself.
 */
#include "pgb_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/stats.h>

#include "pgc_stat.h"

#define TEXT_MAX ((size_t)64 << 20)     /* of one statement with its values */

static struct pgc_call call_for(struct pgb_client *c)
{
	return (struct pgc_call){ .s = c->session, .conn = c->session->conn,
		.deadline = SWARM_FOREVER };
}

static size_t number_of(const struct pgb_client *c)
{
	return pgb_program.first_command[c->script] + c->pc;
}

static enum pgb_end how_it_ended(const struct pg *s)
{
	if (s->error.state[0] == '\0')
		return PGB_OK;
	return strcmp(s->error.state, PGC_STOPPED) == 0 ? PGB_STOPPED :
	    PGB_FAILED;
}

static int out_of_memory(struct pgb_client *c)
{
	pgc_error_set(&c->session->error, PGC_MISUSE, "out of memory");
	return -1;
}

/* ---- sending ---- */

/* What append() refuses is in the session's error. */
static int append(struct pgb_client *c, size_t *n, const char *text,
    size_t len)
{
	if (len >= TEXT_MAX - *n) {
		pgc_error_set(&c->session->error, PGC_MISUSE, "the statement "
		    "is larger than 64 MiB with its variables' values");
		return -1;
	}
	if (*n + len + 1 > c->text_size) {
		size_t size = (*n + len + 1) * 2;
		char *grown = realloc(c->text, size);

		if (grown == NULL)
			return out_of_memory(c);
		c->text = grown;
		c->text_size = size;
	}
	memcpy(c->text + *n, text, len);
	*n += len;
	c->text[*n] = '\0';
	return 0;
}

/* The statement with its variables' values; what is not defined stays as it
 * is written. */
static const char *fill_in(struct pgb_client *c,
    const struct pgs_command *command)
{
	size_t n = 0;
	size_t i;

	if (command->part_count == 1)
		return command->text;
	for (i = 0; i < command->part_count; i++) {
		const struct pgs_part *part = &command->parts[i];
		const char *value = NULL;
		size_t len = 0;

		if (append(c, &n, command->text + part->start, part->len) ==
		    -1)
			return NULL;
		if (part->slot == -1)
			break;
		value = pgs_vars_text(&c->vars, part->slot, &len);
		if (value == NULL) {
			value = command->text + part->start + part->len;
			len = part->reference;
		}
		if (append(c, &n, value, len) == -1)
			return NULL;
	}
	return c->text;
}

/* The server's memory of what was prepared ends with the connection. */
static bool is_prepared(struct pgb_client *c, size_t number)
{
	if (c->conn_id != c->session->conn->id) {
		c->conn_id = c->session->conn->id;
		memset(c->prepared, 0,
		    pgb_program.command_count * sizeof(*c->prepared));
	}
	return c->prepared[number];
}

static int prepare(struct pgb_client *c, const struct pgs_command *command,
    size_t number)
{
	struct pgc_call call = call_for(c);
	struct pg *s = c->session;
	PGresult *r;

	pgc_conn_begin(call.conn);
	if (!PQsendPrepare(call.conn->pq, pgb_program.stmt_names[number],
	    command->numbered, command->param_count, NULL) ||
	    pgc_conn_push(call.conn) == -1) {
		pgc_query_send_failed(&call);
	} else {
		while (pgc_query_next(&call, &r) == 0 && r != NULL) {
			if (pgc_query_take(&call, r) == -1)
				break;
		}
	}
	pgc_conn_end(call.conn);
	pgc_session_clear(s);
	if (s->error.state[0] != '\0')
		return -1;
	c->prepared[number] = true;
	return 0;
}

static int send_numbered(struct pgb_client *c,
    const struct pgs_command *command, size_t number)
{
	static const char *values[PGS_PARAMS_MAX];
	PGconn *pq = c->session->conn->pq;
	size_t len;
	int i;

	for (i = 0; i < command->param_count; i++)
		values[i] = pgs_vars_text(&c->vars, command->params[i], &len);
	if (pgb_program.options.mode == PG_EXTENDED)
		return PQsendQueryParams(pq, command->numbered,
		    command->param_count, NULL, values, NULL, NULL, 0);
	return PQsendQueryPrepared(pq, pgb_program.stmt_names[number],
	    command->param_count, values, NULL, NULL, 0);
}

static int send_command(struct pgb_client *c,
    const struct pgs_command *command)
{
	struct pgc_call call = call_for(c);
	const char *text;
	int ok;

	if (pgb_program.options.mode == PG_SIMPLE) {
		text = fill_in(c, command);
		if (text == NULL)
			return -1;
		ok = PQsendQuery(call.conn->pq, text);
	} else {
		ok = send_numbered(c, command, number_of(c));
	}
	if (ok && (c->in_pipeline || pgc_conn_push(call.conn) == 0))
		return 0;
	pgc_query_send_failed(&call);
	return -1;
}

/* ---- results ---- */

/* Stores the last row's columns: 0, or -1 with what is wrong. */
static int store(struct pgb_client *c, const struct pgs_command *command,
    const PGresult *r, const char **wrong)
{
	int row = PQntuples(r) - 1;
	char name[200];
	int col;

	for (col = 0; col < PQnfields(r); col++) {
		const char *value = PQgetvalue(r, row, col);
		int slot;
		int n = snprintf(name, sizeof(name), "%s%s", command->prefix,
		    PQfname(r, col));

		if (n < 0 || (size_t)n >= sizeof(name) ||
		    !pgs_names_valid(name)) {
			*wrong = "a column's name is no variable's name";
			return -1;
		}
		/* A name that no script mentions is of no use. */
		slot = pgs_names_find(&pgb_program.names, name, (size_t)n);
		if (slot != -1 && pgs_vars_set_text(&c->vars, slot, value,
		    (size_t)PQgetlength(r, row, col)) == -1) {
			*wrong = "a stored value is larger than 1 MiB";
			return -1;
		}
	}
	return 0;
}

/* What \gset and \aset do with one result of their statement. */
static int store_result(struct pgb_client *c,
    const struct pgs_command *command, const PGresult *r, bool is_last,
    const char **wrong)
{
	bool has_rows = PQresultStatus(r) == PGRES_TUPLES_OK;

	if (command->store == PGS_STORE_ASET)
		return has_rows && PQntuples(r) > 0 ?
		    store(c, command, r, wrong) : 0;
	if (!is_last)
		return 0;
	if (!has_rows || PQntuples(r) != 1) {
		*wrong = "\\gset expects one row";
		return -1;
	}
	return store(c, command, r, wrong);
}

static bool is_copy(const PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);

	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
	    status == PGRES_COPY_BOTH;
}

/* A script has no data to give and no place for what comes. */
static const char *refuse_copy(struct pgc_conn *conn)
{
	conn->given_up = true;
	pgc_conn_lose(conn);
	return "COPY cannot be in a script";
}

/* All results of one statement: NULL, or what is wrong with the script. */
static const char *collect(struct pgb_client *c,
    const struct pgs_command *command)
{
	struct pgc_call call = call_for(c);
	struct pg *s = c->session;
	const char *wrong = NULL;
	PGresult *before = NULL;
	PGresult *r;

	while (pgc_query_next(&call, &r) == 0) {
		/* Only the next tells whether this one is the last. */
		if (before != NULL && wrong == NULL &&
		    command->store != PGS_STORE_NOT)
			store_result(c, command, before, r == NULL, &wrong);
		PQclear(before);
		before = NULL;
		if (r == NULL)
			break;
		if (is_copy(r)) {
			PQclear(r);
			return refuse_copy(call.conn);
		}
		if (pgc_query_take(&call, r) == -1)
			break;
		before = s->rows;
		s->rows = NULL;
	}
	PQclear(before);
	return wrong;
}

static enum pgb_end run_alone(struct swarm_user *u, struct pgb_client *c,
    const struct pgs_command *command)
{
	struct pgc_conn *conn = c->session->conn;
	const char *wrong = NULL;
	int64_t start = c->clock;
	enum pgb_end end;

	if (pgb_program.options.mode == PG_PREPARED &&
	    !is_prepared(c, number_of(c))) {
		if (prepare(c, command, number_of(c)) == -1)
			return how_it_ended(c->session);
		start = 0;
	}
	if (start == 0)
		start = swarm_now();
	c->clock = 0;
	pgc_conn_begin(conn);
	if (send_command(c, command) == 0)
		wrong = collect(c, command);
	pgc_conn_end(conn);
	end = how_it_ended(c->session);
	if (end == PGB_OK)
		swarm_observe(pgb_program.command_series[number_of(c)],
		    conn->arrived - start, 0);
	if (end == PGB_OK && wrong != NULL)
		return pgb_client_broken(u, c, wrong);
	return end;
}

/* ---- pipelines ---- */

static int note_sent(struct pgb_client *c, const struct pgb_sent *sent)
{
	if (c->sent_count == c->sent_cap) {
		size_t cap = c->sent_cap ? c->sent_cap * 2 : 64;
		struct pgb_sent *grown = realloc(c->sent,
		    cap * sizeof(*grown));

		if (grown == NULL)
			return out_of_memory(c);
		c->sent = grown;
		c->sent_cap = cap;
	}
	c->sent[c->sent_count++] = *sent;
	return 0;
}

static int note_statement(struct pgb_client *c)
{
	struct pgb_sent sent = { .command = number_of(c),
		.start = swarm_now() };

	if (c->unsynced++ == 0)
		c->group_start = sent.start;
	return note_sent(c, &sent);
}

static int note_sync(struct pgb_client *c)
{
	struct pgb_sent sent = { .is_sync = true, .start = c->group_start,
		.depth = c->unsynced };

	c->unsynced = 0;
	c->syncs++;
	return note_sent(c, &sent);
}

enum pgb_end pgb_sql_run(struct swarm_user *u, struct pgb_client *c,
    const struct pgs_command *command)
{
	if (!c->in_pipeline)
		return run_alone(u, c, command);
	if (command->store != PGS_STORE_NOT)
		return pgb_client_broken(u, c,
		    "\\gset and \\aset are not allowed in a pipeline");
	if (note_statement(c) == -1 || send_command(c, command) == -1)
		return how_it_ended(c->session);
	return PGB_OK;
}

/* Everything up to the \endpipeline is prepared before the pipeline begins:
 * inside, a Parse would take a snapshot before BEGIN … SERIALIZABLE. */
static enum pgb_end prepare_ahead(struct pgb_client *c)
{
	const struct pgs_script *script = &pgb_program.scripts[c->script];
	size_t i;

	for (i = c->pc + 1; i < script->count; i++) {
		const struct pgs_command *command = &script->commands[i];
		size_t number = pgb_program.first_command[c->script] + i;

		if (command->kind == PGS_ENDPIPELINE)
			break;
		if (command->kind == PGS_SQL && !is_prepared(c, number) &&
		    prepare(c, command, number) == -1) {
			c->pc = i;
			return how_it_ended(c->session);
		}
	}
	return PGB_OK;
}

enum pgb_end pgb_sql_start_pipeline(struct swarm_user *u,
    struct pgb_client *c)
{
	enum pgb_end end = PGB_OK;

	if (pgb_program.options.mode == PG_SIMPLE)
		return pgb_client_broken(u, c,
		    "pipelines need -M extended or -M prepared");
	if (c->in_pipeline)
		return pgb_client_broken(u, c, "already in a pipeline");
	if (pgb_program.options.mode == PG_PREPARED)
		end = prepare_ahead(c);
	if (end != PGB_OK)
		return end;
	pgc_conn_begin(c->session->conn);
	if (!PQenterPipelineMode(c->session->conn->pq))
		return pgb_client_broken(u, c, "cannot start a pipeline");
	c->in_pipeline = true;
	c->syncs = 0;
	c->unsynced = 0;
	c->sent_first = 0;
	c->sent_count = 0;
	return PGB_OK;
}

/* One statement of the pipeline is complete, or a sync point reached. */
static void finish_sent(struct pgb_client *c)
{
	const struct pgb_sent *sent = &c->sent[c->sent_first];

	if (c->sent_first == c->sent_count)
		return;
	c->sent_first++;
	if (sent->is_sync && sent->depth > 0)
		pgc_stat_sync(c->session->conn->arrived - sent->start,
		    sent->depth);
	else if (!sent->is_sync && c->session->error.state[0] == '\0')
		swarm_observe(pgb_program.command_series[sent->command],
		    c->session->conn->arrived - sent->start, 0);
}

static int take_in_pipeline(struct pgb_client *c, struct pgc_call *call,
    PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);

	if (status == PGRES_PIPELINE_SYNC) {
		c->syncs--;
		finish_sent(c);
	}
	if (status == PGRES_PIPELINE_SYNC || status == PGRES_PIPELINE_ABORTED) {
		PQclear(r);
		return 0;
	}
	return pgc_query_take(call, r);
}

/* The command is the one whose result this was, not the \endpipeline. */
static void note_failed(struct pgb_client *c)
{
	if (c->sent_first < c->sent_count && !c->sent[c->sent_first].is_sync)
		c->pc = c->sent[c->sent_first].command -
		    pgb_program.first_command[c->script];
}

/* Reads until every sync point has been answered: NULL, or what is wrong with
 * the script. */
static const char *drain(struct pgb_client *c)
{
	struct pgc_call call = call_for(c);
	struct pg *s = c->session;
	bool failed = s->error.state[0] != '\0';
	PGresult *r;

	while (c->syncs > 0) {
		if (pgc_query_next(&call, &r) == -1)
			return NULL;
		if (is_copy(r)) {
			PQclear(r);
			note_failed(c);
			return refuse_copy(call.conn);
		}
		if (r == NULL)
			finish_sent(c);
		else if (take_in_pipeline(c, &call, r) == -1)
			return NULL;
		if (!failed && s->error.state[0] != '\0') {
			failed = true;
			note_failed(c);
		}
		pgc_session_clear(s);
		pgc_conn_row(s->conn);
		if (s->conn->lost)
			return NULL;
	}
	return NULL;
}

enum pgb_end pgb_sql_sync_pipeline(struct swarm_user *u,
    struct pgb_client *c, bool last)
{
	struct pgc_call call = call_for(c);
	const char *wrong;

	if (!c->in_pipeline)
		return pgb_client_broken(u, c, "not in a pipeline");
	if (!PQpipelineSync(call.conn->pq) || pgc_conn_push(call.conn) == -1) {
		pgc_query_send_failed(&call);
		return how_it_ended(c->session);
	}
	if (note_sync(c) == -1)
		return how_it_ended(c->session);
	if (!last)
		return PGB_OK;
	wrong = drain(c);
	if (wrong != NULL)
		return pgb_client_broken(u, c, wrong);
	if (c->syncs == 0 && PQexitPipelineMode(call.conn->pq)) {
		c->in_pipeline = false;
		pgc_conn_end(call.conn);
	}
	return how_it_ended(c->session);
}

/* ---- after an error ---- */

static int leave_pipeline(struct pgb_client *c)
{
	struct pgc_conn *conn = c->session->conn;

	if (!PQpipelineSync(conn->pq) || pgc_conn_push(conn) == -1)
		return -1;
	if (note_sync(c) == -1)
		return -1;
	drain(c);
	if (c->syncs > 0 || !PQexitPipelineMode(conn->pq))
		return -1;
	c->in_pipeline = false;
	pgc_conn_end(conn);
	return 0;
}

int pgb_sql_clean(struct pgb_client *c)
{
	struct pg *s = c->session;
	struct pgc_error why = s->error;
	struct pgc_call call;
	int rc = 0;

	if (!pgc_conn_usable(s->conn))
		return -1;
	if (c->in_pipeline)
		rc = leave_pipeline(c);
	pgc_error_clear(&s->error);
	if (rc == 0 && PQtransactionStatus(s->conn->pq) != PQTRANS_IDLE) {
		static const struct pgs_command rollback;

		call = call_for(c);
		pgc_conn_begin(s->conn);
		if (PQsendQuery(s->conn->pq, "ROLLBACK") &&
		    pgc_conn_push(s->conn) == 0)
			collect(c, &rollback);
		else
			pgc_query_send_failed(&call);
		pgc_conn_end(s->conn);
		rc = s->error.state[0] == '\0' ? 0 : -1;
	}
	s->error = why;
	if (rc == -1)
		pgc_conn_lose(s->conn);
	return rc;
}
