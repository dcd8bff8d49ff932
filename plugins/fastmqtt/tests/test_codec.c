/*
 * The codec on bytes: hand-written packets from a server, cut and broken at
 * every byte, and what a client sends compared with the standard's layout.
 */
#include "codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(...) ((const uint8_t[]){ __VA_ARGS__ })
#define SIZED(...) BYTES(__VA_ARGS__), sizeof BYTES(__VA_ARGS__)

/* A copy of exactly `len` bytes, so that a sanitizer sees reads beyond. */
static int decode(struct codec_packet *p, int version, const uint8_t *data,
    size_t len, const char **why)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	memset(p, 0xa5, sizeof *p);
	return codec_decode(p, version, copy, len, why);
}

static void good(struct codec_packet *p, int version, const uint8_t *data,
    size_t len)
{
	const char *why = NULL;

	if (decode(p, version, data, len, &why) == -1)
		fail_msg("%s", why);
}

static void bad(int version, const char *reason, const uint8_t *data,
    size_t len)
{
	struct codec_packet p;
	const char *why = NULL;

	assert_int_equal(decode(&p, version, data, len, &why), -1);
	assert_string_equal(why, reason);
}

static void assert_span(struct codec_span s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.data, text, s.len);
}

static void assert_sent(struct codec_buf *b, const uint8_t *data, size_t len)
{
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, data, len);
	b->len = 0;
}

/* ---- lengths ---- */

static void test_length(void **state)
{
	const char *why;
	const uint8_t longest[] = { 0x30, 0xff, 0xff, 0xff, 0x7f };
	const uint8_t endless[] = { 0x30, 0xff, 0xff, 0xff, 0xff };

	(void)state;
	assert_int_equal(codec_length(SIZED(0x30), 100, &why), 0);
	assert_int_equal(codec_length(SIZED(0x30, 0x80), 100, &why), 0);
	assert_int_equal(codec_length(SIZED(0x30, 0x05), 100, &why), 7);
	assert_int_equal(codec_length(SIZED(0x30, 0x80, 1), 200, &why), 131);
	assert_int_equal(codec_length(SIZED(0xd0, 0), 2, &why), 2);
	assert_int_equal(codec_length(longest, 5, 1u << 30, &why),
	    268435455 + 5);
	assert_int_equal(codec_length(longest, 5, 1u << 20, &why), -1);
	assert_string_equal(why, "packet larger than allowed");
	assert_int_equal(codec_length(endless, 5, SIZE_MAX, &why), -1);
	assert_string_equal(why, "packet length is malformed");
	assert_int_equal(codec_length(endless, 4, SIZE_MAX, &why), 0);
}

/* ---- good packets ---- */

static void test_connack(void **state)
{
	struct codec_packet p;

	(void)state;
	good(&p, 4, SIZED(0x20, 2, 1, 0));
	assert_int_equal(p.type, CODEC_CONNACK);
	assert_true(p.session_present);
	assert_int_equal(p.reason, 0);
	good(&p, 4, SIZED(0x20, 2, 0, 4));
	assert_int_equal(p.reason, 0x86);
	good(&p, 4, SIZED(0x20, 2, 0, 5));
	assert_int_equal(p.reason, 0x87);
	good(&p, 5, SIZED(0x20, 18, 0, 0, 15,
	    0x21, 0, 20, 0x12, 0, 2, 'i', 'd', 0x13, 0, 30,
	    0x24, 1, 0x25, 0));
	assert_int_equal(codec_number(&p.props, CODEC_RECEIVE_MAXIMUM, 0), 20);
	assert_int_equal(codec_number(&p.props, CODEC_SERVER_KEEPALIVE, 0),
	    30);
	assert_int_equal(codec_number(&p.props, CODEC_MAXIMUM_QOS, 2), 1);
	assert_int_equal(codec_number(&p.props, CODEC_RETAIN_AVAILABLE, 1), 0);
	assert_int_equal(codec_number(&p.props, CODEC_ALIAS_MAXIMUM, 7), 7);
	assert_span(codec_text(&p.props, CODEC_ASSIGNED_ID), "id");
	assert_null(codec_text(&p.props, CODEC_REASON_STRING).data);
}

