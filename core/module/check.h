/* The checks of `swarm check`, each run in a process of its own. */
#ifndef MODULE_CHECK_H
#define MODULE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "module/names.h"

struct buf;
struct module;

/* Exit codes of the child.  Passing is none that a module which calls exit()
 * would choose. */
#define CHECK_OK   71
#define CHECK_BAD  1
#define CHECK_SKIP 77

struct check_subject {
	const char *path;               /* as given: .so or .c */
	const char *so;                 /* what it is or was compiled to */
	const char *host;               /* --host */
	struct names plugins;           /* --plugin */
	struct names settings;          /* -o */
};

struct check {
	const char *name;
	const char *title;              /* what holds when it passes */
	int (*run)(const struct check_subject *);
};

/* In order; ends with name == NULL. */
extern const struct check check_list[];

/* What was asked for on the command line; `swarm test` takes the same. */
struct check_request {
	struct check_subject subject;
	const char *one;                /* what this child runs */
	struct names only;              /* --only; none: all */
	double timeout;                 /* seconds for one child */
	bool only_failed;
	bool list;
};

/* 0, or -1 for wrong usage; release in either case. */
int check_parse(struct check_request *, int argc, char **argv);
void check_request_release(struct check_request *);
/* The command line of the child that runs `one` of `swarm WORD`. */
void check_child_line(const struct check_request *, const char *word,
    const char *one, struct names *argv);
/* One TAP line, by the child's exit code, and what it wrote if it failed. */
void check_report(const struct check_request *, const char *title, int number,
    int rc, const struct buf *out, const struct buf *err);

/* Why a check did not pass or was skipped: a line of its output. */
void check_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whether `name` is among `all`; false after log_error() with the nearest. */
bool check_named(const struct names *all, const char *name, const char *what);
/* The child that crashes says where, if tools_on_crash() told how. */
void check_install_crash(void);
/* Opens the subject and, when `bound`, all that it needs; NULL after the
 * reason was said. */
struct module *check_open(const struct check_subject *, bool bound);
/* The same, when nothing stands against calling load(). */
struct module *check_open_bound(const struct check_subject *);

/* check_run.c; see there */
int check_load(const struct check_subject *);
int check_threads(const struct check_subject *);
int check_signals(const struct check_subject *);
int check_worker(const struct check_subject *);
int check_users(const struct check_subject *);
int check_blocking(const struct check_subject *);
int check_stack(const struct check_subject *);
int check_output(const struct check_subject *);
/* Everything loaded and a worker's hooks called; false after the reason was
 * said, with what the check then results in. */
bool check_start_worker(const struct check_subject *, int *result);
void check_finish_worker(void);
/* Ends the worker with all that is its own, and starts another: CHECK_OK, or
 * CHECK_BAD when its hooks failed. */
int check_restart_worker(void);
/* One user of class i for so long, then none, `timeout` seconds being left to
 * its task; whether it is gone in time. */
bool check_one_user(size_t i, int64_t ns, double timeout);

/* check_leaks.c */
int check_leaks(const struct check_subject *);
/* check_offers.c */
int check_offers(const struct check_subject *);

#endif
