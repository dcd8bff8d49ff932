/* The memory of libcurl and libnghttp2: blocks that go round instead of
 * through malloc(). */
#ifndef HTTP_POOL_H
#define HTTP_POOL_H

#include <stddef.h>

/* For curl_global_init_mem() and nghttp2_mem.  A block is always one of
 * malloc()'s, so that free() of it is right, too. */
void *pool_malloc(size_t size);
void *pool_calloc(size_t count, size_t size);
void *pool_realloc(void *block, size_t size);
char *pool_strdup(const char *text);
void pool_free(void *block);

/* From now on blocks that this thread frees are kept; other threads' (libcurl
 * resolves some names on one) never are. */
void pool_start(void);
/* Gives what is kept back to malloc(). */
void pool_drop(void);
/* The same, and keeps nothing any more. */
void pool_release(void);

#endif
