/*
 * A client's transactions.  One run of the task is one transaction, one
 * sample; its statements are durations beside it.
 *
 * As in pgbench the same seed gives the same random numbers: the base
 * generator seeds each client's in turn, then gives the seed of hashes; and a
 * transaction that is tried again draws the same numbers again.
 */
#include "pgb_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/log.h>
#include <swarm/measure.h>
#include <swarm/stats.h>

#include "pgb_log.h"
#include "pgc_stat.h"

struct pgb_program pgb_program;

/* ---- life ---- */

static void set_int(struct pgb_client *c, const char *name, int64_t value)
{
	struct pgs_value v = pgs_value_int(value);
	int slot = pgs_names_find(&pgb_program.names, name, strlen(name));

	/* -D has the last word. */
	if (slot != -1 && !c->vars.slots[slot].defined)
		pgs_vars_set(&c->vars, slot, &v);
}

static void define(struct pgb_client *c)
{
	const struct pgb_options *o = &pgb_program.options;
	int i;

	for (i = 0; i < o->define_count; i++) {
		const char *text = o->defines[i];
		const char *equals = strchr(text, '=');
		int slot = pgs_names_find(&pgb_program.names, text,
		    (size_t)(equals - text));

		if (slot != -1)
			pgs_vars_set_text(&c->vars, slot, equals + 1,
			    strlen(equals + 1));
	}
}

static void seed(struct pgb_client *c)
{
	const struct pgb_options *o = &pgb_program.options;
	uint64_t own = pgb_program.seeds[c->index];

	pgs_random_seed(&c->random, own);
	set_int(c, "default_seed", (int64_t)pgb_program.seeds[o->clients]);
	set_int(c, "random_seed", o->seed);
	pgs_random_seed(&c->chooser, own ^ UINT64_C(0x6368656f73657221));
}

/* A worker's first failure is said at once: a name that is wrong is not found
 * in a report that waits for the run's end. */
static bool connect_client(struct pgb_client *c)
{
	const struct pgc_error *err = &c->session->error;
	static bool said;

	if (pgc_session_begin(c->session) != NULL)
		return true;
	if (!said && strcmp(err->state, PGC_STOPPED) != 0) {
		swarm_warn("cannot connect: %s %s; going on trying",
		    err->state, err->text);
		said = true;
	}
	return false;
}

void pgb_client_start(struct swarm_user *u)
{
	struct pgb_client *c = swarm_data(u);
	size_t commands = pgb_program.command_count;

	c->index = (int)(swarm_user_id(u) %
	    (unsigned)pgb_program.options.clients);
	c->session = pgc_session_own(u);
	c->stack = calloc(pgb_program.stack_depth + 1, sizeof(*c->stack));
	c->prepared = calloc(commands + 1, sizeof(*c->prepared));
	if (pgs_vars_init(&c->vars, pgb_program.names.count) == -1 ||
	    c->stack == NULL || c->prepared == NULL) {
		swarm_error("out of memory");
		swarm_stop_user(u);
		return;
	}
	define(c);
	seed(c);
	set_int(c, "scale", pgb_program.scale);
	set_int(c, "client_id", c->index);
	c->is_ready = true;
	/* Connections are made before the first transaction is timed. */
	if (!pgb_program.options.connect_each && connect_client(c))
		pgc_session_end(c->session);
}

void pgb_client_stop(struct swarm_user *u)
{
	struct pgb_client *c = swarm_data(u);

	pgs_vars_release(&c->vars);
	free(c->stack);
	free(c->prepared);
	free(c->text);
	free(c->sent);
	memset(c, 0, sizeof(*c));
}

enum pgb_end pgb_client_broken(struct swarm_user *u, struct pgb_client *c,
    const char *what)
{
	const struct pgs_script *script = &pgb_program.scripts[c->script];
	int line = c->pc < script->count ? script->commands[c->pc].line : 0;

	swarm_raise_at(u, script->name, line, "%s:%d: %s", script->name, line,
	    what);
	return PGB_BROKEN;
}

