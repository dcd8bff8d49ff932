/* Memory that is freed all at once; chunks are kept for the next task. */
#ifndef FIBER_ARENA_H
#define FIBER_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;
	char *at;
	char *end;
};

/* Zero-initialised is empty.  Aligned to 16 bytes; never NULL. */
void *arena_alloc(struct arena *, size_t size);
char *arena_vprintf(struct arena *, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* Empties; chunks go to the thread's pool. */
void arena_clear(struct arena *);

#endif