static void test_publish(void **state)
{
	struct codec_packet p;

	(void)state;
	good(&p, 4, SIZED(0x30, 5, 0, 1, 't', 'h', 'i'));
	assert_int_equal(p.type, CODEC_PUBLISH);
	assert_int_equal(p.qos, 0);
	assert_false(p.retain || p.dup);
	assert_span(p.topic, "t");
	assert_span(p.payload, "hi");
	good(&p, 4, SIZED(0x3d, 5, 0, 1, 't', 1, 2));
	assert_int_equal(p.qos, 2);
	assert_true(p.retain && p.dup);
	assert_int_equal(p.id, 0x102);
	assert_int_equal(p.payload.len, 0);
}

static const uint8_t rich[] = {
	0x32, 46, 0, 1, 't', 0, 9, 36,
	0x01, 1, 0x02, 0, 0, 0, 60, 0x03, 0, 2, 'c', 't',
	0x08, 0, 1, 'r', 0x09, 0, 2, 0, 255,
	0x0b, 0x80, 1, 0x0b, 3, 0x26, 0, 1, 'k', 0, 1, 'v',
	0x23, 0, 5, 'h', 'i', '!', '!',
};

static void test_publish_properties(void **state)
{
	struct codec_packet p;
	struct codec_span name = { 0 }, value = { 0 };
	uint32_t number = 0;
	size_t at = 0;

	(void)state;
	good(&p, 5, rich, sizeof rich);
	assert_int_equal(codec_number(&p.props, CODEC_MESSAGE_EXPIRY, 0), 60);
	assert_int_equal(codec_number(&p.props, CODEC_PAYLOAD_FORMAT, 0), 1);
	assert_int_equal(codec_number(&p.props, CODEC_TOPIC_ALIAS, 0), 5);
	assert_span(codec_text(&p.props, CODEC_CONTENT_TYPE), "ct");
	assert_span(codec_text(&p.props, CODEC_RESPONSE_TOPIC), "r");
	assert_int_equal(codec_text(&p.props, CODEC_CORRELATION).len, 2);
	assert_int_equal(p.props.user_count, 1);
	assert_int_equal(p.props.id_count, 2);
	assert_int_equal(codec_next(&p.props, &at, &name, &value, &number),
	    CODEC_SUBSCRIPTION_ID);
	assert_int_equal(number, 128);
	assert_int_equal(codec_next(&p.props, &at, &name, &value, &number),
	    CODEC_SUBSCRIPTION_ID);
	assert_int_equal(number, 3);
	assert_int_equal(codec_next(&p.props, &at, &name, &value, &number),
	    CODEC_USER_PROPERTY);
	assert_span(name, "k");
	assert_span(value, "v");
	assert_int_equal(codec_next(&p.props, &at, &name, &value, &number),
	    0);
}

static void test_acks(void **state)
{
	struct codec_packet p;

	(void)state;
	good(&p, 4, SIZED(0x40, 2, 1, 0));
	assert_int_equal(p.id, 256);
	good(&p, 5, SIZED(0x40, 2, 0, 7));
	assert_int_equal(p.reason, 0);
	good(&p, 5, SIZED(0x40, 3, 0, 7, 0x10));
	assert_int_equal(p.reason, 0x10);
	good(&p, 5, SIZED(0x50, 8, 0, 7, 0x97, 4, 0x1f, 0, 1, 'q'));
	assert_int_equal(p.reason, 0x97);
	assert_span(codec_text(&p.props, CODEC_REASON_STRING), "q");
	good(&p, 4, SIZED(0x62, 2, 0, 7));
	good(&p, 4, SIZED(0x70, 2, 0, 7));
	good(&p, 4, SIZED(0x90, 3, 0, 7, 0x80));
	assert_int_equal(p.reason, 0x80);
	good(&p, 5, SIZED(0x90, 4, 0, 7, 0, 1));
	assert_int_equal(p.reason, 1);
	good(&p, 4, SIZED(0xb0, 2, 0, 7));
	good(&p, 5, SIZED(0xb0, 4, 0, 7, 0, 0x11));
	assert_int_equal(p.reason, 0x11);
	good(&p, 4, SIZED(0xd0, 0));
	good(&p, 5, SIZED(0xe0, 0));
	good(&p, 5, SIZED(0xe0, 1, 0x8b));
	assert_int_equal(p.reason, 0x8b);
	good(&p, 5, SIZED(0xf0, 6, 0x18, 4, 0x15, 0, 1, 'm'));
	assert_span(codec_text(&p.props, CODEC_AUTH_METHOD), "m");
}

