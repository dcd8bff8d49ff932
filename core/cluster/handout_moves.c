/* See the header.  Keys are hashes: the table takes them as they are. */
#include "cluster/handout_moves.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define FIRST_SIZE 256

static struct handout_move *slot(const struct handout_moves *m, uint64_t key)
{
	size_t i = key & (m->size - 1);

	while (m->at[i].key != 0 && m->at[i].key != key)
		i = (i + 1) & (m->size - 1);
	return &m->at[i];
}

struct handout_move *handout_moves_find(const struct handout_moves *m,
    uint64_t key)
{
	struct handout_move *found;

	if (m == NULL || key == 0)
		return NULL;
	found = slot(m, key);
	return found->from != NULL ? found : NULL;
}

static void grow(struct handout_moves *m)
{
	struct handout_moves old = *m;

	m->size = old.size > 0 ? old.size * 2 : FIRST_SIZE;
	m->at = xcalloc(m->size, sizeof m->at[0]);
	m->used = 0;
	for (size_t i = 0; i < old.size; i++) {
		if (old.at[i].from == NULL)
			continue;
		*slot(m, old.at[i].key) = old.at[i];
		m->used++;
	}
	free(old.at);
}

void handout_moves_note(struct handout_moves **moves, uint64_t key,
    struct handout_holder *from, uint64_t last)
{
	struct handout_moves *m = *moves;
	struct handout_move *move;

	if (m == NULL)
		m = *moves = xcalloc(1, sizeof *m);
	if (m->used * 2 >= m->size)
		grow(m);
	move = slot(m, key);
	m->used += move->key == 0;
	if (move->from == NULL) {
		m->moving++;
		*move = (struct handout_move){ key, from, last, false };
	} else if (move->from == from && last > move->last) {
		move->last = last;
	}
}

void handout_moves_free(struct handout_moves **moves)
{
	if (*moves != NULL)
		free((*moves)->at);
	free(*moves);
	*moves = NULL;
}

void handout_moves_end(struct handout_moves **moves, struct handout_move *move)
{
	move->from = NULL;
	if (--(*moves)->moving == 0)
		handout_moves_free(moves);
}

void handout_moves_forget(struct handout_moves **moves,
    const struct handout_holder *from)
{
	for (size_t i = 0; *moves != NULL && i < (*moves)->size; i++) {
		if ((*moves)->at[i].from == from)
			handout_moves_end(moves, &(*moves)->at[i]);
	}
}
