/* The checks of `swarm check`, each run in a process of its own. */
#ifndef MODULE_CHECK_H
#define MODULE_CHECK_H

#include <stdbool.h>

#include "module/names.h"

struct buf;
struct module;

#define CHECK_OK   0
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
/* Opens the subject and, when `bound`, all that it needs; NULL after the
 * reason was said. */
struct module *check_open(const struct check_subject *, bool bound);
/* The same, when nothing stands against calling load(). */
struct module *check_open_bound(const struct check_subject *);

/* check_run.c */
int check_load(const struct check_subject *);
int check_threads(const struct check_subject *);
int check_signals(const struct check_subject *);
int check_worker(const struct check_subject *);
int check_users(const struct check_subject *);
int check_blocking(const struct check_subject *);

#endif
