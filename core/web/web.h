/*
 * The web page and the REST interface of a master.
 *
 * Two threads.  The master's loop calls everything here; once a second it
 * hands over an immutable snapshot and otherwise only carries out commands.
 * The web thread answers every request from the newest snapshot and never
 * touches the run: a slow or hostile browser costs the run nothing.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/run.h"

struct buf;
struct stats;

/* One worker, as the page shows it.  Strings are copied. */
struct web_worker {
	const char *id;
	const char *state;              /* Locust's words; "missing" */
	bool drained;                   /* gets no users, by choice */
	const char *version;
	bool local;
	int64_t users;
	double cpu;                     /* % of a core */
	int64_t memory;                 /* bytes */
	double loop_busy;               /* 0..1; -1 unknown */
	double clock_offset_ms;         /* the master's minus its own */
	double clock_error_ms;          /* of that; -1: not known */
	double loop_delay_ms;
	double delay_p99_ms;            /* of the loop's last second; -1 */
	int64_t descriptors;            /* -1 unknown */
	int64_t descriptors_max;
	int64_t ports;                  /* TCP sockets of its machine; -1 */
	int64_t ports_max;
	uint64_t dropped;               /* arrivals */
	double resent;                  /* share of TCP segments; -1 */
	double age;                     /* seconds since it was heard of */
};

/* A criterion of the run (--fail-if, --stop-if).  Strings are copied. */
struct web_criterion {
	const char *text;
	const char *action;             /* "warn", "fail", "stop" */
	const char *value;              /* as judged last; "" unknown */
	bool broken;
	double first_s;                 /* seconds into the test it broke */
};

/* A figure of a watched machine, TARGET.FIGURE.  Strings are copied. */
struct web_figure {
	const char *name;
	const char *unit;
	double value;                   /* of the last second; NAN */
};

/* What is held at a set point (--hold), in the last second.  Strings are
 * copied. */
struct web_hold {
	const char *text;               /* "p99=200ms"; NULL: nothing is */
	const char *unit;               /* of the figures: "ms", "%", "" */
	const char *executor;           /* whose load; NULL: the only one */
	const char *phase;              /* run/hold.h */
	double set_point;
	double value;                   /* NAN: not measured */
	double load;                    /* wanted now */
	double least;
	double most;                    /* INFINITY: no bound */
	double limit;                   /* of the generator; NAN: not met */
	bool users;                     /* the load is a number of users */
};

/* A search for capacity, as far as it is. */
struct web_search {
	const char *stage;              /* constant; NULL: there is none */
	double load;                    /* tried now */
	double seconds;                 /* of that */
	size_t probes;                  /* that are over */
	double good;                    /* NAN: none yet */
	double bad;
	bool users;
};

/* Filled in once a second; what it points to lives until the call after. */
struct web_state {
	struct run_status run;
	const struct web_worker *workers;
	size_t worker_count;
	/* Running users, parallel to web_options.classes. */
	const int64_t *class_users;
	/* The classes and settings as they are now, when they can change;
	 * these live until web_stop().  `setup` is another number then. */
	const struct web_class *classes;
	const struct web_setting *settings;
	unsigned setup;
	const struct web_criterion *criteria;
	size_t criterion_count;
	const struct web_figure *figures;
	size_t figure_count;
	/* Who limits the run, in a word, and why; copied, NULL: not known. */
	const char *limited_by;
	const char *limit_reason;
	struct web_hold hold;
	struct web_search search;
};

struct web_task {
	const char *name;
	unsigned weight;
	bool off;                       /* left out by choice */
	const struct web_task *tasks;   /* of a nested set, or NULL */
	size_t task_count;
};

struct web_class {
	const char *name;
	double weight;
	unsigned fixed_count;
	const char *host;               /* NULL: none of its own */
	const struct web_task *tasks;
	size_t task_count;
	bool disabled;                  /* gets no users, by choice */
};

/* A typed option of a module, for the start form. */
struct web_setting {
	const char *module;
	const char *name;
	const char *type;               /* "bool", "int", "string", ... */
	const char *value;
	const char *help;
	const char *choices;            /* "a|b|c", or NULL: any */
	bool secret;                    /* `value` is not its value */
	const char *fixed;              /* why it cannot be changed, or NULL */
};

struct web_pair {
	const char *name;
	const char *value;
};

struct web_module {
	const char *name;
	const char *version;            /* NULL: none given */
	const char *path;
	const char *summary;
};

