/* Small blocks are kept and used again: at full speed there is one for each
 * message. */
#include "inbox.h"

#include <grpc/byte_buffer_reader.h>

#include <stdlib.h>
#include <string.h>

#define SMALL 944u                      /* bytes of a block kept */
#define KEPT  1024u                     /* blocks */

static struct message *kept;
static unsigned kept_count;

static struct message *message_new(size_t size)
{
	struct message *m = kept;

	if (size <= SMALL && m) {
		kept = m->next;
		kept_count--;
		return m;
	}
	if (size < SMALL)
		size = SMALL;
	m = malloc(sizeof *m + size + 1);
	if (!m)
		abort();
	m->size = size;
	return m;
}

struct message *inbox_take(struct rpc_call *c, grpc_byte_buffer *from,
    int64_t received)
{
	grpc_byte_buffer_reader reader;
	struct message *m;
	grpc_slice slice;
	size_t len = 0;

	if (!grpc_byte_buffer_reader_init(&reader, from))
		return NULL;
	m = message_new(grpc_byte_buffer_length(reader.buffer_out));
	while (grpc_byte_buffer_reader_next(&reader, &slice)) {
		size_t n = GRPC_SLICE_LENGTH(slice);

		memcpy(m->bytes + len, GRPC_SLICE_START_PTR(slice), n);
		len += n;
		grpc_slice_unref(slice);
	}
	grpc_byte_buffer_reader_destroy(&reader);
	m->bytes[len] = 0;
	m->next = NULL;
	m->call = c;
	m->m = (struct rpc_message){
		.size = sizeof m->m, .data = m->bytes, .len = len,
		.received = received, .latency = -1,
	};
	return m;
}

void inbox_free(struct message *m)
{
	if (!m)
		return;
	if (m->size != SMALL || kept_count == KEPT) {
		free(m);
		return;
	}
	m->next = kept;
	kept = m;
	kept_count++;
}

void inbox_stop(void)
{
	while (kept) {
		struct message *m = kept;

		kept = m->next;
		free(m);
	}
	kept_count = 0;
}
