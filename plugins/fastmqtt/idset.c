/*
 * A set of packet ids that is small nearly always: a short array, and a bit
 * for every id once a broker has more QoS 2 messages under way.
 */
#include "fast.h"

#include <stdlib.h>
#include <string.h>

#define FEW (sizeof ((struct idset *)NULL)->few / sizeof(uint16_t))

static size_t find(const struct idset *s, uint16_t id)
{
	size_t i = 0;

	while (i < s->count && s->few[i] != id)
		i++;
	return i;
}

bool idset_has(const struct idset *s, uint16_t id)
{
	if (s->many)
		return s->many[id / 64] >> (id % 64) & 1;
	return find(s, id) < s->count;
}

static int grow(struct idset *s)
{
	s->many = calloc(1024, sizeof *s->many);
	if (!s->many)
		return -1;
	for (size_t i = 0; i < s->count; i++)
		s->many[s->few[i] / 64] |= UINT64_C(1) << (s->few[i] % 64);
	return 0;
}

int idset_add(struct idset *s, uint16_t id)
{
	if (idset_has(s, id))
		return 0;
	if (!s->many && s->count < FEW) {
		s->few[s->count++] = id;
		return 0;
	}
	if (!s->many && grow(s) == -1)
		return -1;
	s->many[id / 64] |= UINT64_C(1) << (id % 64);
	s->count++;
	return 0;
}

bool idset_remove(struct idset *s, uint16_t id)
{
	if (!idset_has(s, id))
		return false;
	if (!s->many) {
		size_t i = find(s, id);

		s->few[i] = s->few[--s->count];
		return true;
	}
	s->count--;
	s->many[id / 64] &= ~(UINT64_C(1) << (id % 64));
	if (s->count == 0)
		idset_clear(s);
	return true;
}

void idset_clear(struct idset *s)
{
	free(s->many);
	memset(s, 0, sizeof *s);
}