/* ---- bad packets ---- */

static void test_refused(void **state)
{
	(void)state;
	bad(4, "packet type not for a client", SIZED(0x10, 0));
	bad(5, "packet type not for a client", SIZED(0xc0, 0));
	bad(4, "packet type not for a client", SIZED(0x00, 0));
	bad(4, "packet type not for a 3.1.1 client", SIZED(0xe0, 0));
	bad(4, "packet flags are malformed", SIZED(0x41, 2, 0, 1));
	bad(4, "packet flags are malformed", SIZED(0x60, 2, 0, 1));
	bad(4, "CONNACK flags are malformed", SIZED(0x20, 2, 2, 0));
	bad(4, "CONNACK code is unknown", SIZED(0x20, 2, 0, 6));
	bad(4, "CONNACK refuses with a session present",
	    SIZED(0x20, 2, 1, 5));
	bad(4, "packet ends too early", SIZED(0x20, 1, 0));
	bad(4, "packet longer than its contents", SIZED(0x20, 3, 0, 0, 0));
	bad(4, "PUBLISH with QoS 3", SIZED(0x36, 5, 0, 1, 't', 0, 1));
	bad(4, "PUBLISH with packet id 0", SIZED(0x32, 5, 0, 1, 't', 0, 0));
	bad(4, "PUBLISH without a topic", SIZED(0x30, 2, 0, 0));
	bad(5, "PUBLISH without a topic", SIZED(0x30, 3, 0, 0, 0));
	bad(4, "text is not UTF-8", SIZED(0x30, 3, 0, 1, 0));
	bad(4, "packet ends too early", SIZED(0x30, 4, 0, 9, 't', 't'));
	bad(4, "acknowledgement of packet id 0", SIZED(0x40, 2, 0, 0));
	bad(4, "acknowledgement without a reason code",
	    SIZED(0x90, 2, 0, 1));
	bad(4, "SUBACK code is unknown", SIZED(0x90, 3, 0, 1, 3));
	bad(4, "packet longer than its contents", SIZED(0xd0, 1, 0));
}

static void test_bad_properties(void **state)
{
	(void)state;
	bad(5, "unknown property", SIZED(0x20, 5, 0, 0, 2, 0x7f, 1));
	bad(5, "unknown property", SIZED(0x20, 5, 0, 0, 2, 0x04, 1));
	bad(5, "property not allowed in this packet",
	    SIZED(0x20, 5, 0, 0, 2, 0x01, 1));
	bad(5, "property given twice",
	    SIZED(0x20, 7, 0, 0, 4, 0x24, 1, 0x24, 1));
	bad(5, "property is neither 0 nor 1",
	    SIZED(0x20, 5, 0, 0, 2, 0x24, 2));
	bad(5, "property must not be 0",
	    SIZED(0x20, 6, 0, 0, 3, 0x21, 0, 0));
	bad(5, "packet ends too early", SIZED(0x20, 5, 0, 0, 9, 0x24, 1));
	bad(5, "packet ends too early", SIZED(0x20, 5, 0, 0, 2, 0x21, 1));
	bad(5, "variable byte integer too long",
	    SIZED(0x20, 7, 0, 0, 0x80, 0x80, 0x80, 0x80, 0));
	bad(5, "packet longer than its contents",
	    SIZED(0x20, 5, 0, 0, 0, 0x24, 1));
}