/* ---- commands ---- */

static void on_debug(const struct pgs_value *value, void *arg)
{
	const struct pgb_client *c = arg;
	char text[64];

	pgs_value_to_text(value, text, sizeof(text));
	if (value->type == PGS_NULL)
		swarm_info("debug(script=%d,command=%zu): null", c->script,
		    c->pc + 1);
	else
		swarm_info("debug(script=%d,command=%zu): %s %s", c->script,
		    c->pc + 1, pgs_value_type(value), text);
}

static int evaluate(struct pgb_client *c, const struct pgs_command *command,
    struct pgs_value *out, struct pgs_error *err)
{
	const struct pgs_env env = { .vars = &c->vars,
		.names = &pgb_program.names, .random = &c->random,
		.stack = c->stack, .debug = on_debug, .arg = c };

	return pgs_expr_eval(&command->expr, &env, out, err);
}

static enum pgb_end run_sleep(struct swarm_user *u, struct pgb_client *c,
    const struct pgs_command *command)
{
	int64_t amount = command->amount;

	if (command->slot != -1) {
		size_t len;
		const char *text = pgs_vars_text(&c->vars, command->slot,
		    &len);
		char *end;

		if (text == NULL)
			return pgb_client_broken(u, c,
			    "\\sleep of an undefined variable");
		amount = strtol(text, &end, 10);
		if (end == text)
			return pgb_client_broken(u, c,
			    "\\sleep of a variable that is no number");
	}
	if (amount <= 0)
		return PGB_OK;
	if (swarm_sleep((double)amount * (double)command->unit_us / 1e6) == -1)
		return PGB_STOPPED;
	c->clock = swarm_now();
	return PGB_OK;
}

/* From the \if, or an \elif reached because everything before was false. */
static enum pgb_end run_if(struct swarm_user *u, struct pgb_client *c)
{
	const struct pgs_command *commands =
	    pgb_program.scripts[c->script].commands;
	struct pgs_value value;
	struct pgs_error err;

	for (;;) {
		const struct pgs_command *command = &commands[c->pc];

		if (command->kind != PGS_IF && command->kind != PGS_ELIF)
			break;
		if (evaluate(c, command, &value, &err) == -1)
			return pgb_client_broken(u, c, err.text);
		if (pgs_value_truth(&value))
			break;
		c->pc = command->otherwise;
	}
	c->pc++;
	return PGB_OK;
}

static enum pgb_end run_set(struct swarm_user *u, struct pgb_client *c,
    const struct pgs_command *command)
{
	struct pgs_value value;
	struct pgs_error err;

	if (evaluate(c, command, &value, &err) == -1)
		return pgb_client_broken(u, c, err.text);
	pgs_vars_set(&c->vars, command->slot, &value);
	return PGB_OK;
}

/* One command; moves on to the next. */
static enum pgb_end run_command(struct swarm_user *u, struct pgb_client *c,
    const struct pgs_command *command)
{
	enum pgb_end end = PGB_OK;

	switch (command->kind) {
	case PGS_SQL:
		end = pgb_sql_run(u, c, command);
		break;
	case PGS_SET:
		end = run_set(u, c, command);
		break;
	case PGS_SLEEP:
		end = run_sleep(u, c, command);
		break;
	case PGS_IF:
		return run_if(u, c);
	case PGS_ELIF:
	case PGS_ELSE:
		/* Reached from a branch that was taken. */
		c->pc = command->end;
		break;
	case PGS_ENDIF:
		break;
	case PGS_SHELL:
	case PGS_SETSHELL:
		end = pgb_shell_run(u, c, command);
		break;
	case PGS_STARTPIPELINE:
		end = pgb_sql_start_pipeline(u, c);
		break;
	case PGS_SYNCPIPELINE:
	case PGS_ENDPIPELINE:
		end = pgb_sql_sync_pipeline(u, c,
		    command->kind == PGS_ENDPIPELINE);
		break;
	}
	if (end == PGB_OK)
		c->pc++;
	return end;
}

