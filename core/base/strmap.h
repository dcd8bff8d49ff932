/*
 * A map from byte strings to pointers: open addressing, FNV-1a.  Keys are
 * copied.  Insertion order is kept for walks (index 0 .. count-1).
 */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H

#include <stddef.h>
#include <stdint.h>

struct strmap_entry {
	char *key;
	size_t len;
	uint64_t hash;
	void *value;
};

struct strmap {
	struct strmap_entry *entries;
	uint32_t *index;
	size_t count;
	size_t cap;
};

uint64_t strmap_hash(const void *key, size_t len);
/* NULL when absent. */
void *strmap_get(const struct strmap *, const char *key);
void *strmap_getn(const struct strmap *, const void *key, size_t len);
/* Adds or replaces; returns the earlier value or NULL. */
void *strmap_put(struct strmap *, const char *key, void *value);
void *strmap_putn(struct strmap *, const void *key, size_t len, void *value);
/* Removes (the last entry takes its place); returns the value or NULL. */
void *strmap_remove(struct strmap *, const char *key);
/* Frees the map, not the values. */
void strmap_release(struct strmap *);

#endif
