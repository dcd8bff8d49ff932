/*
 * Answers mostly come in the order of the questions, so that looking from the
 * oldest on finds them soon; what was answered out of order leaves a hole,
 * which goes when it becomes the oldest.
 */
#include "match.h"

#include <stdlib.h>
#include <string.h>

#define FIRST   16u
#define LARGEST 65536u                  /* messages without an answer */

static struct match_sent *at(const struct match *m, size_t i)
{
	return &m->ring[(m->head + i) & (m->size - 1)];
}

static void skip_holes(struct match *m)
{
	while (m->count > 0 && at(m, 0)->sent == 0) {
		m->head++;
		m->count--;
	}
}

static bool grow(struct match *m)
{
	size_t size = m->size ? m->size * 2 : FIRST;
	struct match_sent *ring = malloc(size * sizeof *ring);

	if (!ring)
		return false;
	for (size_t i = 0; i < m->count; i++)
		ring[i] = *at(m, i);
	free(m->ring);
	m->ring = ring;
	m->size = size;
	m->head = 0;
	return true;
}

bool match_add(struct match *m, uint64_t key, int64_t sent)
{
	bool lost = false;

	if (m->count == m->size && (m->size == LARGEST || !grow(m))) {
		if (m->size == 0)
			return true;
		m->head++;
		m->count--;
		skip_holes(m);
		lost = true;
	}
	m->count++;
	*at(m, m->count - 1) = (struct match_sent){ key, sent };
	return lost;
}

int64_t match_take(struct match *m, uint64_t key)
{
	for (size_t i = 0; i < m->count; i++) {
		struct match_sent *s = at(m, i);
		int64_t sent = s->sent;

		if (sent == 0 ||
		    (m->rule == RPC_MATCH_KEY && s->key != key))
			continue;
		s->sent = 0;
		skip_holes(m);
		return sent;
	}
	return 0;
}

int64_t match_next(struct match *m)
{
	int64_t sent;

	if (m->count == 0)
		return 0;
	sent = at(m, 0)->sent;
	at(m, 0)->sent = 0;
	skip_holes(m);
	return sent;
}

void match_release(struct match *m)
{
	free(m->ring);
	*m = (struct match){ .rule = m->rule };
}
