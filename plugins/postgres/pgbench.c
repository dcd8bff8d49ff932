/*
 * The module `pgbench`: the command `swarm pgbench`, pgbench's scripts and
 * options on swarm's users and statistics.
 *
 * A module of its own beside `postgres`, from the same sources: it drives the
 * client below its public interface, where a transaction is one sample and
 * variables become parameters without a copy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#include <swarm/command.h>
#include <swarm/hooks.h>
#include <swarm/log.h>
#include <swarm/measure.h>
#include <swarm/stats.h>
#include <swarm/user.h>

#include "pgb_client.h"
#include "pgb_init.h"
#include "pgb_log.h"
#include "pgc_cancel.h"
#include "pgc_error.h"
#include "pgc_options.h"
#include "pgc_stat.h"
#include "pgo_server.h"

struct pgc_options pgc_options;

/* What the master found out, for the workers that it starts: they inherit the
 * environment, and must neither vacuum again nor choose another seed, and to
 * them its standard input and its pipes are closed.  "SCALE SEED PID", then
 * NUMBER:FD for each script that the master keeps. */
#define INHERITED "SWARM_PGBENCH"

static struct {
	bool is_worker;                 /* of such a master */
	int scale;
	int64_t seed;
	long master;
	int kept[PGB_SCRIPTS_MAX];      /* its descriptors; 0: none */
} inherited;

/* Not for the programs that scripts start, which may be another pgbench. */
static void inherit(void)
{
	char *at = getenv(INHERITED);
	long number;

	if (at == NULL)
		return;
	inherited.is_worker = true;
	inherited.scale = (int)strtol(at, &at, 10);
	inherited.seed = strtoll(at, &at, 10);
	inherited.master = strtol(at, &at, 10);
	while (*at == ' ') {
		number = strtol(at, &at, 10);
		if (number < 0 || number >= PGB_SCRIPTS_MAX || *at != ':')
			break;
		inherited.kept[number] = (int)strtol(at + 1, &at, 10);
	}
	unsetenv(INHERITED);
}

static int bequeath(void)
{
	const struct pgb_options *o = &pgb_program.options;
	char text[64 + PGB_SCRIPTS_MAX * 24];
	int n;
	int i;

	n = snprintf(text, sizeof(text), "%d %lld %d", o->scale,
	    (long long)o->seed, (int)getpid());
	for (i = 0; i < o->source_count; i++) {
		if (inherited.kept[i] > 0)
			n += snprintf(text + n, sizeof(text) - (size_t)n,
			    " %d:%d", i, inherited.kept[i]);
	}
	return setenv(INHERITED, text, 1);
}

/* ---- scripts ---- */

/* Whole, and one byte more than a script may have; NULL with errno. */
static char *read_all(FILE *file, size_t *len)
{
	char *text = NULL;
	size_t cap = 0;

	*len = 0;
	do {
		char *grown = realloc(text, cap += 65536);

		if (grown == NULL) {
			free(text);
			return NULL;
		}
		text = grown;
		*len += fread(text + *len, 1, cap - *len, file);
	} while (*len == cap && cap <= PGS_SCRIPT_MAX);
	if (!ferror(file))
		return text;
	free(text);
	return NULL;
}

/* What can be read once only, in memory that workers open by its name. */
static int keep(const char *text, size_t len)
{
	int fd = memfd_create("pgbench script", MFD_CLOEXEC);
	size_t done = 0;

	while (fd != -1 && done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n == -1) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	return fd;
}

static FILE *open_script(const char *path, int number)
{
	char kept[64];

	if (inherited.kept[number] > 0) {
		snprintf(kept, sizeof(kept), "/proc/%ld/fd/%d",
		    inherited.master, inherited.kept[number]);
		return fopen(kept, "re");
	}
	return strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
}

