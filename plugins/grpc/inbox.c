/* At full speed there is a block for each message: small ones are kept and used
 * again. */
#include "inbox.h"

#include "blocks.h"

#include <grpc/byte_buffer_reader.h>

#include <stdlib.h>
#include <string.h>

static struct blocks blocks = { .small = 1024, .keep = 1024 };

static struct message *message_new(size_t len)
{
	size_t size = sizeof(struct message) + len + 1;
	struct message *m = blocks_take(&blocks, &size);

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
	if (m)
		blocks_give(&blocks, m, m->size);
}

void inbox_stop(void)
{
	blocks_clear(&blocks);
}
