/*
 * The string map.  Entries lie in one array in the order they came, so that a
 * walk is a loop over an array and an index is stable while nothing is
 * removed; `index` is an open-addressing table (linear probing, at most half
 * full) of positions in it plus one.  Removing shifts the probe chain back
 * instead of leaving tombstones.
 */
#include "base/strmap.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define STRMAP_FIRST 16

uint64_t strmap_hash(const void *key, size_t len)
{
	const unsigned char *p = key;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Where in the index the key is, or the empty place it would take. */
static size_t strmap_place(
    const struct strmap *m, const void *key, size_t len, uint64_t hash)
{
	size_t mask = m->cap - 1;
	size_t i = hash & mask;

	for (; m->index[i]; i = (i + 1) & mask) {
		const struct strmap_entry *e = &m->entries[m->index[i] - 1];

		if (e->hash == hash && e->len == len &&
		    memcmp(e->key, key, len) == 0)
			break;
	}
	return i;
}

static void strmap_grow(struct strmap *m)
{
	size_t cap = m->cap ? m->cap * 2 : STRMAP_FIRST;

	free(m->index);
	m->index = xcalloc(cap, sizeof(*m->index));
	m->entries = xreallocarray(m->entries, cap / 2, sizeof(*m->entries));
	m->cap = cap;
	for (size_t n = 0; n < m->count; n++) {
		size_t i = m->entries[n].hash & (cap - 1);

		while (m->index[i])
			i = (i + 1) & (cap - 1);
		m->index[i] = (uint32_t)(n + 1);
	}
}

void *strmap_getn(const struct strmap *m, const void *key, size_t len)
{
	size_t i;

	if (m->count == 0)
		return NULL;
	i = strmap_place(m, key, len, strmap_hash(key, len));
	return m->index[i] ? m->entries[m->index[i] - 1].value : NULL;
}

void *strmap_get(const struct strmap *m, const char *key)
{
	return strmap_getn(m, key, strlen(key));
}

void *strmap_putn(struct strmap *m, const void *key, size_t len, void *value)
{
	uint64_t hash = strmap_hash(key, len);
	struct strmap_entry *e;
	size_t i;

	if (m->count >= m->cap / 2)
		strmap_grow(m);
	i = strmap_place(m, key, len, hash);
	if (m->index[i]) {
		void *earlier;

		e = &m->entries[m->index[i] - 1];
		earlier = e->value;
		e->value = value;
		return earlier;
	}
	e = &m->entries[m->count++];
	*e = (struct strmap_entry){ .key = xmalloc(len + 1), .len = len,
		.hash = hash, .value = value };
	if (len)
		memcpy(e->key, key, len);
	e->key[len] = '\0';
	m->index[i] = (uint32_t)m->count;
	return NULL;
}

void *strmap_put(struct strmap *m, const char *key, void *value)
{
	return strmap_putn(m, key, strlen(key), value);
}

/* Empties place i and moves back what had been pushed beyond it. */
static void strmap_unlink(struct strmap *m, size_t i)
{
	size_t mask = m->cap - 1;
	size_t j = i;

	for (;;) {
		size_t home;

		j = (j + 1) & mask;
		if (!m->index[j])
			break;
		home = m->entries[m->index[j] - 1].hash & mask;
		/* It may move to i unless its home lies in (i, j]. */
		if (((j - home) & mask) >= ((j - i) & mask)) {
			m->index[i] = m->index[j];
			i = j;
		}
	}
	m->index[i] = 0;
}

void *strmap_remove(struct strmap *m, const char *key)
{
	size_t len = strlen(key);
	size_t at, last;
	void *value;
	size_t i;

	if (m->count == 0)
		return NULL;
	i = strmap_place(m, key, len, strmap_hash(key, len));
	if (!m->index[i])
		return NULL;
	at = m->index[i] - 1;
	value = m->entries[at].value;
	strmap_unlink(m, i);
	free(m->entries[at].key);
	last = --m->count;
	if (at != last) {
		const struct strmap_entry *e = &m->entries[last];

		i = strmap_place(m, e->key, e->len, e->hash);
		m->index[i] = (uint32_t)(at + 1);
		m->entries[at] = *e;
	}
	return value;
}

void strmap_release(struct strmap *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m->index);
	*m = (struct strmap){ .count = 0 };
}
