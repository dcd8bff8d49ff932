/* The events of a trace that are held to be sorted: by time, equal ones in
 * the order they came. */
#ifndef RUN_TRACE_HEAP_H
#define RUN_TRACE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct held {
	int64_t time;                   /* ns, of the trace */
	int64_t resolution;
	uint64_t number;                /* as they came */
	uint64_t key;
	uint32_t user_len;
	uint32_t payload_len;
	char data[];                    /* user, payload */
};

struct trace_heap {
	struct held **at;
	size_t count;
	size_t room;
	size_t bytes;
};

void trace_heap_add(struct trace_heap *, struct held *);
/* The earliest; the caller frees.  There must be one. */
struct held *trace_heap_take(struct trace_heap *);
void trace_heap_release(struct trace_heap *);

#endif
