/*
 * Backslash commands of scripts.
 */
#ifndef PGS_META_H
#define PGS_META_H

#include "pgs_script.h"

/* A script while it is parsed. */
struct pgs_source {
	struct pgs_script *script;
	struct pgs_names *names;
	const char *text;
	size_t len;
	struct pgs_error *err;
};

#define PGS_META_ARGS 256

/* One command as read: words, or the name and an expression's place. */
struct pgs_meta {
	int line;
	enum pgs_kind kind;
	enum pgs_store store;
	char *argv[PGS_META_ARGS];
	int argc;
	size_t expr_start;
	size_t expr_end;
};

/* "NAME:LINE: what"; returns -1. */
int pgs_script_error(const struct pgs_source *, int line, const char *what);
/* Reads the command behind a backslash at *pos and moves *pos to the end of
 * its line.  0, or -1 with the error set; release it in either case. */
int pgs_meta_read(struct pgs_source *, size_t *pos, int line,
    struct pgs_meta *);
void pgs_meta_release(struct pgs_meta *);
/* Fills in what is particular to the kind: 0, or -1 with the error set. */
int pgs_meta_finish(struct pgs_source *, const struct pgs_meta *,
    struct pgs_command *);

#endif
