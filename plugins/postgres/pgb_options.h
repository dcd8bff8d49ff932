/*
 * The command line of `swarm pgbench`: pgbench 15's own, so that commands in
 * people's notes and scripts go on working.
 */
#ifndef PGB_OPTIONS_H
#define PGB_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <swarm/postgres.h>

#define PGB_SCRIPTS_MAX 128
#define PGB_DEFINES_MAX 256

struct pgb_source {
	bool is_builtin;
	const char *name;               /* of the file or of the builtin */
	unsigned weight;
};

struct pgb_options {
	char *conninfo;                 /* from -h -p -U DBNAME; not "" */
	/* -i */
	bool init;
	const char *steps;
	int fillfactor;
	int scale;
	bool has_scale;                 /* -s was given */
	bool quiet;
	bool foreign_keys;
	bool unlogged;
	int partitions;
	const char *partition_method;   /* "range", "hash", or NULL */
	const char *tablespace;
	const char *index_tablespace;
	/* what to run */
	struct pgb_source sources[PGB_SCRIPTS_MAX];
	int source_count;
	bool has_builtin;               /* some of them, or none was named */
	const char *defines[PGB_DEFINES_MAX];   /* NAME=VALUE */
	int define_count;
	/* how */
	int clients;
	int jobs;
	int transactions;               /* of each client; 0: by time */
	int duration;                   /* seconds; 0: by count */
	bool connect_each;              /* -C */
	enum pg_mode mode;
	double rate;                    /* -R, a second; 0: none */
	int64_t latency_limit_ns;       /* -L; 0: none */
	unsigned max_tries;             /* 0: no limit */
	bool exit_on_abort;
	bool per_command;               /* -r: failures and retries, too */
	int progress;
	bool no_vacuum;
	bool vacuum_all;
	bool has_seed;
	int64_t seed;
	bool log;                       /* -l */
	const char *log_prefix;
	double sampling_rate;           /* 0: all */
	int aggregate_interval;         /* seconds; 0: none */
	double server_stats;            /* seconds between looks; 0: none */
	bool debug;
};

enum pgb_parsed { PGB_ERROR, PGB_RUN, PGB_INIT, PGB_DONE };

/* Reads argv (argv[0] is the command word).  PGB_ERROR after one message;
 * PGB_DONE when the question was answered (-b list, --show-script). */
enum pgb_parsed pgb_options_parse(struct pgb_options *, int argc,
    char **argv);
extern const char pgb_options_help[];

#endif
