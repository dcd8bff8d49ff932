/*
 * Descriptors of fibers, for the loop.
 */
#ifndef FIBER_IO_H
#define FIBER_IO_H

#include <stdbool.h>

/* After the event base is there: 0, or -1 with errno. */
int io_init(void);
void io_release(void);
/* Something may have happened that no fiber has been told of. */
bool io_pending(void);
/* In each pass after libevent's turn: takes a batch if that has taken none. */
void io_poll(void);

#endif
