/*
 * Log lines.  stdio is avoided: its unbuffered stderr takes 10 KB of a
 * fiber's stack.  A line leaves in one write(), so that lines of several
 * threads and processes do not mix.
 * A text with newlines becomes several lines; other control characters, what
 * reorders or hides text, and what is no UTF-8 are shown as '?', because the
 * text may quote what a hostile server sent.
 */
#include "base/log.h"

#include "base/utf8.h"
#include "base/xalloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_SHORT 1024
#define LOG_LONGEST 65536

static _Atomic int log_level = LOG_LEVEL_INFO;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*sink_fn)(enum log_level, const char *, void *);
static void *sink_arg;

static _Atomic(const char *) prefix = "";
static _Atomic unsigned stderr_lines;

unsigned log_stderr_lines(void)
{
	return atomic_load(&stderr_lines);
}

void log_set_prefix(const char *text)
{
	atomic_store(&prefix, text != NULL ? text : "");
}

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = { "debug", "info", "warning",
		"error" };

	if ((unsigned)level >= sizeof(names) / sizeof(names[0]))
		return "error";
	return names[level];
}

void log_set_level(enum log_level level)
{
	atomic_store(&log_level, level);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(
	    &log_level, memory_order_relaxed);
}

void log_set_sink(void (*sink)(enum log_level, const char *, void *), void *arg)
{
	pthread_mutex_lock(&sink_lock);
	sink_fn = sink;
	sink_arg = arg;
	pthread_mutex_unlock(&sink_lock);
}

void log_stderr(enum log_level level, const char *line)
{
	const char *name = log_level_name(level);
	const char *before = atomic_load(&prefix);
	size_t size = strlen(before) + strlen(line) + strlen(name) +
	    sizeof("swarm: : \n");
	char shorter[LOG_SHORT + 64];
	char *text = size <= sizeof(shorter) ? shorter : xmalloc(size);
	int n = snprintf(text, size, "%sswarm: %s: %s\n", before, name, line);
	const char *at = text;

	atomic_fetch_add(&stderr_lines, 1);
	while (n > 0) {
		ssize_t w = write(STDERR_FILENO, at, (size_t)n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			break;
		at += w;
		n -= (int)w;
	}
	if (text != shorter)
		free(text);
}

static void log_emit(enum log_level level, const char *line)
{
	void (*fn)(enum log_level, const char *, void *);
	void *arg;

	/* Called without the lock: a sink may log. */
	pthread_mutex_lock(&sink_lock);
	fn = sink_fn;
	arg = sink_arg;
	pthread_mutex_unlock(&sink_lock);
	if (fn)
		fn(level, line, arg);
	else
		log_stderr(level, line);
}

/* In place: what is replaced only becomes shorter. */
static void log_clean(char *s)
{
	char *to = s;

	while (*s) {
		uint32_t code;
		size_t n = utf8_decode(s, SIZE_MAX, &code);

		if (n == 0 || (utf8_is_unsafe(code) && code != '\t')) {
			*to++ = '?';
			s += n > 0 ? n : 1;
			continue;
		}
		while (n-- > 0)
			*to++ = *s++;
	}
	*to = '\0';
}

/* "who: text" of each line of `text`, which is written over. */
static void log_split(enum log_level level, const char *who, char *text)
{
	while (text) {
		char *line = strsep(&text, "\n");
		char *full;

		if (!*line && text)
			continue;
		if (!*line && !text)
			break;
		log_clean(line);
		if (!who) {
			log_emit(level, line);
			continue;
		}
		full = xasprintf("%s: %s", who, line);
		log_emit(level, full);
		free(full);
	}
}

void log_line(
    enum log_level level, const char *who, const char *fmt, va_list ap)
{
	char shorter[LOG_SHORT];
	int saved = errno;
	va_list again;
	char *text = shorter;
	int n;

	if (!log_enabled(level))
		return;
	va_copy(again, ap);
	errno = saved;
	n = vsnprintf(shorter, sizeof(shorter), fmt, again);
	va_end(again);
	if (n < 0) {
		snprintf(shorter, sizeof(shorter), "(a text that could not be "
		                                   "formatted: %s)", fmt);
	} else if ((size_t)n >= sizeof(shorter)) {
		size_t size = n < LOG_LONGEST ? (size_t)n + 1 : LOG_LONGEST;

		text = xmalloc(size);
		errno = saved;
		vsnprintf(text, size, fmt, ap);
	}
	log_split(level, who, text);
	if (text != shorter)
		free(text);
	errno = saved;
}

#define LOG_FUNCTION(name, level) \
	void name(const char *fmt, ...) \
	{ \
		va_list ap; \
\
		va_start(ap, fmt); \
		log_line(level, NULL, fmt, ap); \
		va_end(ap); \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
