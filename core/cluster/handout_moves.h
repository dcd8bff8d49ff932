/*
 * Users of a trace on their way from one worker to another: by their keys,
 * who had them and the last event that it was given.  Part of handout.c.
 */
#ifndef CLUSTER_HANDOUT_MOVES_H
#define CLUSTER_HANDOUT_MOVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct handout_holder;

struct handout_move {
	uint64_t key;                   /* 0: free */
	struct handout_holder *from;    /* NULL: it has moved */
	uint64_t last;                  /* its number there */
	bool stays;                     /* it took too long */
};

struct handout_moves {
	struct handout_move *at;
	size_t size;                    /* a power of two */
	size_t used;
	size_t moving;
};

/* NULL: it does not move.  `m` may be NULL. */
struct handout_move *handout_moves_find(const struct handout_moves *,
    uint64_t key);
/* Notes it, or that it had a later event; the first makes *m. */
void handout_moves_note(struct handout_moves **m, uint64_t key,
    struct handout_holder *from, uint64_t last);
/* It has moved; the last one frees *m. */
void handout_moves_end(struct handout_moves **m, struct handout_move *);
/* Nobody moves away from `from` any more. */
void handout_moves_forget(struct handout_moves **m,
    const struct handout_holder *from);
void handout_moves_free(struct handout_moves **m);

#endif