static void test_utf8(void **state)
{
	(void)state;
	assert_true(codec_utf8((const uint8_t *)"a\xc3\xa9\xe2\x82\xac"
	    "\xf0\x9f\x90\x9d", 10));
	assert_false(codec_utf8(SIZED(0)));
	assert_false(codec_utf8(SIZED(0xc0, 0x80)));
	assert_false(codec_utf8(SIZED(0xe0, 0x80, 0x80)));
	assert_false(codec_utf8(SIZED(0xed, 0xa0, 0x80)));
	assert_false(codec_utf8(SIZED(0xf0, 0x80, 0x80, 0x80)));
	assert_false(codec_utf8(SIZED(0xf4, 0x90, 0x80, 0x80)));
	assert_false(codec_utf8(SIZED(0xc3)));
	assert_false(codec_utf8(SIZED(0xe2, 0x82)));
	assert_false(codec_utf8(SIZED(0xe2, 0x28, 0xa1)));
	assert_false(codec_utf8(SIZED(0xff)));
}

/* Whatever is cut off, the length says "not yet" and the decoder refuses the
 * part; whatever byte is changed, nothing is read beyond the end. */
static void test_every_split(void **state)
{
	const char *why;
	struct codec_packet p;
	uint8_t changed[sizeof rich];

	(void)state;
	for (size_t n = 0; n < sizeof rich; n++) {
		int64_t want = codec_length(rich, n, 1000, &why);

		assert_int_equal(want, n < 2 ? 0 : sizeof rich);
		assert_int_equal(decode(&p, 5, rich, n, &why), -1);
	}
	for (size_t i = 0; i < sizeof rich; i++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			memcpy(changed, rich, sizeof rich);
			changed[i] = (uint8_t)byte;
			decode(&p, 5, changed, sizeof changed, &why);
			decode(&p, 4, changed, sizeof changed, &why);
		}
	}
}

/* ---- encoding ---- */

static void test_put_connect(void **state)
{
	struct codec_buf b = { 0 };
	struct codec_props props = { 0 }, will_props = { 0 };
	struct mqtt_will will = { .topic = "w", .qos = 1, .retain = true };
	struct codec_connect c = {
		.version = 4, .client_id = "id", .clean_start = true,
		.keepalive = 60,
	};

	(void)state;
	assert_int_equal(codec_put_connect(&b, &c), 0);
	assert_sent(&b, SIZED(0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60,
	    0, 2, 'i', 'd'));
	c.version = 5;
	c.username = "u";
	c.password = "pw";
	c.password_len = 2;
	c.will = &will;
	c.will_data = "x";
	c.will_len = 1;
	codec_set_number(&will_props, CODEC_WILL_DELAY, 3);
	c.will_props = &will_props;
	codec_set_number(&props, CODEC_SESSION_EXPIRY, 0x01020304);
	codec_set_number(&props, CODEC_RECEIVE_MAXIMUM, 10);
	c.props = &props;
	assert_int_equal(codec_put_connect(&b, &c), 0);
	assert_sent(&b, SIZED(0x10, 42, 0, 4, 'M', 'Q', 'T', 'T', 5, 0xee,
	    0, 60, 8, 0x11, 1, 2, 3, 4, 0x21, 0, 10, 0, 2, 'i', 'd',
	    5, 0x18, 0, 0, 0, 3, 0, 1, 'w', 0, 1, 'x', 0, 1, 'u',
	    0, 2, 'p', 'w'));
	codec_release(&b);
}

static void test_put_publish(void **state)
{
	struct codec_buf b = { 0 };
	struct codec_props props = { 0 };
	struct mqtt_property user[] = { { "k", "v" } };
	struct codec_publish p = {
		.version = 4, .topic = "a/b", .topic_len = 3, .data = "hi",
		.len = 2,
	};

	(void)state;
	assert_int_equal(codec_put_publish(&b, &p), 0);
	assert_sent(&b, SIZED(0x30, 7, 0, 3, 'a', '/', 'b', 'h', 'i'));
	p.qos = 2;
	p.retain = true;
	p.id = 0x1234;
	p.version = 5;
	assert_int_equal(codec_put_publish(&b, &p), 0);
	assert_sent(&b, SIZED(0x35, 10, 0, 3, 'a', '/', 'b', 0x12, 0x34, 0,
	    'h', 'i'));
	codec_set_number(&props, CODEC_TOPIC_ALIAS, 9);
	props.user = user;
	props.user_count = 1;
	p.props = &props;
	p.topic_len = 0;
	assert_int_equal(codec_put_publish(&b, &p), 0);
	assert_sent(&b, SIZED(0x35, 17, 0, 0, 0x12, 0x34, 10, 0x23, 0, 9,
	    0x26, 0, 1, 'k', 0, 1, 'v', 'h', 'i'));
	codec_release(&b);
}

