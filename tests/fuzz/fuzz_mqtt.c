/*
 * What a broker may send: a stream of bytes is cut into packets as the client
 * does it, each is decoded, and everything decoded is looked at.  A PUBLISH
 * must survive being encoded again.
 *
 * The first byte chooses the version.
 */
#include "fastmqtt/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long sum;

/* Not assert(): it must hold in every build. */
static void check(bool holds)
{
	if (!holds)
		abort();
}

static void look(struct codec_span s)
{
	for (size_t i = 0; i < s.len; i++)
		sum += s.data[i];
}

static void look_at(const struct codec_packet *p)
{
	struct codec_span name = { NULL, 0 }, value = { NULL, 0 };
	uint32_t number = 0, users = 0, ids = 0;
	size_t at = 0;
	int id;

	if (p->type == CODEC_PUBLISH)
		look(p->topic);
	look(p->payload);
	for (int i = 0; i < CODEC_PROPERTY_END; i++) {
		if (!codec_info[i].known || i == CODEC_USER_PROPERTY)
			continue;
		if (codec_info[i].kind >= CODEC_BINARY)
			look(codec_text(&p->props, (enum codec_property)i));
		else
			sum += codec_number(&p->props,
			    (enum codec_property)i, 0);
	}
	while ((id = codec_next(&p->props, &at, &name, &value, &number))) {
		if (id == CODEC_USER_PROPERTY) {
			look(name);
			look(value);
			users++;
		} else {
			ids++;
		}
	}
	check(users == p->props.user_count && ids == p->props.id_count);
}

static void encode_again(const struct codec_packet *p, int version)
{
	struct codec_buf b = { NULL, 0, 0, 0 };
	struct codec_publish s = {
		.version = version,
		.topic = (const char *)p->topic.data,
		.topic_len = p->topic.len,
		.data = p->payload.data,
		.len = p->payload.len,
		.qos = p->qos,
		.retain = p->retain,
		.id = p->id,
	};
	struct codec_packet again;
	const char *why;

	if (p->topic.len == 0)
		return;
	check(codec_put_publish(&b, &s) == 0);
	check(codec_length(b.data, b.len, SIZE_MAX, &why) == (int64_t)b.len);
	check(codec_decode(&again, version, b.data, b.len, &why) == 0);
	check(again.payload.len == p->payload.len);
	check(again.id == p->id && again.qos == p->qos);
	codec_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 1;
	int version;

	if (size < 1)
		return 0;
	version = data[0] & 1 ? 5 : 4;
	while (at < size) {
		struct codec_packet p;
		const char *why = NULL;
		uint8_t *exact;
		int64_t n = codec_length(data + at, size - at, 1 << 20, &why);

		if (n <= 0 || (size_t)n > size - at)
			break;
		/* A copy of just this size shows a read beyond it. */
		exact = malloc((size_t)n);
		if (!exact)
			break;
		memcpy(exact, data + at, (size_t)n);
		at += (size_t)n;
		if (codec_decode(&p, version, exact, (size_t)n, &why) == 0) {
			look_at(&p);
			if (p.type == CODEC_PUBLISH)
				encode_again(&p, version);
		} else {
			check(why);
		}
		free(exact);
	}
	return 0;
}