static char *read_script(const char *path, int number, size_t *len)
{
	FILE *file = open_script(path, number);
	char *text = NULL;
	struct stat st;
	int fd = 0;

	if (file != NULL)
		text = read_all(file, len);
	if (text != NULL && !inherited.is_worker &&
	    (fstat(fileno(file), &st) == -1 || !S_ISREG(st.st_mode) ||
	    file == stdin))
		inherited.kept[number] = fd = keep(text, *len);
	if (text == NULL || fd == -1) {
		swarm_error("cannot read the script %s: %m", path);
		free(text);
		text = NULL;
	}
	if (file != NULL && file != stdin)
		fclose(file);
	return text;
}

static int load_script(const struct pgb_source *source)
{
	struct pgb_program *p = &pgb_program;
	struct pgs_script *script = &p->scripts[p->script_count];
	struct pgs_error err;
	const char *name = source->name;
	const char *builtin = NULL;
	char *text = NULL;
	size_t len = 0;
	int rc;

	if (source->is_builtin) {
		builtin = pgs_script_builtin(source->name, &name, &err);
		if (builtin == NULL) {
			swarm_error("%s", err.text);
			return -1;
		}
		len = strlen(builtin);
	} else {
		text = read_script(source->name, p->script_count, &len);
		if (text == NULL)
			return -1;
	}
	rc = pgs_script_parse(script, &p->names, name,
	    builtin != NULL ? builtin : text, len, &err);
	free(text);
	if (rc == -1) {
		swarm_error("%s", err.text);
		return -1;
	}
	script->weight = source->weight;
	p->weight_sum += source->weight;
	p->first_command[p->script_count++] = p->command_count;
	p->command_count += script->count;
	if (script->stack_depth > p->stack_depth)
		p->stack_depth = script->stack_depth;
	return 0;
}

static int load_scripts(void)
{
	const struct pgb_options *o = &pgb_program.options;
	int i;

	for (i = 0; i < o->source_count; i++) {
		if (load_script(&o->sources[i]) == -1)
			return -1;
	}
	if (pgb_program.weight_sum > 0)
		return 0;
	swarm_error("the weights of all scripts are 0");
	return -1;
}

/* ---- before the run, in the master ---- */

static struct pgc_error why(const PGresult *r)
{
	struct pgc_error err;

	pgc_error_from_result(&err, r);
	return err;
}

/* As pgbench: the built-in scripts are for the tables that are there. */
static int ask_scale(PGconn *pq)
{
	struct pgb_options *o = &pgb_program.options;
	PGresult *r = PQexec(pq, "select count(*) from pgbench_branches");
	struct pgc_error err = why(r);
	int scale = 0;

	if (PQresultStatus(r) == PGRES_TUPLES_OK)
		scale = (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
	else if (strcmp(err.state, "42P01") == 0)
		swarm_error("%s: make the tables first, with swarm pgbench -i",
		    err.text);
	else
		swarm_error("cannot count pgbench_branches: %s %s", err.state,
		    err.text);
	if (PQresultStatus(r) == PGRES_TUPLES_OK && scale == 0)
		swarm_error("pgbench_branches is empty: fill the tables "
		    "first, with swarm pgbench -i");
	PQclear(r);
	if (scale == 0)
		return -1;
	if (o->has_scale && o->scale != scale)
		swarm_warn("-s %d is for scripts of one's own: "
		    "pgbench_branches says %d", o->scale, scale);
	o->scale = scale;
	return 0;
}

/* As in pgbench the tables need not be there. */
static void vacuum(PGconn *pq)
{
	static const char *const sql[] = { "vacuum pgbench_branches",
		"vacuum pgbench_tellers", "truncate pgbench_history",
		"vacuum analyze pgbench_accounts" };
	const struct pgb_options *o = &pgb_program.options;
	int count = o->vacuum_all ? 4 : 3;
	int i;

	if (o->no_vacuum)
		return;
	for (i = 0; i < count; i++) {
		PGresult *r = PQexec(pq, sql[i]);
		struct pgc_error err = why(r);

		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			swarm_warn("%s: %s %s; going on", sql[i], err.state,
			    err.text);
		PQclear(r);
	}
}

/* -n with scripts of one's own asks nothing, so needs no server yet. */
static int prepare_server(void)
{
	const struct pgb_options *o = &pgb_program.options;
	/* The given one has the last word on the first. */
	const char *const keywords[] = { "connect_timeout", "dbname", NULL };
	const char *const values[] = { "30", o->conninfo, NULL };
	PGconn *pq;
	int rc = 0;

	if (o->no_vacuum && !o->has_builtin)
		return 0;
	pq = PQconnectdbParams(keywords, values, 1);
	if (PQstatus(pq) != CONNECTION_OK) {
		swarm_error("%.*s%s", (int)strcspn(PQerrorMessage(pq), "\n"),
		    PQerrorMessage(pq), PQconnectionNeedsPassword(pq) ?
		    " (give it in PGPASSWORD or ~/.pgpass)" : "");
		rc = -1;
	}
	if (rc == 0 && o->has_builtin)
		rc = ask_scale(pq);
	if (rc == 0)
		vacuum(pq);
	PQfinish(pq);
	return rc;
}

static int64_t any_seed(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec) &
	    INT64_C(0x7fffffffffff);
}