static void test_put_others(void **state)
{
	struct codec_buf b = { 0 };
	struct codec_props props = { 0 };

	(void)state;
	codec_put_ack(&b, 4, CODEC_PUBACK, 7, 0x10);
	assert_sent(&b, SIZED(0x40, 2, 0, 7));
	codec_put_ack(&b, 5, CODEC_PUBREL, 7, 0);
	assert_sent(&b, SIZED(0x62, 2, 0, 7));
	codec_put_ack(&b, 5, CODEC_PUBREC, 7, 0x97);
	assert_sent(&b, SIZED(0x50, 3, 0, 7, 0x97));
	codec_put_subscribe(&b, 4, 1, "a/#", 0x2e, NULL);
	assert_sent(&b, SIZED(0x82, 8, 0, 1, 0, 3, 'a', '/', '#', 2));
	codec_set_number(&props, CODEC_SUBSCRIPTION_ID, 300);
	codec_put_subscribe(&b, 5, 1, "a", 0x2d, &props);
	assert_sent(&b, SIZED(0x82, 10, 0, 1, 3, 0x0b, 0xac, 2, 0, 1, 'a',
	    0x2d));
	codec_put_unsubscribe(&b, 4, 1, "a", NULL);
	assert_sent(&b, SIZED(0xa2, 5, 0, 1, 0, 1, 'a'));
	codec_put_unsubscribe(&b, 5, 1, "a", NULL);
	assert_sent(&b, SIZED(0xa2, 6, 0, 1, 0, 0, 1, 'a'));
	codec_put_ping(&b);
	assert_sent(&b, SIZED(0xc0, 0));
	codec_put_reason(&b, 4, CODEC_DISCONNECT, 4, NULL);
	assert_sent(&b, SIZED(0xe0, 0));
	codec_put_reason(&b, 5, CODEC_DISCONNECT, 0, NULL);
	assert_sent(&b, SIZED(0xe0, 0));
	codec_put_reason(&b, 5, CODEC_DISCONNECT, 4, NULL);
	assert_sent(&b, SIZED(0xe0, 2, 4, 0));
	codec_release(&b);
}

/* Every size around the steps of the length's encoding comes back whole. */
static void test_round_trip(void **state)
{
	static const size_t steps[] = { 0, 100, 120, 128, 16370, 16384, 16400,
		2097140, 2097152 };
	struct codec_buf b = { 0 };
	uint8_t *data = calloc(1, 2097160);

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		for (size_t len = steps[i]; len < steps[i] + 8; len++) {
			struct codec_publish s = { .version = 5, .topic = "t",
				.topic_len = 1, .data = data, .len = len,
				.qos = 1, .id = 1 };
			struct codec_packet p;
			const char *why;

			b.len = 0;
			assert_int_equal(codec_put_publish(&b, &s), 0);
			assert_int_equal(codec_length(b.data, b.len, SIZE_MAX,
			    &why), b.len);
			assert_int_equal(codec_decode(&p, 5, b.data, b.len,
			    &why), 0);
			assert_int_equal(p.payload.len, len);
		}
	}
	free(data);
	codec_release(&b);
}

static void test_limit(void **state)
{
	struct codec_buf b = { .max = 300 };
	struct codec_publish s = { .version = 4, .topic = "t",
		.topic_len = 1, .data = "", .len = 0 };
	static const uint8_t data[400];

	(void)state;
	assert_int_equal(codec_put_publish(&b, &s), 0);
	s.data = data;
	s.len = sizeof data;
	assert_int_equal(codec_put_publish(&b, &s), -1);
	assert_int_equal(b.len, 5);
	codec_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_connack),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_publish_properties),
		cmocka_unit_test(test_acks),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bad_properties),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_put_connect),
		cmocka_unit_test(test_put_publish),
		cmocka_unit_test(test_put_others),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
