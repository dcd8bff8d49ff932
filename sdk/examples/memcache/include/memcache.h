/* memcached, for scenarios in C or C++. */
#ifndef MEMCACHE_H
#define MEMCACHE_H

#include <swarm/user.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MEMCACHE_ID    "example.memcache/1"
#define MEMCACHE_MINOR 0

struct memcache_api {
	struct swarm_iface head;
	int (*set)(struct swarm_user *, const char *key, const void *value,
	    size_t len);
	const char *(*get)(struct swarm_user *, const char *key, size_t *len);
};

SWARM_IMPORT(memcache_api, memcache_api_, MEMCACHE_ID, MEMCACHE_MINOR)

/* [fiber] Stores; 0, or -1. */
static inline int memcache_set(struct swarm_user *u, const char *key,
    const void *value, size_t len)
{
	return memcache_api_->set(u, key, value, len);
}

/* [fiber] The value, which ends with a NUL and lives until the task returns;
 * NULL when there is none (a sample that passed) or it failed. */
static inline const char *memcache_get(struct swarm_user *u, const char *key,
    size_t *len)
{
	return memcache_api_->get(u, key, len);
}

#ifdef __cplusplus
}
#endif
#endif
