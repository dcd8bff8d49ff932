/* What became of a crashed worker, told for it: see wire.h. */
#include "cluster/wire.h"

#include <string.h>

#include "cluster/wire_object.h"

/* A line's end or the text's. */
static size_t line_len(const char *text)
{
	return strcspn(text, "\n");
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	while (*text != '\0' && n < WIRE_MAX_STACK) {
		n++;
		text += line_len(text);
		text += *text == '\n';
	}
	return n;
}

void wire_encode_crash(struct buf *out, const char *node_id,
    const char *worker, const char *summary, const char *stack)
{
	size_t count = count_lines(stack);
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_crash", 3);
	wire_object_put_text(&pk, "worker");
	wire_object_put_text(&pk, worker);
	wire_object_put_text(&pk, "summary");
	wire_object_put_text(&pk, summary);
	wire_object_put_text(&pk, "stack");
	msgpack_pack_array(&pk, count);
	for (size_t i = 0; i < count; i++) {
		size_t len = line_len(stack);

		msgpack_pack_str_with_body(&pk, stack,
		    len < WIRE_MAX_FRAME ? len : WIRE_MAX_FRAME - 1);
		stack += len + 1;
	}
	wire_object_put_text(&pk, node_id);
}

int wire_read_crash(const msgpack_object *data, struct wire_crash *c)
{
	const msgpack_object *worker = wire_object_get(data, "worker");
	const msgpack_object *summary = wire_object_get(data, "summary");
	uint32_t count;
	const msgpack_object *stack = wire_object_list(data, "stack",
	    WIRE_MAX_STACK, &count);

	if (worker == NULL || summary == NULL || stack == NULL ||
	    wire_object_line(worker, c->worker, sizeof c->worker) == -1 ||
	    wire_object_line(summary, c->summary, sizeof c->summary) == -1)
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		if (wire_object_line(&stack[i], c->stack[i],
		    sizeof c->stack[i]) == -1)
			return -1;
	}
	c->count = count;
	return 0;
}
