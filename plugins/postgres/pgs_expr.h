/*
 * Expressions of \set, \if and \elif, compiled to a short program for a stack
 * machine: evaluation then needs no recursion, which matters on a fiber's
 * small stack, and no allocation.
 */
#ifndef PGS_EXPR_H
#define PGS_EXPR_H

#include <stddef.h>

#include "pgs_random.h"
#include "pgs_vars.h"

#define PGS_ARGS_MAX 16         /* of one function, as in pgbench */
#define PGS_NESTING_MAX 200     /* of parentheses and the like */
#define PGS_OPS_MAX 20000       /* of one expression */

enum pgs_code {
	PGS_OP_CONST,           /* push value */
	PGS_OP_VAR,             /* push variable `at` */
	PGS_OP_CALL,            /* pop nargs, push fn's result */
	PGS_OP_AND,             /* null or false on top: go to `at` */
	PGS_OP_OR,              /* null or true on top: go to `at` */
	PGS_OP_BOOL,            /* the top must be null or boolean */
	PGS_OP_UNLESS,          /* pop; go to `at` unless true */
	PGS_OP_GOTO,            /* go to `at` */
};

struct pgs_op {
	uint8_t code;
	uint8_t fn;
	uint16_t nargs;
	uint32_t at;
	struct pgs_value value;
};

struct pgs_expr {
	struct pgs_op *ops;
	size_t count;
	size_t cap;
	size_t depth;                   /* values on the stack at most */
};

/* What evaluation works on. */
struct pgs_env {
	struct pgs_vars *vars;
	const struct pgs_names *names;  /* for messages */
	struct pgs_random *random;
	struct pgs_value *stack;        /* room for depth values */
	/* debug(x) was evaluated; may be NULL. */
	void (*debug)(const struct pgs_value *, void *arg);
	void *arg;
};

/*
 * Compiles text[0..len) whole.  0, or -1 with *err set and *at the offset
 * where the trouble is.  Variables are added to `names`.  Release it in
 * either case.
 */
int pgs_expr_parse(struct pgs_expr *, struct pgs_names *names,
    const char *text, size_t len, struct pgs_error *err, size_t *at);
void pgs_expr_release(struct pgs_expr *);
/* 0, or -1 with *err set. */
int pgs_expr_eval(const struct pgs_expr *, const struct pgs_env *,
    struct pgs_value *out, struct pgs_error *err);

#endif
