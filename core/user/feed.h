/*
 * The feeds of a scenario in this process: <swarm/data.h>.  The master has
 * them too: it hands out positions in the endless sequence of rows, in
 * ranges, so that no two workers use the same one.
 */
#ifndef USER_FEED_H
#define USER_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_file;

/* Whose load() or setup() runs now: relative paths start at its folder. */
void feed_set_source(const char *path);
/* No user is left; whoever opened them is unloaded. */
void feed_release_all(void);

struct swarm_feeder;
/* How a feeder of the modules is found by its name, `len` bytes; NULL when
 * there is none of that name. */
void feed_set_finder(const struct swarm_feeder *(*find)(const char *name,
    size_t len));

/* Where the file is that modules here call `asked`: it came from the master.
 * Both are copied; before any feed is opened. */
void feed_provide(const char *asked, const char *path);

size_t feed_count(void);
/* What the master and a worker must agree on. */
uint64_t feed_check(size_t i);
const char *feed_path(size_t i);
/* What its module called it; NULL when it is no file. */
const char *feed_asked(size_t i);
/* Positions there are: as many as rows, or UINT64_MAX when it wraps; 0 when
 * this feed's rows are not handed out by a master. */
uint64_t feed_positions(size_t i);

/* A worker's users ask by this for `want` more positions of feed i, having
 * used `used` in all in this test.  NULL: there is nobody to ask, and all
 * rows are this process's own. */
void feed_set_lease(void (*ask)(size_t i, uint64_t want, uint64_t used));
/* The answer: `count` positions from `from` on; 0: there are no more for
 * now. */
void feed_granted(size_t i, uint64_t from, uint64_t count);
/* A new test: what is left of the one before is given up. */
void feed_new_run(uint64_t seed);

#endif
