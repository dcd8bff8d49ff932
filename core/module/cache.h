/*
 * The cache of compiled scenarios.  An entry is three files: KEY.so, KEY.deps
 * (the headers it was made of, with their sums) and KEY.lock, held by the
 * process that compiles while the others wait for its result.
 */
#ifndef MODULE_CACHE_H
#define MODULE_CACHE_H

#include <stdbool.h>

/* $XDG_CACHE_HOME/swarm, ~/.cache/swarm, or a private folder in $TMPDIR; made
 * when absent (free()).  NULL after log_error(), which names `source`. */
char *cache_dir(const char *source);
/* Makes that folder in it; only we may enter it.  0, or -1 after
 * log_error(). */
int cache_make(const char *folder);
/* Waits for the entry's lock; a descriptor for cache_unlock(), or -1 (then
 * two may compile at once, which is only wasteful). */
int cache_lock(const char *so);
void cache_unlock(int fd);
/* The entry is there, is ours, and no header has changed since. */
bool cache_is_fresh(const char *so);
/* Puts a finished `so_made` in place, with what its make-style list `d_made`
 * says; both are gone afterwards.  0, or -1 after log_error(). */
int cache_store(const char *so, const char *so_made, const char *d_made);
/* Removes what nobody has used for a month. */
void cache_prune(const char *dir);

#endif