static int inherit_or_prepare(void)
{
	struct pgb_options *o = &pgb_program.options;

	if (inherited.is_worker) {
		o->scale = inherited.scale;
		o->seed = inherited.seed;
		return 0;
	}
	if (prepare_server() == -1)
		return -1;
	if (!o->has_seed)
		o->seed = any_seed();
	return bequeath();
}

/* ---- the run ---- */

static int set_number(const char *name, double value)
{
	char text[40];

	snprintf(text, sizeof(text), "%.17g", value);
	return swarm_run_option(name, text);
}

static int set_run_options(void)
{
	const struct pgb_options *o = &pgb_program.options;
	int jobs = o->jobs < o->clients ? o->jobs : o->clients;

	if (set_number("users", o->clients) == -1 ||
	    set_number("spawn-rate", o->clients) == -1 ||
	    set_number("processes", jobs) == -1 ||
	    swarm_run_option("stop-timeout", "60s") == -1 ||
	    swarm_run_option("headless", "true") == -1)
		return -1;
	if (o->duration > 0 && set_number("run-time", o->duration) == -1)
		return -1;
	if (o->progress > 0 && set_number("progress", o->progress) == -1)
		return -1;
	if (o->debug && swarm_run_option("debug", "true") == -1)
		return -1;
	/* The open model is pgbench's throttle: arrivals wait for a client. */
	if (o->rate > 0 && (set_number("rate", o->rate) == -1 ||
	    swarm_run_option("poisson", "true") == -1))
		return -1;
	return 0;
}

static int add_class(void)
{
	static const struct swarm_task tasks[] = {
		{ .name = "transaction", .run = pgb_client_transaction },
		{ .name = NULL },
	};
	static const struct swarm_user_class class = {
		.name = "pgbench", .data_size = sizeof(struct pgb_client),
		.start = pgb_client_start, .stop = pgb_client_stop,
		.tasks = tasks,
	};

	return swarm_class_add(&class);
}

static enum swarm_command_result setup(int argc, char **argv)
{
	struct pgb_options *o = &pgb_program.options;

	switch (pgb_options_parse(o, argc, argv)) {
	case PGB_ERROR:
		return SWARM_COMMAND_ERROR;
	case PGB_DONE:
		return SWARM_COMMAND_DONE;
	case PGB_INIT:
		pgc_options.conninfo = o->conninfo;
		return SWARM_COMMAND_ONCE;
	case PGB_RUN:
		break;
	}
	pgc_options.conninfo = o->conninfo;
	inherit();
	if (load_scripts() == -1 || inherit_or_prepare() == -1 ||
	    set_run_options() == -1 || add_class() == -1)
		return SWARM_COMMAND_ERROR;
	pgb_program.scale = o->scale;
	pgo_server_watch(o->conninfo, o->server_stats);
	return SWARM_COMMAND_RUN;
}

/* ---- the module ---- */

