/* See the header. */
#include "cluster/wire_files.h"

#include <ctype.h>
#include <string.h>

#include "cluster/wire_object.h"

void wire_encode_files_wanted(struct buf *out, const char *node_id)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_files", 0);
	wire_object_put_text(&pk, node_id);
}

void wire_encode_files(struct buf *out, const char *node_id, bool allowed,
    const struct wire_file *files, size_t count)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_files", 2);
	wire_object_put_text(&pk, "allowed");
	allowed ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk);
	wire_object_put_text(&pk, "files");
	msgpack_pack_array(&pk, count);
	for (size_t i = 0; i < count; i++) {
		msgpack_pack_array(&pk, 4);
		wire_object_put_text(&pk, files[i].name);
		wire_object_put_text(&pk, files[i].sha256);
		msgpack_pack_uint64(&pk, files[i].size);
		files[i].scenario ? msgpack_pack_true(&pk) :
		    msgpack_pack_false(&pk);
	}
	wire_object_put_text(&pk, node_id);
}

static int read_hash(const msgpack_object *o, char *hash)
{
	char text[2 * WIRE_HASH];

	if (o == NULL || wire_object_text(o, text, sizeof text) == -1 ||
	    strlen(text) != WIRE_HASH - 1 ||
	    strspn(text, "0123456789abcdef") != WIRE_HASH - 1)
		return -1;
	memcpy(hash, text, WIRE_HASH);
	return 0;
}

/* It is going to be a file's here: no path, nothing hidden. */
static bool is_file_name(const char *name)
{
	size_t len = strlen(name);

	if (len < 3 || !isalnum((unsigned char)name[0]) ||
	    strchr(name, '.') == NULL || name[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) &&
		    strchr("._-", name[i]) == NULL)
			return false;
	}
	return true;
}

static int read_file(const msgpack_object *o, struct wire_file *f)
{
	const msgpack_object *at = o->via.array.ptr;
	char name[sizeof f->name + 8];

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 4 ||
	    wire_object_text(&at[0], name, sizeof name) == -1 ||
	    strlen(name) >= sizeof f->name || !is_file_name(name) ||
	    read_hash(&at[1], f->sha256) == -1 ||
	    wire_object_uint(&at[2], WIRE_FILE_SIZE, &f->size) == -1 ||
	    at[3].type != MSGPACK_OBJECT_BOOLEAN)
		return -1;
	memcpy(f->name, name, sizeof f->name);
	f->scenario = at[3].via.boolean;
	return 0;
}

int wire_read_files(const msgpack_object *data, bool *allowed,
    struct wire_file *files, size_t *count)
{
	const msgpack_object *yes = wire_object_get(data, "allowed");
	uint32_t n;
	const msgpack_object *list = wire_object_list(data, "files",
	    WIRE_FILES_MAX, &n);

	if (yes == NULL || yes->type != MSGPACK_OBJECT_BOOLEAN || list == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		if (read_file(&list[i], &files[i]) == -1)
			return -1;
	}
	*allowed = yes->via.boolean;
	*count = n;
	return 0;
}

void wire_encode_part(struct buf *out, const char *node_id,
    const struct wire_part *p)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_part", p->data != NULL ? 3 : 2);
	wire_object_put_text(&pk, "sha256");
	wire_object_put_text(&pk, p->sha256);
	wire_object_put_text(&pk, "from");
	msgpack_pack_uint64(&pk, p->from);
	if (p->data != NULL) {
		wire_object_put_text(&pk, "data");
		wire_object_put_bin(&pk, p->data, p->len);
	}
	wire_object_put_text(&pk, node_id);
}

int wire_read_part(const msgpack_object *data, struct wire_part *p)
{
	const msgpack_object *bin = wire_object_get(data, "data");

	*p = (struct wire_part){ .data = NULL };
	if (read_hash(wire_object_get(data, "sha256"), p->sha256) == -1 ||
	    wire_object_get_uint(data, "from", 0, &p->from) == -1)
		return -1;
	if (bin == NULL)
		return 0;
	if (bin->type != MSGPACK_OBJECT_BIN)
		return -1;
	p->data = bin->via.bin.ptr;
	p->len = bin->via.bin.size;
	return 0;
}
