/*
 * The options of the program: one table feeds the command line, the
 * environment, the configuration file, --help, completion and the checks of
 * the manual page.
 *
 * Precedence, lowest first: defaults, what a command sets, configuration
 * files (~/.swarm.conf, ./swarm.conf, ./swarm.toml, --config), environment,
 * command line.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct option_list {
	char **items;                   /* NULL-ended */
	size_t count;
};

struct options {
	struct option_list scenarios;   /* -f */
	struct option_list plugins;     /* --plugin */
	struct option_list settings;    /* -o MODULE.NAME=VALUE */
	struct option_list classes;     /* positional */
	struct option_list tags;
	struct option_list exclude_tags;
	struct option_list config_users;
	struct option_list split_by;    /* keys of samples' tags */
	char *config;
	char *host;
	int64_t users;
	double spawn_rate;
	double run_time;
	char *shape;
	struct option_list executors;
	char *rate;
	bool poisson;
	char *when_busy;
	char *catch_up;
	int64_t iterations;
	int64_t user_iterations;
	int64_t queue;
	char *replay;                   /* file; NULL: no replay */
	char *format;
	char *user_key;
	char *methods;
	char *from;
	char *to;
	double speed;
	int64_t limit;
	int64_t passes;
	double sort_window;
	double max_gap;
	bool overlap;
	char *hold;
	bool capacity;                  /* by the command's word */
	struct option_list slos;
	bool by_users;
	bool fine;
	double within;                  /* per cent; 0: not said */
	double search_from;
	double search_to;
	double probe_time;
	double confirm_time;
	double search_time;
	double stop_timeout;
	int64_t processes;              /* -1: as many as cores */
	int64_t seed;
	bool headless;
	bool headful;
	bool equal_weights;
	bool reset_stats;
	bool enable_rebalancing;
	bool autostart;
	double autoquit;

	bool master;
	bool worker;
	bool relay;
	char *master_host;
	int64_t master_port;
	char *master_bind_host;
	int64_t master_bind_port;
	int64_t expect_workers;
	double expect_workers_max_wait;
	char *keys;                     /* file; NULL: not encrypted */
	char *relay_keys;
	bool plaintext;
	bool send_modules;
	bool accept_modules;
	char *local_worker;             /* internal: the endpoint to join */

	char *web_host;
	int64_t web_port;
	char *web_base_path;
	char *web_login;
	struct option_list web_host_names;
	char *tls_cert;
	char *tls_key;

	char *csv;
	bool csv_full_history;
	char *json_file;
	bool json;
	char *html;
	char *report_md;
	char *junit;
	char *hdr_log;
	char *ndjson;
	char *prometheus;
	struct option_list outs;
	char *request_log;
	char *flight_recorder;
	double flight_before;
	double flight_after;
	char *baseline;
	char *save_baseline;
	struct option_list fail_if;
	struct option_list stop_if;
	char *warm_up;
	struct option_list watch;
	struct option_list watch_metrics;
	bool print_stats;
	bool only_summary;
	char *summary;
	double progress;
	bool plain;
	char *color;
	int64_t exit_code_on_error;

	char *loglevel;
	char *logfile;
	bool debug;
	bool list;
	char *dump;
	bool show_task_ratio;
	bool show_task_ratio_json;
	bool version;
	bool help;
};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_INTEGER, OPTION_NUMBER,
	OPTION_TIME, OPTION_LIST };

struct option {
	const char *name;               /* without dashes */
	char letter;                    /* 0: none */
	const char *env;                /* NULL: none */
	const char *group;              /* heading in --help; NULL: hidden */
	const char *value;              /* what the value is called */
	const char *help;
	size_t offset;                  /* into struct options */
	enum option_kind kind;
	double min;
	double max;
	const char *deflt;              /* text; NULL: zero */
};

/* The table, ending with name == NULL. */
const struct option *options_table(void);

/*
 * Reads configuration, environment and arguments into *o.  0, or -1 after one
 * clear log_error().  Positional arguments land in o->classes.
 */
int options_parse(struct options *o, int argc, char **argv);
/* A command's own default: as if --name=value were in the lowest
 * configuration file. */
int options_default(struct options *o, const char *name, const char *value);
/* Whether a person set it, in whatever place, a command's own options among
 * them. */
bool options_given(const char *name);
/* Names of the options of a group that a person set, and their values, in
 * turn, NULL-ended; free() each and the array. */
char **options_of_group(const struct options *, const char *group);
void options_release(struct options *o);

/* --help; `all` shows internal options too. */
void options_print_help(FILE *out, bool all);

#endif
