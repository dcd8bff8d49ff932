/*
 * The log functions of the SDK.  A line is headed by the name of the module
 * whose code called; a call that the compiler turned into a jump hides its
 * caller, and then the user's running task tells: on the loop's own thread, for
 * on another the user may be gone by then.
 */
#include "module/internal.h"

#include <swarm/log.h>

#include "base/log.h"
#include "fiber/loop.h"
#include "user/user.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>

static _Atomic unsigned errors;

unsigned api_log_errors(void)
{
	return atomic_load(&errors);
}

static const char *who(const void *caller)
{
	const struct module *m = module_by_address(caller);
	struct user_where where;

	if (m)
		return m->name;
	return loop_here() && users_where(&where) ? where.module : NULL;
}

#define API_LOG(name, level) \
	SWARM_API void name(const char *fmt, ...) \
	{ \
		int saved = errno; \
		va_list ap; \
\
		if ((level) == LOG_LEVEL_ERROR) \
			atomic_fetch_add(&errors, 1); \
		if (!log_enabled(level)) \
			return; \
		va_start(ap, fmt); \
		errno = saved; \
		log_line((level), who(__builtin_return_address(0)), fmt, ap); \
		va_end(ap); \
	}

API_LOG(swarm_error, LOG_LEVEL_ERROR)
API_LOG(swarm_warn, LOG_LEVEL_WARN)
API_LOG(swarm_info, LOG_LEVEL_INFO)
API_LOG(swarm_debug, LOG_LEVEL_DEBUG)
