/*
 * Reading the command line by getopt_long(), as pgbench does.
 */
#include "pgb_options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <swarm/log.h>

#include "cmdline.h"
#include "pgs_script.h"

#define STEPS_ALL "dtgGvpf"

enum { OPT_FOREIGN = 256, OPT_UNLOGGED, OPT_TABLESPACE, OPT_INDEX_TABLESPACE,
	OPT_PARTITIONS, OPT_PARTITION_METHOD, OPT_LOG_PREFIX, OPT_SAMPLING,
	OPT_AGGREGATE, OPT_SEED, OPT_SHOW, OPT_MAX_TRIES, OPT_SERVER_STATS,
	OPT_EXIT, OPT_IGNORED };

static const struct option longs[] = {
	{ "aggregate-interval", required_argument, NULL, OPT_AGGREGATE },
	{ "builtin", required_argument, NULL, 'b' },
	{ "client", required_argument, NULL, 'c' },
	{ "connect", no_argument, NULL, 'C' },
	{ "debug", no_argument, NULL, 'd' },
	{ "continue-on-error", no_argument, NULL, OPT_IGNORED },
	{ "define", required_argument, NULL, 'D' },
	{ "exit-on-abort", no_argument, NULL, OPT_EXIT },
	{ "failures-detailed", no_argument, NULL, OPT_IGNORED },
	{ "file", required_argument, NULL, 'f' },
	{ "fillfactor", required_argument, NULL, 'F' },
	{ "foreign-keys", no_argument, NULL, OPT_FOREIGN },
	{ "host", required_argument, NULL, 'h' },
	{ "index-tablespace", required_argument, NULL, OPT_INDEX_TABLESPACE },
	{ "init-steps", required_argument, NULL, 'I' },
	{ "initialize", no_argument, NULL, 'i' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "latency-limit", required_argument, NULL, 'L' },
	{ "log", no_argument, NULL, 'l' },
	{ "log-prefix", required_argument, NULL, OPT_LOG_PREFIX },
	{ "max-tries", required_argument, NULL, OPT_MAX_TRIES },
	{ "no-vacuum", no_argument, NULL, 'n' },
	{ "partition-method", required_argument, NULL, OPT_PARTITION_METHOD },
	{ "partitions", required_argument, NULL, OPT_PARTITIONS },
	{ "port", required_argument, NULL, 'p' },
	{ "progress", required_argument, NULL, 'P' },
	{ "progress-timestamp", no_argument, NULL, OPT_IGNORED },
	{ "protocol", required_argument, NULL, 'M' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "random-seed", required_argument, NULL, OPT_SEED },
	{ "rate", required_argument, NULL, 'R' },
	{ "report-latencies", no_argument, NULL, 'r' },
	{ "report-per-command", no_argument, NULL, 'r' },
	{ "sampling-rate", required_argument, NULL, OPT_SAMPLING },
	{ "scale", required_argument, NULL, 's' },
	{ "select-only", no_argument, NULL, 'S' },
	{ "server-stats", optional_argument, NULL, OPT_SERVER_STATS },
	{ "show-script", required_argument, NULL, OPT_SHOW },
	{ "skip-some-updates", no_argument, NULL, 'N' },
	{ "tablespace", required_argument, NULL, OPT_TABLESPACE },
	{ "time", required_argument, NULL, 'T' },
	{ "transactions", required_argument, NULL, 't' },
	{ "unlogged-tables", no_argument, NULL, OPT_UNLOGGED },
	{ "username", required_argument, NULL, 'U' },
	{ "vacuum-all", no_argument, NULL, 'v' },
	{ "verbose-errors", no_argument, NULL, OPT_IGNORED },
	{ NULL, 0, NULL, 0 },
};

/* What only makes sense together, kept while reading. */
struct reading {
	struct pgb_options *o;
	const char *host;
	const char *port;
	const char *user;
	bool init_only;                 /* an option of -i was given */
	bool run_only;                  /* an option of runs was given */
	bool has_transactions;
	bool done;
};

static int parse_int(const char *option, const char *text, int min, int max,
    int *out)
{
	long n;

	if (cmdline_whole(option, text, min, max, &n) == -1)
		return -1;
	*out = (int)n;
	return 0;
}

static int parse_positive(const char *name, const char *text, double max,
    double *out)
{
	char *end;
	double d = strtod(text, &end);

	if (end == text || *end != '\0' || !(d > 0) || d > max) {
		swarm_error("%s: \"%s\" is no number above 0 (at most %g)",
		    name, text, max);
		return -1;
	}
	*out = d;
	return 0;
}

