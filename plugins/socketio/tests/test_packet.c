/* Socket.IO's packets as text. */
#include "packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool reads(struct packet *p, const char *text)
{
	return packet_read(p, text, strlen(text));
}

static void test_read(void **state)
{
	struct packet p;
	size_t len;

	(void)state;
	assert_true(reads(&p, "40{\"sid\":\"x\"}"));
	assert_int_equal(p.type, PACKET_CONNECT);
	assert_true(packet_in(&p, NULL));
	assert_true(packet_in(&p, "/"));
	assert_false(p.has_id);
	assert_true(reads(&p, "43/news,17[1,\"b\"]"));
	assert_true(packet_in(&p, "/news"));
	assert_false(packet_in(&p, "/new"));
	assert_false(packet_in(&p, NULL));
	assert_true(p.has_id);
	assert_int_equal(p.id, 17);
	assert_memory_equal(packet_values(&p, &len), "1,\"b\"", 5);
	assert_int_equal(len, 5);
	assert_true(reads(&p, "41/news"));
	assert_true(packet_in(&p, "/news"));
	assert_null(packet_values(&p, &len));
	assert_false(reads(&p, ""));
	assert_false(reads(&p, "4"));
	assert_false(reads(&p, "2"));
	assert_false(reads(&p, "49"));
	assert_false(reads(&p, "451-[\"a\"]"));
	assert_false(reads(&p, "4312345678901234567890[]"));
}

static bool is_event(const char *text, const char *event, const char *args)
{
	struct packet p;
	const char *at;
	size_t len;

	if (!reads(&p, text))
		return false;
	at = packet_event(&p, event, &len);
	return at && len == strlen(args) && memcmp(at, args, len) == 0;
}

static void test_event(void **state)
{
	(void)state;
	assert_true(is_event("42[\"said\",1,{\"a\":[]}]", "said",
	    "1,{\"a\":[]}"));
	assert_true(is_event("42/n,5[\"said\"]", "said", ""));
	assert_false(is_event("42[\"saids\",1]", "said", "1"));
	assert_false(is_event("42[\"said\"1]", "said", "1"));
	assert_false(is_event("42[\"said\"", "said", ""));
	assert_false(is_event("42[]", "said", ""));
	assert_false(is_event("43[\"said\",1]", "said", "1"));
	assert_true(packet_is_plain("new message"));
	assert_false(packet_is_plain("a\"b"));
	assert_false(packet_is_plain("a\\b"));
	assert_false(packet_is_plain("a\nb"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
