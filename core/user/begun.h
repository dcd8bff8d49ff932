/*
 * Which events of a replay a local worker has begun, in memory that it shares
 * with the process that started it.  So that one is killed in the middle of it
 * leaves no doubt: what it had not begun is somebody else's to do.
 *
 * A byte for each event, by its number; the byte tells numbers that are
 * BEGUN_EVENTS apart from each other, so that nobody has to clear it.  One
 * process writes, another reads.
 */
#ifndef USER_BEGUN_H
#define USER_BEGUN_H

#include <stdbool.h>
#include <stdint.h>

#define BEGUN_EVENTS (UINT64_C(1) << 22)        /* told apart */
#define BEGUN_ENV    "SWARM_BEGUN_FD"

struct begun;

/* All of them not begun: its descriptor, which a child may inherit, or -1. */
int begun_new(struct begun **);
/* The same in the other process: NULL when it is no such descriptor. */
struct begun *begun_open(int fd);
void begun_free(struct begun *);
void begun_mark(struct begun *, uint64_t number);
bool begun_has(const struct begun *, uint64_t number);

#endif