static enum pgb_end check_end(struct swarm_user *u, struct pgb_client *c)
{
	PGconn *pq = c->session->conn->pq;

	if (c->in_pipeline)
		return pgb_client_broken(u, c,
		    "the script ends with its pipeline open");
	if (PQtransactionStatus(pq) == PQTRANS_INTRANS ||
	    PQtransactionStatus(pq) == PQTRANS_INERROR)
		return pgb_client_broken(u, c,
		    "the script ends with its transaction open");
	return PGB_OK;
}

static enum pgb_end try_once(struct swarm_user *u, struct pgb_client *c)
{
	const struct pgs_script *script = &pgb_program.scripts[c->script];
	enum pgb_end end = PGB_OK;

	c->pc = 0;
	c->in_pipeline = false;
	pgc_error_clear(&c->session->error);
	while (end == PGB_OK && c->pc < script->count)
		end = run_command(u, c, &script->commands[c->pc]);
	if (end == PGB_OK)
		end = check_end(u, c);
	if (end != PGB_OK && end != PGB_STOPPED)
		pgb_sql_clean(c);
	return end;
}

/* ---- transactions ---- */

static int choose(struct pgb_client *c)
{
	int64_t at;
	int i = 0;

	if (pgb_program.script_count == 1)
		return 0;
	at = pgs_random_range(&c->chooser, 0,
	    (int64_t)pgb_program.weight_sum - 1);
	while (at >= (int64_t)pgb_program.scripts[i].weight)
		at -= (int64_t)pgb_program.scripts[i++].weight;
	return i;
}

static bool may_retry(const struct swarm_timer *t,
    const struct pgc_error *err, unsigned tries)
{
	const struct pgb_options *o = &pgb_program.options;

	if (!pgc_error_retryable(err))
		return false;
	if (o->max_tries > 0 && tries >= o->max_tries)
		return false;
	if (o->latency_limit_ns > 0 &&
	    swarm_now() - t->start + t->lag > o->latency_limit_ns)
		return false;
	return !swarm_stopping(t->user);
}

/* With -r: which command it was. */
static void count_command(const struct pgb_client *c, const char *what)
{
	const struct pgs_script *script = &pgb_program.scripts[c->script];
	char name[256];

	if (!pgb_program.options.per_command || c->pc >= script->count)
		return;
	snprintf(name, sizeof(name), "%s %s %zu: %s", what, script->name,
	    c->pc + 1, script->commands[c->pc].title);
	swarm_count(swarm_counter(name), 1);
}

static enum pgb_end run_tries(struct swarm_user *u, struct pgb_client *c,
    const struct swarm_timer *t, unsigned *tries)
{
	struct pgs_random saved = c->random;
	enum pgb_end end;

	for (*tries = 1;; ++*tries) {
		end = try_once(u, c);
		if (end != PGB_FAILED || !pgc_conn_usable(c->session->conn) ||
		    !may_retry(t, &c->session->error, *tries))
			break;
		pgc_stat_error(&c->session->error);
		count_command(c, "pg_retries");
		c->random = saved;
	}
	if (end == PGB_FAILED)
		count_command(c, "pg_failures");
	if (*tries > 1) {
		swarm_count(pgb_program.retries, *tries - 1);
		swarm_count(pgb_program.retried, 1);
	}
	return end;
}

static void note_late(int64_t latency_ns)
{
	const struct pgb_options *o = &pgb_program.options;
	bool late = latency_ns > o->latency_limit_ns;

	if (o->latency_limit_ns == 0)
		return;
	swarm_record(pgb_program.late_share, late);
	swarm_count(pgb_program.late, late);
}