static const char *mode_type(void)
{
	return pgc_query_type(pgb_program.options.mode);
}

static int draw_seeds(void)
{
	struct pgb_program *p = &pgb_program;
	struct pgs_random base;
	int i;

	p->seeds = calloc((size_t)p->options.clients + 1, sizeof(*p->seeds));
	if (p->seeds == NULL)
		return -1;
	pgs_random_seed(&base, (uint64_t)p->options.seed);
	for (i = 0; i <= p->options.clients; i++)
		p->seeds[i] = pgs_random_next(&base);
	return 0;
}

static int make_series(void)
{
	struct pgb_program *p = &pgb_program;
	char name[256];
	int i;
	size_t k;

	p->command_series = calloc(p->command_count + 1,
	    sizeof(*p->command_series));
	p->stmt_names = calloc(p->command_count + 1,
	    sizeof(*p->stmt_names));
	if (p->command_series == NULL || p->stmt_names == NULL)
		return -1;
	for (k = 0; k < p->command_count; k++)
		snprintf(p->stmt_names[k], sizeof(p->stmt_names[k]), "P_%zu",
		    k);
	for (i = 0; i < p->script_count; i++) {
		const struct pgs_script *script = &p->scripts[i];

		p->script_series[i] = swarm_series("SQL tx", script->name);
		for (k = 0; k < script->count; k++) {
			if (script->commands[k].kind != PGS_SQL)
				continue;
			snprintf(name, sizeof(name), "%s%s%zu: %s",
			    p->script_count > 1 ? script->name : "",
			    p->script_count > 1 ? " " : "", k + 1,
			    script->commands[k].title);
			p->command_series[p->first_command[i] + k] =
			    swarm_series(mode_type(), name);
		}
	}
	if (p->options.rate > 0)
		p->lag = swarm_metric(SWARM_DISTRIBUTION, "pg_schedule_lag",
		    "ms");
	if (p->options.latency_limit_ns > 0)
		p->late_share = swarm_metric(SWARM_RATE, "pg_late_share",
		    NULL);
	p->late = swarm_counter("pg_late");
	p->skipped = swarm_counter("pg_skipped");
	p->retries = swarm_counter("pg_retries");
	p->retried = swarm_counter("pg_retried");
	return 0;
}

static int load(void)
{
	pgc_options = (struct pgc_options){ .conninfo = "",
		.connect_timeout = 30, .retry_delay = 0.1, .grace = 5,
		.max_result = INT64_C(256) << 20 };
	pgc_options.slot = swarm_slot_new(sizeof(struct pgc_user),
	    pgc_session_destroy);
	return 0;
}

static int worker_start(void)
{
	pgc_stat_init();
	pgc_cancel_init();
	if (pgb_program.options.init)
		return 0;
	if (draw_seeds() == -1 || make_series() == -1) {
		swarm_error("out of memory");
		return -1;
	}
	return pgb_log_open();
}

static void worker_stop(void)
{
	free(pgb_program.seeds);
	free(pgb_program.command_series);
	free(pgb_program.stmt_names);
	pgb_program.seeds = NULL;
	pgb_program.command_series = NULL;
	pgb_program.stmt_names = NULL;
	pgb_log_close();
	pgc_cancel_release();
	pgc_pool_release();
	pgc_target_release();
}

static const struct swarm_command command = {
	SWARM_IFACE(struct swarm_command, 0),
	.name = "pgbench",
	.summary = "pgbench's scripts and options, with percentiles",
	.help = pgb_options_help,
	.setup = setup,
	.once = pgb_init_run,
};

SWARM_MODULE(
	.name = "pgbench",
	.version = "1.0",
	.summary = "swarm pgbench: pgbench's scripts and options",
	.exports = SWARM_EXPORTS({ SWARM_COMMAND_ID, &command.head },
	    { SWARM_HOOKS_ID, &pgo_server_hooks.head }),
	.load = load,
	.worker_start = worker_start,
	.worker_stop = worker_stop,
);
