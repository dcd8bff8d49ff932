/* See the header. */
#include "user/record.h"

#include <endian.h>
#include <string.h>

#include <swarm/trace.h>

#include "base/strmap.h"

int record_put(struct buf *out, const struct record *r)
{
	uint64_t due = htole64((uint64_t)r->due);
	uint64_t key = htole64(r->key);
	uint32_t user = htole32((uint32_t)r->user_len);
	uint32_t payload = htole32((uint32_t)r->payload_len);
	char *at = buf_reserve(out, RECORD_HEAD + r->user_len +
	    r->payload_len);

	if (at == NULL)
		return -1;
	memcpy(at, &due, 8);
	memcpy(at + 8, &key, 8);
	memcpy(at + 16, &user, 4);
	memcpy(at + 20, &payload, 4);
	at += RECORD_HEAD;
	if (r->user_len > 0)
		memcpy(at, r->user, r->user_len);
	if (r->payload_len > 0)
		memcpy(at + r->user_len, r->payload, r->payload_len);
	out->len += RECORD_HEAD + r->user_len + r->payload_len;
	return 0;
}

int64_t record_get(struct record *r, const void *data, size_t len)
{
	const char *at = data;
	uint64_t due;
	uint64_t key;
	uint32_t user;
	uint32_t payload;

	if (len == 0)
		return 0;
	if (len < RECORD_HEAD)
		return -1;
	memcpy(&due, at, 8);
	memcpy(&key, at + 8, 8);
	memcpy(&user, at + 16, 4);
	memcpy(&payload, at + 20, 4);
	due = le64toh(due);
	user = le32toh(user);
	payload = le32toh(payload);
	if (due > INT64_MAX / 4 || user > SWARM_TRACE_USER_MAX ||
	    payload > SWARM_TRACE_PAYLOAD_MAX ||
	    len - RECORD_HEAD < (size_t)user + payload)
		return -1;
	*r = (struct record){ (int64_t)due, le64toh(key), at + RECORD_HEAD,
		user, at + RECORD_HEAD + user, payload };
	return (int64_t)(RECORD_HEAD + (size_t)user + payload);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t record_key(const char *user, size_t len)
{
	uint64_t h = mix(strmap_hash(user, len));

	return h != 0 ? h : 1;
}

/* Highest random weight. */
size_t record_place(uint64_t key, const uint64_t *places, size_t count)
{
	uint64_t best = 0;
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t weight = mix(key ^ places[i]);

		if (i == 0 || weight > best) {
			best = weight;
			at = i;
		}
	}
	return at;
}