static int parse_mode(const char *text, enum pg_mode *out)
{
	static const char *const names[] = { "simple", "extended", "prepared",
		NULL };
	static const enum pg_mode modes[] = { PG_SIMPLE, PG_EXTENDED,
		PG_PREPARED };
	int i = cmdline_choice("-M", text, names);

	if (i == -1)
		return -1;
	*out = modes[i];
	return 0;
}

/* Standard input ends once. */
static bool is_input_again(const struct pgb_options *o, const char *name)
{
	int i;

	if (strcmp(name, "-") != 0)
		return false;
	for (i = 0; i < o->source_count; i++) {
		if (!o->sources[i].is_builtin &&
		    strcmp(o->sources[i].name, "-") == 0)
			return true;
	}
	return false;
}

/* NAME[@WEIGHT]; the text is argv's and is cut. */
static int add_source(struct pgb_options *o, bool is_builtin, char *text)
{
	char *at = strrchr(text, '@');
	int weight = 1;

	if (o->source_count == PGB_SCRIPTS_MAX) {
		swarm_error("at most %d scripts", PGB_SCRIPTS_MAX);
		return -1;
	}
	if (at != NULL) {
		if (parse_int("weight of a script", at + 1, 0, INT_MAX,
		    &weight) == -1)
			return -1;
		*at = '\0';
	}
	if (!is_builtin && is_input_again(o, text)) {
		swarm_error("-f -: standard input can be one script only");
		return -1;
	}
	o->has_builtin = o->has_builtin || is_builtin;
	o->sources[o->source_count++] = (struct pgb_source){
		.is_builtin = is_builtin, .name = text,
		.weight = (unsigned)weight };
	return 0;
}

static int parse_seed(struct pgb_options *o, const char *text)
{
	char *end;

	if (strcmp(text, "time") == 0 || strcmp(text, "rand") == 0)
		return 0;
	errno = 0;
	o->seed = (int64_t)strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0') {
		swarm_error("--random-seed=%s: use time, rand or a number",
		    text);
		return -1;
	}
	o->has_seed = true;
	return 0;
}

static int show(const char *name)
{
	struct pgs_error err;
	const char *full;
	const char *text = pgs_script_builtin(name, &full, &err);

	if (text == NULL) {
		swarm_error("%s", err.text);
		return -1;
	}
	printf("-- %s\n%s\n", full, text);
	return 0;
}

static int take_builtin(struct reading *r, char *text)
{
	if (strcmp(text, "list") != 0)
		return add_source(r->o, true, text);
	printf("Available builtin scripts:\n"
	    "      tpcb-like: <builtin: TPC-B (sort of)>\n"
	    "  simple-update: <builtin: simple update>\n"
	    "    select-only: <builtin: select only>\n");
	r->done = true;
	return 0;
}

static int take_define(struct reading *r, const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text || equals[1] == '\0' ||
	    pgs_names_span(text) != (size_t)(equals - text)) {
		swarm_error("-D %s: write NAME=VALUE, the name of letters, "
		    "digits and underscores", text);
		return -1;
	}
	if (r->o->define_count == PGB_DEFINES_MAX) {
		swarm_error("at most %d variables by -D", PGB_DEFINES_MAX);
		return -1;
	}
	r->o->defines[r->o->define_count++] = text;
	return 0;
}

/* Options for connections and for both kinds of work: 1 when it was none. */
static int take_common(struct reading *r, int c, char *arg)
{
	switch (c) {
	case 'h':
		r->host = arg;
		return 0;
	case 'p':
		r->port = arg;
		return 0;
	case 'U':
		r->user = arg;
		return 0;
	case 'd':
		r->o->debug = true;
		return 0;
	case 'n':
		r->o->no_vacuum = true;
		return 0;
	case 's':
		r->o->has_scale = true;
		return parse_int("-s", arg, 1, INT_MAX, &r->o->scale);
	case 'i':
		r->o->init = true;
		return 0;
	default:
		return 1;
	}
}

