/*
 * Lines that come when they come: the log of the master and its workers, and
 * the event lane.  Two rings with numbered entries under one mutex; any
 * thread.
 */
#ifndef WEB_FEED_H
#define WEB_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "base/jsonw.h"

#define FEED_LOG_LINES 10000
#define FEED_EVENTS 1000

enum feed_kind { FEED_LOG, FEED_EVENT };

void feed_init(void);
void feed_release(void);
/* A log line: its source, level (enum log_level) and text. */
void feed_log(const char *source, int level, const char *text);
void feed_event(const char *kind, const char *text);
/* Number of the newest entry; 0: none yet. */
uint64_t feed_newest(enum feed_kind);
/* An array of the entries after number `after`, the newest `max` of them. */
void feed_write(enum feed_kind, uint64_t after, size_t max, struct jsonw *);
/* Calls fn(source, text) for each kept log line, oldest first, with the
 * mutex held. */
void feed_each_log(void (*fn)(const char *source, const char *text, void *),
    void *arg);

#endif