/* Why, and where in the script, unless the connection went. */
static void failure_reason(const struct pgb_client *c, char *out, size_t size)
{
	const struct pgs_script *script = &pgb_program.scripts[c->script];
	char place[128] = "";
	size_t n;

	if (pgc_conn_usable(c->session->conn) && c->pc < script->count)
		snprintf(place, sizeof(place), " (%.100s:%d)", script->name,
		    script->commands[c->pc].line);
	n = strlen(place);
	pgc_error_group(&c->session->error, out, size - n);
	memcpy(out + strlen(out), place, n + 1);
}

static void record(struct pgb_client *c, struct swarm_timer *t,
    enum pgb_end end, unsigned tries)
{
	struct pg *s = c->session;
	/* With a \sleep at its end, as in pgbench. */
	int64_t now = s->conn->arrived > c->clock ? s->conn->arrived :
	    c->clock;
	struct pgb_log_line line = { .client = c->index, .script = c->script,
		.number = c->done + 1, .lag_ns = t->lag, .retries = tries - 1 };

	/* A script without statements has its end now. */
	if (now <= t->start)
		now = swarm_now();
	line.latency_ns = now - t->start + t->lag;
	if (pgb_program.options.rate > 0)
		swarm_record(pgb_program.lag, (double)t->lag / 1e6);
	if (end == PGB_OK) {
		note_late(line.latency_ns);
		swarm_done_at(t, now, 0);
	} else {
		char reason[PGC_TEXT_MAX];

		failure_reason(c, reason, sizeof(reason));
		swarm_fail_at(t, now, "%s", reason);
		pgc_stat_error(&s->error);
		line.state = s->error.state;
	}
	pgb_log_write(&line);
}

/* With -R and -L: a transaction that is late before it begins is skipped. */
static bool skip(struct pgb_client *c, struct swarm_timer *t)
{
	if (pgb_program.options.rate == 0 ||
	    pgb_program.options.latency_limit_ns == 0 ||
	    t->lag <= pgb_program.options.latency_limit_ns)
		return false;
	swarm_count(pgb_program.skipped, 1);
	swarm_drop(t);
	pgb_log_write(&(struct pgb_log_line){ .client = c->index,
	    .script = c->script, .number = c->done + 1, .lag_ns = t->lag,
	    .state = "skipped" });
	return true;
}

static void count_done(struct swarm_user *u, struct pgb_client *c)
{
	const struct pgb_options *o = &pgb_program.options;

	static int finished;

	c->done++;
	if (o->transactions == 0 || c->done < o->transactions)
		return;
	swarm_stop_user(u);
	/* With several workers the run ends when the last one's users have
	 * been reported gone. */
	if (++finished == o->clients)
		swarm_stop_test(u, "all transactions are done");
}

void pgb_client_transaction(struct swarm_user *u)
{
	struct pgb_client *c = swarm_data(u);
	struct pg *s = c->session;
	bool connected = pgc_conn_usable(s->conn);
	struct swarm_timer t;
	enum pgb_end end;
	unsigned tries;

	if (!c->is_ready)
		return;
	c->script = choose(c);
	t = swarm_begin_at(u, pgb_program.script_series[c->script],
	    swarm_now());
	if (skip(c, &t)) {
		count_done(u, c);
		return;
	}
	/* A failure to connect is a sample of its own. */
	if (!connect_client(c)) {
		swarm_drop(&t);
		return;
	}
	if (!connected)
		t.start = swarm_now();
	c->clock = t.start;
	end = run_tries(u, c, &t, &tries);
	if (end == PGB_STOPPED || end == PGB_BROKEN)
		swarm_drop(&t);
	else
		record(c, &t, end, tries);
	pgc_session_end(s);
	if (pgb_program.options.connect_each)
		pgc_session_drop(s);
	count_done(u, c);
	if (end == PGB_FAILED && pgb_program.options.exit_on_abort)
		swarm_stop_test(u, "a transaction failed, and "
		    "--exit-on-abort was given");
	if (end == PGB_BROKEN)
		swarm_stop_user(u);
}
