/*
 * Scripts in pgbench's language: parsed once, before the run, into commands
 * whose variables are numbered and whose branches know where they lead.
 *
 * What pgbench 15 reads is read here, and \syncpipeline of pgbench 17.
 */
#ifndef PGS_SCRIPT_H
#define PGS_SCRIPT_H

#include "pgs_expr.h"

#define PGS_SCRIPT_MAX ((size_t)16 << 20)       /* bytes of one script */
#define PGS_COMMANDS_MAX 100000
#define PGS_PARAMS_MAX 255                      /* of one statement */

enum pgs_kind {
	PGS_SQL, PGS_SET, PGS_SLEEP, PGS_IF, PGS_ELIF, PGS_ELSE, PGS_ENDIF,
	PGS_STARTPIPELINE, PGS_SYNCPIPELINE, PGS_ENDPIPELINE, PGS_SHELL,
	PGS_SETSHELL,
};

enum pgs_store { PGS_STORE_NOT, PGS_STORE_GSET, PGS_STORE_ASET };

/* A piece of text, then the variable `slot` (-1: none). */
struct pgs_part {
	size_t start;
	size_t len;
	size_t reference;               /* length of the ":name" after it */
	int slot;
};

struct pgs_command {
	enum pgs_kind kind;
	int line;                       /* in the file, from 1 */
	char *title;                    /* for rows: the first line, shortened */
	/* PGS_SQL; of PGS_SHELL and PGS_SETSHELL text and parts */
	char *text;
	size_t len;
	struct pgs_part *parts;         /* simple mode: text with values */
	size_t part_count;
	char *numbered;                 /* other modes: :name became $n */
	int *params;                    /* slot of each $n */
	int param_count;
	enum pgs_store store;
	char *prefix;                   /* of the variables stored, or "" */
	/* PGS_SET, PGS_SETSHELL (slot), PGS_IF, PGS_ELIF */
	int slot;
	struct pgs_expr expr;
	/* PGS_SLEEP: variable `slot`, or when that is -1 `amount`; times
	 * `unit_us` */
	int64_t amount;
	int64_t unit_us;
	/* PGS_IF, PGS_ELIF: where to go when false; all branches: the \endif */
	size_t otherwise;
	size_t end;
};

struct pgs_script {
	char *name;
	unsigned weight;
	struct pgs_command *commands;
	size_t count;
	size_t cap;
	size_t stack_depth;             /* most any expression needs */
};

/*
 * Parses text[0..len).  `name` is for messages.  0, or -1 with *err set to
 * "NAME:LINE: what is wrong".  Release it in either case.
 */
int pgs_script_parse(struct pgs_script *, struct pgs_names *,
    const char *name, const char *text, size_t len, struct pgs_error *err);
void pgs_script_release(struct pgs_script *);

/* The built-in scripts, by name or an unambiguous beginning of it; NULL with
 * *err set.  *full is the whole name. */
const char *pgs_script_builtin(const char *name, const char **full,
    struct pgs_error *err);

#endif
