/*
 * Packing and checked reading of MessagePack objects.  msgpack-c does the
 * encoding; what is here is the suspicion.
 */
#include "cluster/wire_object.h"

#include "base/utf8.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static int write_buf(void *out, const char *data, size_t len)
{
	return buf_add(out, data, len);
}

void wire_object_packer(msgpack_packer *pk, struct buf *out)
{
	msgpack_packer_init(pk, out, write_buf);
}

void wire_object_begin(msgpack_packer *pk, struct buf *out, const char *type,
    size_t keys)
{
	wire_object_packer(pk, out);
	msgpack_pack_array(pk, 3);
	wire_object_put_text(pk, type);
	msgpack_pack_map(pk, keys);
}

void wire_object_put_text(msgpack_packer *pk, const char *text)
{
	msgpack_pack_str_with_body(pk, text, strlen(text));
}

void wire_object_put_text_or_nil(msgpack_packer *pk, const char *text)
{
	if (text == NULL)
		msgpack_pack_nil(pk);
	else
		wire_object_put_text(pk, text);
}

void wire_object_put_bin(msgpack_packer *pk, const void *data, size_t len)
{
	msgpack_pack_bin(pk, len);
	msgpack_pack_bin_body(pk, data, len);
}

const msgpack_object *wire_object_get(const msgpack_object *map,
    const char *key)
{
	size_t len = strlen(key);

	if (map == NULL || map->type != MSGPACK_OBJECT_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (kv->key.type != MSGPACK_OBJECT_STR ||
		    kv->key.via.str.size != len ||
		    memcmp(kv->key.via.str.ptr, key, len) != 0)
			continue;
		return kv->val.type == MSGPACK_OBJECT_NIL ? NULL : &kv->val;
	}
	return NULL;
}

const msgpack_object *wire_object_list(const msgpack_object *map,
    const char *key, uint32_t max, uint32_t *count)
{
	static const msgpack_object none;
	const msgpack_object *list = wire_object_get(map, key);

	if (list == NULL || list->type != MSGPACK_OBJECT_ARRAY ||
	    list->via.array.size > max)
		return NULL;
	*count = list->via.array.size;
	return *count > 0 ? list->via.array.ptr : &none;
}

int wire_object_uint(const msgpack_object *o, uint64_t max, uint64_t *out)
{
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > max)
		return -1;
	*out = o->via.u64;
	return 0;
}

int wire_object_int(const msgpack_object *o, int64_t *out)
{
	if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
		if (o->via.i64 < -(int64_t)WIRE_MAX_COUNT)
			return -1;
		*out = o->via.i64;
		return 0;
	}
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    o->via.u64 > WIRE_MAX_COUNT)
		return -1;
	*out = (int64_t)o->via.u64;
	return 0;
}

int wire_object_double(const msgpack_object *o, double min, double max,
    double *out)
{
	double v;

	switch (o->type) {
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		v = (double)o->via.u64;
		break;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		v = (double)o->via.i64;
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		v = o->via.f64;
		break;
	default:
		return -1;
	}
	if (!isfinite(v) || v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

int wire_object_text(const msgpack_object *o, char *out, size_t size)
{
	const unsigned char *p;
	size_t len;
	size_t used = 0;

	if (o->type != MSGPACK_OBJECT_STR)
		return -1;
	p = (const unsigned char *)o->via.str.ptr;
	len = o->via.str.size;
	if (len > 0 && memchr(p, '\0', len) != NULL)
		return -1;
	while (len > 0) {
		uint32_t code;
		size_t n = utf8_decode(p, len, &code);
		size_t step = n == 0 ? 1 : n;

		if (used + step >= size)
			break;
		if (n == 0)
			out[used] = '?';
		else if (utf8_is_control(code) && code != '\n' &&
		    code != '\t')
			memset(out + used, ' ', n);
		else
			memcpy(out + used, p, n);
		used += step;
		p += step;
		len -= step;
	}
	out[used] = '\0';
	return 0;
}

int wire_object_line(const msgpack_object *o, char *out, size_t size)
{
	if (wire_object_text(o, out, size) == -1)
		return -1;
	for (; *out != '\0'; out++) {
		if (*out == '\n' || *out == '\t')
			*out = ' ';
	}
	return 0;
}

int wire_object_get_uint(const msgpack_object *map, const char *key,
    uint64_t deflt, uint64_t *out)
{
	const msgpack_object *o = wire_object_get(map, key);

	*out = deflt;
	return o == NULL ? 0 : wire_object_uint(o, WIRE_MAX_COUNT, out);
}

int wire_object_get_double(const msgpack_object *map, const char *key,
    double min, double max, double deflt, double *out)
{
	const msgpack_object *o = wire_object_get(map, key);

	*out = deflt;
	return o == NULL ? 0 : wire_object_double(o, min, max, out);
}
