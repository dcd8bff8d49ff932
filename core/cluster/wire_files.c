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
    const struct wire_file *files, size_t count, char *const *settings,
    size_t setting_count)
{
	msgpack_packer pk;

	wire_object_begin(&pk, out, "swarm_files", 4);
	wire_object_put_text(&pk, "level");
	msgpack_pack_int(&pk, WIRE_LEVEL);
	wire_object_put_text(&pk, "allowed");
	allowed ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk);
	wire_object_put_text(&pk, "files");
	msgpack_pack_array(&pk, count);
	for (size_t i = 0; i < count; i++) {
		msgpack_pack_array(&pk, 4);
		wire_object_put_text(&pk, files[i].name);
		wire_object_put_text(&pk, files[i].sha256);
		msgpack_pack_uint64(&pk, files[i].size);
		msgpack_pack_int(&pk, (int)files[i].kind);
	}
	wire_object_put_text(&pk, "settings");
	msgpack_pack_array(&pk, setting_count);
	for (size_t i = 0; i < setting_count; i++)
		wire_object_put_text(&pk, settings[i]);
	wire_object_put_text(&pk, node_id);
}

#define NAME_ROOM 128                   /* of a module's file */

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

	if (len < 3 || len >= NAME_ROOM || !isalnum((unsigned char)name[0]) ||
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
	uint64_t kind;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 4 ||
	    wire_object_line(&at[0], name, sizeof name) == -1 ||
	    strlen(name) >= sizeof f->name ||
	    read_hash(&at[1], f->sha256) == -1 ||
	    wire_object_uint(&at[2], WIRE_FILE_SIZE, &f->size) == -1 ||
	    wire_object_uint(&at[3], WIRE_DATA, &kind) == -1)
		return -1;
	if (kind == WIRE_DATA ? name[0] == '\0' : !is_file_name(name))
		return -1;
	memcpy(f->name, name, sizeof f->name);
	f->kind = (enum wire_file_kind)kind;
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

int wire_read_settings(const msgpack_object *data,
    void (*each)(const char *setting, void *), void *arg)
{
	char text[WIRE_MAX_TEXT];
	uint32_t n;
	const msgpack_object *list = wire_object_list(data, "settings",
	    WIRE_SETTINGS_MAX, &n);

	/* A value that would be cut is no value. */
	for (uint32_t i = 0; list != NULL && i < n; i++) {
		if (list[i].type != MSGPACK_OBJECT_STR ||
		    list[i].via.str.size >= sizeof text ||
		    wire_object_text(&list[i], text, sizeof text) == -1 ||
		    strcspn(text, ".") > strcspn(text, "=") ||
		    strchr(text, '=') == NULL)
			return -1;
	}
	for (uint32_t i = 0; list != NULL && i < n; i++) {
		if (wire_object_text(&list[i], text, sizeof text) == 0)
			each(text, arg);
	}
	return list == NULL ? -1 : 0;
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
