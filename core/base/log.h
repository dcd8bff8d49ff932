/*
 * Log lines of the core.  Standard error unless a sink is set; a worker's
 * sink sends lines to the master.  Any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR };

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* `who` (a module's name, or NULL) prefixes the text. */
void log_line(enum log_level, const char *who, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

void log_set_level(enum log_level);
bool log_enabled(enum log_level);
/* Where finished lines (no newline) go; NULL: standard error. */
void log_set_sink(void (*sink)(enum log_level, const char *line, void *arg),
    void *arg);
/* What happens without a sink, for a sink that does it too. */
void log_stderr(enum log_level, const char *line);
/* What goes before each line on standard error, where a terminal shows
 * something that lines must not break; a constant, or NULL. */
void log_set_prefix(const char *);
/* How many lines have gone to standard error. */
unsigned log_stderr_lines(void);
/* The text that a level is shown with ("error", ...). */
const char *log_level_name(enum log_level);

#endif