static int take_init(struct reading *r, int c, char *arg)
{
	struct pgb_options *o = r->o;

	switch (c) {
	case 'I':
		if (*arg == '\0' || arg[strspn(arg, STEPS_ALL " ")] != '\0') {
			swarm_error("-I %s: the steps are " STEPS_ALL, arg);
			return -1;
		}
		o->steps = arg;
		break;
	case 'F':
		if (parse_int("-F", arg, 10, 100, &o->fillfactor) == -1)
			return -1;
		break;
	case 'q':
		o->quiet = true;
		break;
	case OPT_FOREIGN:
		o->foreign_keys = true;
		break;
	case OPT_UNLOGGED:
		o->unlogged = true;
		break;
	case OPT_TABLESPACE:
		o->tablespace = arg;
		break;
	case OPT_INDEX_TABLESPACE:
		o->index_tablespace = arg;
		break;
	case OPT_PARTITIONS:
		if (parse_int("--partitions", arg, 0, 100000,
		    &o->partitions) == -1)
			return -1;
		break;
	case OPT_PARTITION_METHOD:
		if (strcasecmp(arg, "range") != 0 &&
		    strcasecmp(arg, "hash") != 0) {
			swarm_error("--partition-method=%s: use range or hash",
			    arg);
			return -1;
		}
		o->partition_method = strcasecmp(arg, "hash") == 0 ? "hash" :
		    "range";
		break;
	default:
		return 1;
	}
	r->init_only = true;
	return 0;
}

static int take_scripts(struct reading *r, int c, char *arg)
{
	static char simple_update[] = "simple-update";
	static char select_only[] = "select-only";

	switch (c) {
	case 'b':
		return take_builtin(r, arg);
	case 'f':
		return add_source(r->o, false, arg);
	case 'N':
		return add_source(r->o, true, simple_update);
	case 'S':
		return add_source(r->o, true, select_only);
	case 'D':
		return take_define(r, arg);
	case OPT_SHOW:
		r->done = true;
		return show(arg);
	default:
		return 1;
	}
}

static int take_logging(struct reading *r, int c, char *arg)
{
	switch (c) {
	case 'l':
		r->o->log = true;
		return 0;
	case OPT_LOG_PREFIX:
		r->o->log_prefix = arg;
		return 0;
	case OPT_SAMPLING:
		return parse_positive("--sampling-rate", arg, 1.0,
		    &r->o->sampling_rate);
	case OPT_EXIT:
		r->o->exit_on_abort = true;
		return 0;
	case OPT_SERVER_STATS:
		r->o->server_stats = 1;
		return arg == NULL ? 0 : parse_positive("--server-stats", arg,
		    86400, &r->o->server_stats);
	case OPT_AGGREGATE:
		return parse_int("--aggregate-interval", arg, 1, INT_MAX,
		    &r->o->aggregate_interval);
	default:
		return 1;
	}
}

static int take_run(struct reading *r, int c, char *arg)
{
	struct pgb_options *o = r->o;
	double limit;
	int n;

	switch (c) {
	case 'c':
		return parse_int("-c", arg, 1, 1000000, &o->clients);
	case 'j':
		return parse_int("-j", arg, 1, 1024, &o->jobs);
	case 't':
		r->has_transactions = true;
		return parse_int("-t", arg, 1, INT_MAX, &o->transactions);
	case 'T':
		return parse_int("-T", arg, 1, INT_MAX, &o->duration);
	case 'P':
		return parse_int("-P", arg, 1, INT_MAX, &o->progress);
	case 'C':
		o->connect_each = true;
		return 0;
	case 'v':
		o->vacuum_all = true;
		return 0;
	case 'M':
		return parse_mode(arg, &o->mode);
	case 'R':
		return parse_positive("-R", arg, 1e9, &o->rate);
	case 'L':
		if (parse_positive("-L", arg, 1e9, &limit) == -1)
			return -1;
		o->latency_limit_ns = (int64_t)(limit * 1e6);
		return 0;
	case OPT_MAX_TRIES:
		if (parse_int("--max-tries", arg, 0, INT_MAX, &n) == -1)
			return -1;
		o->max_tries = (unsigned)n;
		return 0;
	case OPT_SEED:
		return parse_seed(o, arg);
	case 'r':
		o->per_command = true;
		return 0;
	case OPT_IGNORED:
		return 0;
	default:
		return 1;
	}
}

/* As the others, for all options. */
static int take(struct reading *r, int c, char *arg)
{
	int rc = take_common(r, c, arg);

	if (rc != 1)
		return rc;
	rc = take_init(r, c, arg);
	if (rc != 1)
		return rc;
	rc = take_scripts(r, c, arg);
	if (rc == 1)
		rc = take_run(r, c, arg);
	if (rc == 1)
		rc = take_logging(r, c, arg);
	r->run_only = true;
	return rc;
}

