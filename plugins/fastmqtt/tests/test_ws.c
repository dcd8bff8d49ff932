/*
 * WebSocket frames and handshake, on bytes, cut at every byte.
 */
#include "ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two pieces of a message with two pings between them, a pong, a long frame and
 * the end. */
static const uint8_t stream[] = {
	0x02, 3, 'a', 'b', 'c',
	0x89, 2, 'h', 'i',
	0x89, 2, 'h', 'i',
	0x80, 2, 'd', 'e',
	0x8a, 0,
	0x82, 0,
	0x82, 126, 0, 4, 'f', 'g', 'h', 'i',
	0x88, 2, 3, 0xe8,
};

/* Reads `stream` in pieces cut at `first` and `second`. */
static void read_cut(size_t first, size_t second)
{
	const size_t cuts[] = { first, second, sizeof stream };
	struct ws_reader r = { .left = 0 };
	char got[32] = "";
	size_t at = 0, n = 0;
	bool closed = false;
	int pings = 0;

	for (size_t i = 0; i < 3; i++) {
		size_t len = cuts[i] - at;
		uint8_t *copy = malloc(len + 1);
		const uint8_t *data = copy;
		enum ws_event event;
		struct codec_span out;
		const char *why;

		assert_non_null(copy);
		memcpy(copy, stream + at, len);
		at = cuts[i];
		while ((event = ws_read(&r, &data, &len, &out, &why))) {
			assert_int_not_equal(event, WS_BAD);
			if (event == WS_DATA) {
				memcpy(got + n, out.data, out.len);
				n += out.len;
			} else if (event == WS_PING) {
				assert_int_equal(out.len, 2);
				assert_memory_equal(out.data, "hi", 2);
				pings++;
			} else {
				closed = true;
			}
		}
		assert_int_equal(len, 0);
		free(copy);
	}
	got[n] = 0;
	assert_string_equal(got, "abcdefghi");
	assert_int_equal(pings, 2);
	assert_true(closed);
}

static void test_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i <= sizeof stream; i++) {
		for (size_t k = i; k <= sizeof stream; k++)
			read_cut(i, k);
	}
}

static void bad(const char *reason, const uint8_t *data, size_t len)
{
	struct ws_reader r = { .left = 0 };
	struct codec_span out;
	const char *why = NULL;

	assert_int_equal(ws_read(&r, &data, &len, &out, &why), WS_BAD);
	assert_string_equal(why, reason);
}

#define BAD(reason, ...) \
	bad(reason, (const uint8_t[]){ __VA_ARGS__ }, \
	    sizeof (const uint8_t[]){ __VA_ARGS__ })

static void test_refused(void **state)
{
	(void)state;
	BAD("WebSocket frame with reserved bits", 0xc2, 0);
	BAD("WebSocket frame with a mask", 0x82, 0x80);
	BAD("WebSocket frame that is not binary", 0x81, 1);
	BAD("WebSocket control frame too long", 0x89, 126, 0, 126);
	BAD("WebSocket control frame too long", 0x09, 0);
	BAD("WebSocket continuation out of turn", 0x80, 1);
	BAD("WebSocket continuation out of turn", 0x02, 0, 0x82, 0);
}

static void test_put_frame(void **state)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536 };
	static const size_t heads[] = { 6, 6, 6, 8, 8, 14 };
	uint8_t *data = calloc(1, 65536);
	struct codec_buf b = { NULL, 0, 0, 0 };

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < 6; i++) {
		b.len = 0;
		data[0] = 0x55;
		assert_int_equal(ws_put_frame(&b, WS_BINARY, data, sizes[i],
		    0x01020304), 0);
		assert_int_equal(b.len, heads[i] + sizes[i]);
		assert_int_equal(b.data[0], 0x82);
		assert_true(b.data[1] & 0x80);
		assert_memory_equal(b.data + heads[i] - 4, "\1\2\3\4", 4);
		if (sizes[i] > 0)
			assert_int_equal(b.data[heads[i]], 0x55 ^ 1);
	}
	free(data);
	codec_release(&b);
}

/* The example of RFC 6455, 1.3. */
static void test_handshake(void **state)
{
	static const char nonce[] = "the sample nonce";
	struct codec_buf b = { NULL, 0, 0, 0 };
	char key[WS_KEY_BYTES];
	const char *why;

	(void)state;
	assert_int_equal(ws_put_request(&b, "h", 80, "/mqtt",
	    (const uint8_t *)nonce, key), 0);
	assert_non_null(memmem(b.data, b.len, "\r\nHost: h:80\r\n", 14));
	codec_release(&b);
	assert_int_equal(ws_put_request(&b, "::1", 80, "/mqtt",
	    (const uint8_t *)nonce, key), 0);
	assert_non_null(memmem(b.data, b.len, "\r\nHost: [::1]:80\r\n", 18));
	codec_release(&b);
	assert_string_equal(key, "dGhlIHNhbXBsZSBub25jZQ==");
	assert_int_equal(ws_check_answer("HTTP/1.1 101 Switching\r\n"
	    "upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "sec-websocket-accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n"
	    "Sec-WebSocket-Protocol: mqtt\r\n\r\n", key, &why), 0);
	assert_int_equal(ws_check_answer("HTTP/1.1 404 Not Found\r\n\r\n",
	    key, &why), -1);
	assert_int_equal(ws_check_answer("HTTP/1.1 101 Switching\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=\r\n"
	    "Sec-WebSocket-Protocol: mqtt\r\n\r\n", key, &why), -1);
	assert_int_equal(ws_check_answer("HTTP/1.1 101 Switching\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
	    key, &why), -1);
	assert_string_equal(why, "no WebSocket: the server does not speak "
	    "mqtt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_put_frame),
		cmocka_unit_test(test_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
