/* Redis, for scenarios; replies are those of <hiredis/hiredis.h>. */
#ifndef REDIS_H
#define REDIS_H

#include <hiredis/hiredis.h>
#include <swarm/user.h>

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REDIS_ID    "example.redis/1"
#define REDIS_MINOR 0

struct redis_api {
	struct swarm_iface head;
	const struct redisReply *(*command)(struct swarm_user *,
	    const char *format, va_list);
};

SWARM_IMPORT(redis_api, redis_api_, REDIS_ID, REDIS_MINOR)

/*
 * [fiber] One command, in hiredis's format (%s, %b, %d...), on the user's
 * connection to --host.  The reply lives until the task returns; NULL when
 * there was none.  A sample of the command's name, which has failed when the
 * reply is an error.
 */
static inline const struct redisReply *redis_command(struct swarm_user *u,
    const char *format, ...)
{
	const struct redisReply *reply;
	va_list ap;

	va_start(ap, format);
	reply = redis_api_->command(u, format, ap);
	va_end(ap);
	return reply;
}

#ifdef __cplusplus
}
#endif
#endif