/* ---- the whole ---- */

static void add_word(FILE *out, const char *keyword, const char *value)
{
	if (value == NULL)
		return;
	fprintf(out, " %s='", keyword);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			fputc('\\', out);
		fputc(*value, out);
	}
	fputc('\'', out);
}

static int join_words(const struct reading *r, const char *dbname)
{
	size_t size;
	FILE *out = open_memstream(&r->o->conninfo, &size);

	if (out == NULL)
		return -1;
	/* Never empty: that would stand for --host. */
	fputs("fallback_application_name=swarm", out);
	add_word(out, "host", r->host);
	add_word(out, "port", r->port);
	add_word(out, "user", r->user);
	add_word(out, "dbname", dbname);
	return fclose(out) == EOF ? -1 : 0;
}

static int make_conninfo(const struct reading *r, const char *dbname)
{
	/* A DBNAME that is a connection string stands alone. */
	if (dbname == NULL || (strchr(dbname, '=') == NULL &&
	    strstr(dbname, "://") == NULL)) {
		if (join_words(r, dbname) == 0)
			return 0;
		swarm_error("out of memory");
		return -1;
	}
	if (r->host != NULL || r->port != NULL || r->user != NULL) {
		swarm_error("give -h, -p and -U, or a connection string, not "
		    "both");
		return -1;
	}
	r->o->conninfo = strdup(dbname);
	return r->o->conninfo != NULL ? 0 : -1;
}

static int check_init(const struct pgb_options *o, const struct reading *r)
{
	if (r->run_only) {
		swarm_error("with -i only options of initialization");
		return -1;
	}
	if (o->partition_method != NULL && o->partitions == 0) {
		swarm_error("--partition-method needs --partitions");
		return -1;
	}
	return 0;
}

static int check_run(const struct pgb_options *o, const struct reading *r)
{
	const char *wrong = NULL;

	if (r->init_only)
		wrong = "options of initialization need -i";
	else if (r->has_transactions && o->duration > 0)
		wrong = "give -t or -T, not both";
	else if (o->max_tries == 0 && o->latency_limit_ns == 0 &&
	    o->duration == 0)
		wrong = "--max-tries=0 needs -L or -T";
	else if (!o->log && (o->log_prefix != NULL || o->sampling_rate > 0 ||
	    o->aggregate_interval > 0))
		wrong = "--log-prefix, --sampling-rate and "
		    "--aggregate-interval need -l";
	else if (o->sampling_rate > 0 && o->aggregate_interval > 0)
		wrong = "--sampling-rate and --aggregate-interval exclude each "
		    "other";
	if (wrong == NULL)
		return 0;
	swarm_error("%s", wrong);
	return -1;
}

static void set_defaults(struct pgb_options *o)
{
	*o = (struct pgb_options){ .steps = "dtgvp", .fillfactor = 100,
		.scale = 1, .clients = 1, .jobs = 1, .mode = PG_SIMPLE,
		.max_tries = 1 };
}

enum pgb_parsed pgb_options_parse(struct pgb_options *o, int argc,
    char **argv)
{
	static char tpcb_like[] = "tpcb-like";
	struct reading r = { .o = o };
	int c;

	set_defaults(o);
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv,
	    ":b:c:CdD:f:F:h:iI:j:lL:M:nNp:P:qrR:s:St:T:U:v", longs, NULL)) !=
	    -1) {
		int rc = take(&r, c, optarg);

		if (rc == 1)
			cmdline_refuse("swarm pgbench", c, argv);
		if (rc != 0)
			return PGB_ERROR;
		if (r.done)
			return PGB_DONE;
	}
	if (argc - optind > 1) {
		swarm_error("one database at most; \"%s\" is too much",
		    argv[optind + 1]);
		return PGB_ERROR;
	}
	if (make_conninfo(&r, argv[optind]) == -1)
		return PGB_ERROR;
	if (o->init)
		return check_init(o, &r) == 0 ? PGB_INIT : PGB_ERROR;
	if (o->transactions == 0 && o->duration == 0)
		o->transactions = 10;
	if (check_run(o, &r) == -1)
		return PGB_ERROR;
	if (o->source_count == 0 && add_source(o, true, tpcb_like) == -1)
		return PGB_ERROR;
	return PGB_RUN;
}
