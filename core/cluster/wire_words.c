/* See the header. */
#include "cluster/wire_words.h"

#include "cluster/wire_object.h"

#define BELOW_FIELDS 5
/* Of one, packed; whole, so that none is cut in the middle. */
#define BELOW_ROOM (WIRE_BELOW_WHY + 64)
#define MODULE_ROOM (sizeof((struct wire_module *)0)->module + 16)

void wire_words_init(struct wire_words *w)
{
	*w = (struct wire_words){ .modules = BUF_INIT(WIRE_WORDS_MAX),
		.below = BUF_INIT(WIRE_BELOW_MAX * BELOW_ROOM) };
}

void wire_words_clear(struct wire_words *w)
{
	buf_clear(&w->modules);
	buf_clear(&w->below);
	w->module_count = 0;
	w->below_count = 0;
	w->stopped = false;
}

void wire_words_release(struct wire_words *w)
{
	buf_release(&w->modules);
	buf_release(&w->below);
}

/* ---- writing ---- */

int wire_words_add_module(struct wire_words *w, const struct wire_module *m)
{
	msgpack_packer pk;

	if (m->len > WIRE_WORDS_MAX - MODULE_ROOM ||
	    w->modules.len > WIRE_WORDS_MAX - MODULE_ROOM - m->len)
		return -1;
	wire_object_packer(&pk, &w->modules);
	msgpack_pack_array(&pk, 2);
	wire_object_put_text(&pk, m->module);
	wire_object_put_bin(&pk, m->data, m->len);
	w->module_count++;
	return 0;
}

int wire_words_add_below(struct wire_words *w, const struct wire_below *b)
{
	msgpack_packer pk;

	if (w->below_count == WIRE_BELOW_MAX)
		return -1;
	wire_object_packer(&pk, &w->below);
	msgpack_pack_array(&pk, BELOW_FIELDS);
	msgpack_pack_int64(&pk, b->index);
	msgpack_pack_int64(&pk, b->ago);
	msgpack_pack_int(&pk, b->back);
	msgpack_pack_int(&pk, b->crashed);
	wire_object_put_text(&pk, b->why);
	w->below_count++;
	return 0;
}

unsigned wire_words_count(const struct wire_words *w)
{
	return (w->module_count > 0) + (w->below_count > 0) + w->stopped;
}

static void put_list(msgpack_packer *pk, const char *key, size_t count,
    const struct buf *packed)
{
	if (count == 0)
		return;
	wire_object_put_text(pk, key);
	msgpack_pack_array(pk, count);
	pk->callback(pk->data, packed->data, packed->len);
}

void wire_words_put(msgpack_packer *pk, const struct wire_words *w)
{
	put_list(pk, "modules", w->module_count, &w->modules);
	put_list(pk, "below", w->below_count, &w->below);
	if (!w->stopped)
		return;
	wire_object_put_text(pk, "stopped");
	msgpack_pack_true(pk);
}

/* ---- reading ---- */

static int read_module(const msgpack_object *o, struct wire_module *m)
{
	const msgpack_object *f = o->via.array.ptr;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 2 ||
	    wire_object_line(&f[0], m->module, sizeof m->module) == -1 ||
	    f[1].type != MSGPACK_OBJECT_BIN)
		return -1;
	m->data = f[1].via.bin.ptr;
	m->len = f[1].via.bin.size;
	return 0;
}

static int read_below(const msgpack_object *o, struct wire_below *b)
{
	const msgpack_object *f = o->via.array.ptr;
	uint64_t index, ago, back, crashed;

	if (o->type != MSGPACK_OBJECT_ARRAY ||
	    o->via.array.size < BELOW_FIELDS ||
	    wire_object_uint(&f[0], WIRE_MAX_COUNT, &index) == -1 ||
	    wire_object_uint(&f[1], WIRE_MAX_NS, &ago) == -1 ||
	    wire_object_uint(&f[2], 1, &back) == -1 ||
	    wire_object_uint(&f[3], 1, &crashed) == -1 ||
	    wire_object_line(&f[4], b->why, sizeof b->why) == -1)
		return -1;
	b->index = (int64_t)index;
	b->ago = (int64_t)ago;
	b->back = back != 0;
	b->crashed = crashed != 0;
	return 0;
}

static int read_modules(const msgpack_object *swarm,
    void (*told)(const struct wire_module *, void *), void *arg)
{
	uint32_t n;
	const msgpack_object *list = wire_object_list(swarm, "modules",
	    UINT32_MAX, &n);

	if (list == NULL)
		return wire_object_get(swarm, "modules") == NULL ? 0 : -1;
	for (uint32_t i = 0; i < n; i++) {
		struct wire_module m;

		if (read_module(&list[i], &m) == -1)
			return -1;
		if (told != NULL)
			told(&m, arg);
	}
	return 0;
}

static int read_belows(const msgpack_object *swarm,
    void (*told)(const struct wire_below *, void *), void *arg)
{
	uint32_t n;
	const msgpack_object *list = wire_object_list(swarm, "below",
	    WIRE_BELOW_MAX, &n);

	if (list == NULL)
		return wire_object_get(swarm, "below") == NULL ? 0 : -1;
	for (uint32_t i = 0; i < n; i++) {
		struct wire_below b;

		if (read_below(&list[i], &b) == -1)
			return -1;
		if (told != NULL)
			told(&b, arg);
	}
	return 0;
}

int wire_words_read(const msgpack_object *data, bool *stopped,
    void (*module)(const struct wire_module *, void *),
    void (*below)(const struct wire_below *, void *), void *arg)
{
	const msgpack_object *swarm = wire_object_get(data, "swarm");
	const msgpack_object *o = wire_object_get(swarm, "stopped");

	if ((o != NULL && o->type != MSGPACK_OBJECT_BOOLEAN) ||
	    read_modules(swarm, NULL, NULL) == -1 ||
	    read_belows(swarm, NULL, NULL) == -1)
		return -1;
	*stopped = o != NULL && o->via.boolean;
	read_modules(swarm, module, arg);
	read_belows(swarm, below, arg);
	return 0;
}
