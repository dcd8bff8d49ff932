/*
 * JSON and msgpack differ little: keys that are no texts become texts, bytes
 * become base64, and what JSON has no number for (NaN, infinity) is null.
 */
#include "cluster/wire_custom.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "base/xalloc.h"
#include "cluster/wire_object.h"

static const char *const reserved[] = { "locustfile", "update_user_class" };

bool wire_custom_type(const char *type)
{
	size_t len = strlen(type);

	if (len == 0 || len >= sizeof((struct wire_message *)0)->type_name ||
	    strncmp(type, "swarm_", 6) == 0 || wire_type_of(type) !=
	    WIRE_UNKNOWN)
		return false;
	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
		if (strcmp(type, reserved[i]) == 0)
			return false;
	}
	return true;
}

/* ---- to msgpack ---- */

static int put(msgpack_packer *pk, const json_t *v, int depth);

static int put_object(msgpack_packer *pk, const json_t *v, int depth)
{
	const char *key;
	json_t *value;

	msgpack_pack_map(pk, json_object_size(v));
	json_object_foreach((json_t *)(uintptr_t)v, key, value) {
		wire_object_put_text(pk, key);
		if (put(pk, value, depth + 1) == -1)
			return -1;
	}
	return 0;
}

static int put_array(msgpack_packer *pk, const json_t *v, int depth)
{
	msgpack_pack_array(pk, json_array_size(v));
	for (size_t i = 0; i < json_array_size(v); i++) {
		if (put(pk, json_array_get(v, i), depth + 1) == -1)
			return -1;
	}
	return 0;
}

/* The envelope is one level. */
static int put(msgpack_packer *pk, const json_t *v, int depth)
{
	if (depth >= WIRE_MAX_DEPTH - 1)
		return -1;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return put_object(pk, v, depth);
	case JSON_ARRAY:
		return put_array(pk, v, depth);
	case JSON_STRING:
		wire_object_put_text(pk, json_string_value(v));
		return 0;
	case JSON_INTEGER:
		msgpack_pack_int64(pk, json_integer_value(v));
		return 0;
	case JSON_REAL:
		msgpack_pack_double(pk, json_real_value(v));
		return 0;
	case JSON_TRUE:
		msgpack_pack_true(pk);
		return 0;
	case JSON_FALSE:
		msgpack_pack_false(pk);
		return 0;
	default:
		msgpack_pack_nil(pk);
		return 0;
	}
}

int wire_encode_custom(struct buf *out, const char *node_id, const char *type,
    const char *json)
{
	json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
	msgpack_packer pk;
	int rc;

	if (v == NULL)
		return -1;
	wire_object_packer(&pk, out);
	msgpack_pack_array(&pk, 3);
	wire_object_put_text(&pk, type);
	rc = put(&pk, v, 0);
	wire_object_put_text(&pk, node_id);
	json_decref(v);
	return rc;
}

void wire_forward_custom(struct buf *out, const char *node_id,
    const struct wire_message *m)
{
	msgpack_packer pk;

	wire_object_packer(&pk, out);
	msgpack_pack_array(&pk, 3);
	wire_object_put_text(&pk, m->type_name);
	msgpack_pack_object(&pk, m->data);
	wire_object_put_text(&pk, node_id);
}

/* ---- from msgpack; its depth has an end (WIRE_MAX_DEPTH) ---- */

static json_t *get(const msgpack_object *o);

/* The cleaned text of a string object. */
static char *text_of(const msgpack_object *o)
{
	/* A character that is replaced does not get longer. */
	char *text = xmalloc((size_t)o->via.str.size + 1);

	if (wire_object_text(o, text, (size_t)o->via.str.size + 1) == -1)
		text[0] = '\0';
	return text;
}

static json_t *get_text(const msgpack_object *o)
{
	char *text = text_of(o);
	json_t *v = json_string(text);

	free(text);
	return v;
}

static json_t *get_bytes(const void *data, uint32_t len)
{
	char *text = xmalloc(4 * ((size_t)len / 3 + 1) + 1);
	json_t *v;

	EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	v = json_string(text);
	free(text);
	return v;
}

static char *key_of(const msgpack_object *o)
{
	switch (o->type) {
	case MSGPACK_OBJECT_STR:
		return text_of(o);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		return xasprintf("%" PRIu64, o->via.u64);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return xasprintf("%" PRId64, o->via.i64);
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return xasprintf("%.17g", o->via.f64);
	case MSGPACK_OBJECT_BOOLEAN:
		return xstrdup(o->via.boolean ? "true" : "false");
	default:
		return xstrdup("null");
	}
}

static json_t *get_map(const msgpack_object *o)
{
	json_t *v = json_object();

	for (uint32_t i = 0; i < o->via.map.size; i++) {
		char *key = key_of(&o->via.map.ptr[i].key);

		json_object_set_new(v, key, get(&o->via.map.ptr[i].val));
		free(key);
	}
	return v;
}

static json_t *get_array(const msgpack_object *o)
{
	json_t *v = json_array();

	for (uint32_t i = 0; i < o->via.array.size; i++)
		json_array_append_new(v, get(&o->via.array.ptr[i]));
	return v;
}

static json_t *get(const msgpack_object *o)
{
	switch (o->type) {
	case MSGPACK_OBJECT_BOOLEAN:
		return json_boolean(o->via.boolean);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		return o->via.u64 <= INT64_MAX ?
		    json_integer((json_int_t)o->via.u64) :
		    json_real((double)o->via.u64);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return json_integer(o->via.i64);
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return isfinite(o->via.f64) ? json_real(o->via.f64) :
		    json_null();
	case MSGPACK_OBJECT_STR:
		return get_text(o);
	case MSGPACK_OBJECT_BIN:
		return get_bytes(o->via.bin.ptr, o->via.bin.size);
	case MSGPACK_OBJECT_MAP:
		return get_map(o);
	case MSGPACK_OBJECT_ARRAY:
		return get_array(o);
	default:
		return json_null();
	}
}

char *wire_read_custom(const struct wire_message *m)
{
	json_t *v = get(&m->data);
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(v);
	return text;
}
