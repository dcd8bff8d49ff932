/* write(2) until all is written, as it is meant nearly everywhere. */
#ifndef BASE_WRITE_H
#define BASE_WRITE_H

#include <stddef.h>

/* To a descriptor that blocks; 0, or -1 with errno, part of it written.  Any
 * thread; async-signal-safe. */
int write_all(int fd, const void *data, size_t len);

#endif
