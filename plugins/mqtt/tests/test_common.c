/*
 * What both providers share: URLs, the checks of arguments, message copies.
 */
#include "queued.h"
#include "settings.h"
#include "url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct url good(const char *text)
{
	struct url u;
	const char *why;

	if (url_parse(&u, text, &why) == -1)
		fail_msg("%s: %s", text, why);
	return u;
}

static void bad(const char *text, const char *reason)
{
	struct url u;
	const char *why = NULL;

	assert_int_equal(url_parse(&u, text, &why), -1);
	assert_string_equal(why, reason);
}

static void test_urls(void **state)
{
	struct url u;

	(void)state;
	u = good("mqtt://broker");
	assert_string_equal(u.host, "broker");
	assert_int_equal(u.port, 1883);
	assert_false(u.tls || u.websocket || u.numeric);
	u = good("MQTTS://b.example:8884/");
	assert_true(u.tls);
	assert_int_equal(u.port, 8884);
	assert_int_equal(good("mqtts://b").port, 8883);
	assert_int_equal(good("tcp://b").port, 1883);
	assert_int_equal(good("b").port, 1883);
	assert_int_equal(good("127.0.0.1:7").port, 7);
	u = good("mqtt://[::1]:1884");
	assert_string_equal(u.host, "::1");
	assert_true(u.numeric);
	assert_int_equal(u.port, 1884);
	u = good("wss://b");
	assert_true(u.tls && u.websocket);
	assert_string_equal(u.path, "/mqtt");
	assert_int_equal(u.port, 443);
	assert_string_equal(good("ws://b:80/x/y").path, "/x/y");
}

static void test_bad_urls(void **state)
{
	char longest[400] = "mqtt://";

	(void)state;
	bad("http://b", "the scheme must be mqtt, mqtts, ws or wss");
	bad("mqtt://", "there is no host");
	bad("mqtt://:1883", "there is no host");
	bad("mqtt://[::1", "there is no host");
	bad("mqtt://b:0", "the port must be 1 to 65535");
	bad("mqtt://b:65536", "the port must be 1 to 65535");
	bad("mqtt://b:99999999999999999999", "the port must be 1 to 65535");
	bad("mqtt://b:", "the port must be 1 to 65535");
	bad("mqtt://b:1883x", "there is something odd after the port");
	bad("mqtt://b?x", "there is something odd after the port");
	bad("mqtt://b/path", "only ws and wss take a path");
	bad("mqtt://me@b", "a user and a password belong into .username and "
	    ".password, or the options of these names");
	bad("wss://me:s3cret@b:1/path", "a user and a password belong into "
	    ".username and .password, or the options of these names");
	bad("mqtt://b/me@c", "only ws and wss take a path");
	memset(longest + 7, 'h', 300);
	bad(longest, "the host is too long");
	bad("", "there is no host");
}

static void test_topics(void **state)
{
	(void)state;
	assert_null(settings_check_topic("a/b"));
	assert_non_null(settings_check_topic(NULL));
	assert_non_null(settings_check_topic(""));
	assert_non_null(settings_check_topic("a/+"));
	assert_non_null(settings_check_topic("#"));
	assert_null(settings_check_filter("#"));
	assert_null(settings_check_filter("+"));
	assert_null(settings_check_filter("a/+/c/#"));
	assert_null(settings_check_filter("$share/g/a/+"));
	assert_non_null(settings_check_filter("a/#/b"));
	assert_non_null(settings_check_filter("a#"));
	assert_non_null(settings_check_filter("a+/b"));
	assert_non_null(settings_check_filter("a/b+"));
	assert_non_null(settings_check_filter(""));
}

static void test_publishes(void **state)
{
	struct mqtt_publish_args a = { .topic = "t" };
	struct mqtt_property p[] = { { "k", NULL } };

	(void)state;
	assert_null(settings_check_publish(&a, 5));
	a.qos = 3;
	assert_non_null(settings_check_publish(&a, 5));
	a.qos = -1;
	assert_non_null(settings_check_publish(&a, 5));
	a.qos = 2;
	a.len = MQTT_PACKET_MAX + 1;
	assert_non_null(settings_check_publish(&a, 5));
	a.len = 0;
	a.response_topic = "x/#";
	assert_non_null(settings_check_publish(&a, 5));
	/* 3.1.1 has no properties to be wrong. */
	assert_null(settings_check_publish(&a, 4));
	a.response_topic = NULL;
	a.properties = p;
	a.property_count = 1;
	assert_non_null(settings_check_publish(&a, 5));
}

/* An argument struct of an older header is shorter, of a newer one longer. */
static void test_copies_of_other_sizes(void **state)
{
	struct { uint32_t a, b; } old = { 1, 2 };
	struct { uint32_t a, b, c; } now;
	struct { uint32_t a, b, c, d; } later = { 1, 2, 3, 4 };

	(void)state;
	memset(&now, 0xff, sizeof now);
	sized_copy(&now, sizeof now, &old, sizeof old);
	assert_true(now.a == 1 && now.b == 2 && now.c == 0);
	sized_copy(&now, sizeof now, &later, sizeof later);
	assert_true(now.a == 1 && now.b == 2 && now.c == 3);
}

static void test_messages(void **state)
{
	const uint32_t ids[] = { 7, 8, 9 };
	const struct mqtt_property list[] = { { "k", "v" }, { "", "" } };
	struct mqtt_message m = {
		.topic = "topic, cut here", .data = "a\0b", .len = 3,
		.content_type = "ct", .correlation = "x\0y",
		.correlation_len = 3, .subscription_ids = ids,
		.subscription_id_count = 3, .properties = list,
		.property_count = 2,
	};
	struct queued *q = queued_new(&m, 5);

	(void)state;
	assert_non_null(q);
	assert_string_equal(q->message.topic, "topic");
	assert_memory_equal(q->message.data, "a\0b", 4);
	assert_string_equal(q->message.content_type, "ct");
	assert_null(q->message.response_topic);
	assert_memory_equal(q->message.correlation, "x\0y", 3);
	assert_memory_equal(q->message.subscription_ids, ids, sizeof ids);
	assert_string_equal(q->message.properties[0].value, "v");
	assert_string_equal(q->message.properties[1].name, "");
	free(q);
	q = queued_new(&(struct mqtt_message){ .topic = "t" }, 1);
	assert_non_null(q);
	assert_string_equal(q->message.data, "");
	assert_int_equal(q->message.len, 0);
	free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_bad_urls),
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_publishes),
		cmocka_unit_test(test_copies_of_other_sizes),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