/* The load of a start; -1, or NULL, keeps what is set. */
struct web_load {
	int64_t users;
	double spawn_rate;
	double run_time;                /* seconds; 0: until stopped */
	const char *host;
	const char *executor;           /* whose; NULL: the only one */
	double rate;                    /* arrivals a second; 0 keeps */
	bool manual;                    /* from now on instead of a shape */
	/* Of the next test; NULL-ended, or NULL: as they are. */
	const char *const *classes;     /* those that get users; none: all */
	const struct web_pair *settings;        /* "module.name" and value */
};

enum web_worker_act { WEB_WORKER_DRAIN, WEB_WORKER_REFILL,
	WEB_WORKER_REMOVE };

/*
 * What the page may ask for, on the loop.  Each returns 0, or -1 with one
 * sentence for the person who asked, or WEB_BAD_VALUE with "FIELD: sentence"
 * for what was filled in wrongly.
 */
#define WEB_BAD_VALUE (-2)

struct web_actions {
	int (*start)(const struct web_load *, char *error, size_t size,
	    void *arg);
	/* users and spawn_rate of a running test. */
	int (*edit)(const struct web_load *, char *error, size_t size,
	    void *arg);
	int (*stop)(char *error, size_t size, void *arg);
	/* A test that is stopping waits no longer.  NULL: it can't. */
	int (*stop_now)(char *error, size_t size, void *arg);
	/* Pauses, or goes on.  NULL: it can't. */
	int (*pause)(bool on, char *error, size_t size, void *arg);
	/* Adds what the next test would be, as JSON, with another load.
	 * NULL: it can't. */
	int (*plan)(const struct web_load *, struct buf *json, char *error,
	    size_t size, void *arg);
	/* Changes a class by an object as --config-users has it.  NULL: it
	 * can't. */
	int (*change_user)(const char *json, char *error, size_t size,
	    void *arg);
	int (*worker)(const char *id, enum web_worker_act, char *error,
	    size_t size, void *arg);
	/* Adds the HTML report of the test as it stands; 0 or -1.  NULL:
	 * there is none. */
	int (*report)(struct buf *out, void *arg);
	/* One user of the one class of `load` runs each task; `done` follows
	 * with what came of it, as JSON.  NULL: it can't. */
	int (*try_once)(const struct web_load *load,
	    void (*done)(struct buf *json), char *error, size_t size,
	    void *arg);
	/* A note of a person; it stands in the event lane already.  NULL:
	 * nobody else keeps it. */
	void (*note)(const char *text, void *arg);
	/* Adds the totals as Prometheus' text; 0 or -1.  NULL: none. */
	int (*metrics)(struct buf *out, void *arg);
	/* Adds the figures' past as JSON, as the results have it; 0 or -1.
	 * NULL: there are none. */
	int (*resources)(struct buf *json, void *arg);
	/* Adds what was held, or searched for, so far: {"hold": ...} and
	 * {"capacity": ...} as results have them.  NULL: it can't. */
	int (*hold)(struct buf *json, void *arg);
	int (*capacity)(struct buf *json, void *arg);
};

struct web_options {
	const char *host;               /* NULL: 127.0.0.1; "" or "*": all */
	int port;                       /* 0: a free one */
	const char *base_path;          /* NULL or "/swarm" */
	const char *tls_cert;           /* PEM files, both or neither */
	const char *tls_key;
	/* File of "user:hash" lines (crypt(5)), or NULL: no login. */
	const char *login_file;
	/* More names the page is reached by, NULL-ended, or NULL. */
	const char *const *host_names;

	const char *scenario;           /* file name, for titles */
	const char *command_line;
	struct web_load load;           /* what the start form begins with */
	const struct web_class *classes;
	size_t class_count;
	const struct web_setting *settings;
	size_t setting_count;
	const struct web_module *modules;
	size_t module_count;
	/* File that named loads are kept in, or NULL: only here. */
	const char *presets_file;

	struct stats *stats;
	void (*state)(struct web_state *, void *arg);
	struct web_actions actions;
	void *arg;
};

/* Starts the server: its port, or -1 after log_error().  `options` and what
 * it points to must live until web_stop(). */
int web_start(const struct web_options *options);
/* The address to show and open; valid until web_stop(). */
const char *web_url(void);
/* Once a second, which becomes one of the history while a test runs. */
void web_tick(void);
/* After a change, such as of the run's state: the page shows it at once. */
void web_changed(void);
/* Before statistics are cleared: keeps what came since the last second. */
void web_keep(void);
/* A line of the event lane: "stage", "worker", "note", "threshold", ... */
void web_event(const char *kind, const char *text);
/* [any thread] A log line; `source` is "master" or a worker's id.  Does
 * nothing while no server runs. */
void web_log(const char *source, int level, const char *line);
/* Viewers are told `why` ("passed", "stopped", ...); may be NULL. */
void web_stop(const char *why);

#endif
