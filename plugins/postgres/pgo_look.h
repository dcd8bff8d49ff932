/*
 * A look at the server's own figures: what its statistics views say, as
 * differences since the last look.  Blocking libpq, for a thread of its own;
 * knows nothing of swarm.
 */
#ifndef PGO_LOOK_H
#define PGO_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PGO_NAME_MAX 128
#define PGO_ERROR_MAX 200

/* One figure. */
struct pgo_figure {
	char name[PGO_NAME_MAX];
	bool is_level;                  /* else it adds up */
	double value;
};

/* The figures of one look, in order. */
struct pgo_figures {
	struct pgo_figures *next;       /* the reader's */
	bool complete;                  /* the reader's */
	size_t count;
	size_t cap;
	struct pgo_figure *at;
};

void pgo_figures_release(struct pgo_figures *);

struct pgo_look;

/* NULL when memory ran out. */
struct pgo_look *pgo_look_new(void);
void pgo_look_free(struct pgo_look *);
/* Connects, again after a loss too: 0, or -1 with `error`. */
int pgo_look_connect(struct pgo_look *, const char *conninfo,
    char error[static PGO_ERROR_MAX]);
/* The socket, or -1: to cut it off from another thread. */
int pgo_look_socket(const struct pgo_look *);
/*
 * Looks.  The first time it only takes what later looks compare with, pg_stat_
 * statements' too.  0, or -1 with `error`, after which it must connect again.
 * Its own transactions are left out.
 */
int pgo_look_take(struct pgo_look *, struct pgo_figures *out,
    char error[static PGO_ERROR_MAX]);
/* Sessions of the same application name, other than this one; -1 when that
 * cannot be told. */
int pgo_look_others(struct pgo_look *);
/* The statements that took the server's time since the first look, most time
 * first, at most `max`.  Nothing where pg_stat_statements is not there. */
void pgo_look_statements(struct pgo_look *, struct pgo_figures *out,
    size_t max);

#endif
