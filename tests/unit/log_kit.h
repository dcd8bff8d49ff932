/* The last line that was logged. */
#ifndef LOG_KIT_H
#define LOG_KIT_H

#include <stdio.h>

#include "base/log.h"

static char logged[4096];

static void log_kit_take(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(logged, sizeof logged, "%s", line);
}

static void log_kit_start(void)
{
	logged[0] = '\0';
	log_set_sink(log_kit_take, NULL);
}

static void log_kit_stop(void)
{
	log_set_sink(NULL, NULL);
}

#endif
