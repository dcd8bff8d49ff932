/*
 * Rows of data, as the master hands them out: who has which positions of
 * which feed.
 */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <stdint.h>

struct peer;
struct wire_rows_wanted;

/* A test has started, at that time; said again it does nothing. */
void rows_begin(int64_t started);
void rows_wanted(struct peer *, const struct wire_rows_wanted *, void *);
void rows_lost(const struct peer *);
void rows_release(void);

#endif
