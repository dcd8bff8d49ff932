/*
 * The command line of `swarm NAME ...`: what the plugins with a command need
 * beside getopt_long().  All say what is wrong by swarm_error() and return -1;
 * `option` is how they call it: "--count".
 */
#ifndef PLUGIN_CMDLINE_H
#define PLUGIN_CMDLINE_H

struct option;

/* "--name" of the first long option with this value; good until the next
 * call. */
const char *cmdline_option(const struct option *longs, int value);

/* Decimal, also as 1e6. */
int cmdline_number(const char *option, const char *text, double min,
    double max, double *to);
/* The same without a fraction; exact up to 2^53. */
int cmdline_whole(const char *option, const char *text, long min, long max,
    long *to);
/* "1.5", "200ms", "2m": seconds, less than 1e7 of them. */
int cmdline_duration(const char *option, const char *text, double *to);
/* Which of `names` (a NULL at their end) it is. */
int cmdline_choice(const char *option, const char *text,
    const char *const *names);

/* Cuts "Name: value" in two: the value, or NULL where there is no name or no
 * colon (and nothing is said). */
char *cmdline_cut(char *text);

/* For getopt_long()'s '?' and ':' (opterr is 0, and a ':' leads the letters):
 * says it, returns -1.  `command` as "swarm http". */
int cmdline_refuse(const char *command, int opt, char **argv);

/* As -o PLUGIN.NAME=VALUE; nothing to do for NULL. */
int cmdline_set(const char *plugin, const char *name, const char *value);

/* The run's own options, as on swarm's command line; NULL: not said. */
struct cmdline_run {
	const char *users;
	const char *spawn_rate;
	const char *run_time;
	const char *host;
	const char *rate;
};
/* For setup(): a run without a page. */
int cmdline_run(const struct cmdline_run *);

#endif
