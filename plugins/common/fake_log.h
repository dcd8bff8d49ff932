/* For tests of a plugin's own sources: what the log was told last. */
#ifndef FAKE_LOG_H
#define FAKE_LOG_H

#include <swarm/log.h>

#include <stdarg.h>
#include <stdio.h>

static char said[1024];

#define FAKE_LOG(name) \
	void name(const char *fmt, ...) \
	{ \
		va_list ap; \
		\
		va_start(ap, fmt); \
		vsnprintf(said, sizeof said, fmt, ap); \
		va_end(ap); \
	}

FAKE_LOG(swarm_error)
FAKE_LOG(swarm_warn)
FAKE_LOG(swarm_info)

#endif
