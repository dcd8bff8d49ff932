/*
 * The command line of `swarm mqtt`, its templates, and its file of topics.
 */
#include "bench.h"
#include "fake_log.h"

#include <swarm/command.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what the host would provide ---- */

int swarm_run_option(const char *name, const char *value)
{
	fail_msg("--%s %s", name, value);
	return -1;
}

/* ---- */

#define READ(...) \
	read_args((char *[]){ "mqtt", __VA_ARGS__, NULL })

static int read_args(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	said[0] = 0;
	return bench_args_read(argc, argv);
}

static void test_emqtt_bench_lines(void **state)
{
	const struct bench_plan *p = &bench_plan;

	(void)state;
	assert_int_equal(READ("sub", "-c", "50000", "-i", "10", "-t",
	    "bench/%i", "-q", "2"), 0);
	assert_int_equal(p->mode, BENCH_SUB);
	assert_int_equal(p->count, 50000);
	assert_float_equal(p->rate, 100, 1e-9);
	assert_int_equal(p->topic[0].qos, 2);
	assert_int_equal(READ("pub", "-t", "t", "-h", "a,b:1884,wss://c/d",
	    "-p", "8883", "-S", "true", "-I", "10", "-s", "256", "--ws",
	    "false", "-F", "0", "-w", "true", "-L", "1000", "-c", "300"), 0);
	assert_string_equal(p->url[0], "mqtts://a:8883");
	assert_string_equal(p->url[1], "mqtts://b:1884");
	assert_string_equal(p->url[2], "wss://c/d");
	assert_true(p->wait);
	assert_int_equal(p->inflight, 65535);
	assert_int_equal(p->limit, 4);
	assert_float_equal(p->topic[0].interval, 0.01, 1e-9);
	assert_string_equal(p->topic[0].row, "publish:0:t");
	assert_int_equal(READ("conn", "--ssl-version", "tlsv1.3",
	    "--shortids", "-n", "7", "--num-retry-connect", "3",
	    "--reconnect", "2", "-l"), 0);
	assert_true(p->tls);
	assert_string_equal(p->tls_version, "1.3");
	assert_int_equal(p->reconnects, 2);
	assert_int_equal(READ("pub", "--payload-hdrs", "cnt64,ts"), 0);
	assert_false(p->stamp);
	assert_int_equal(p->header_count, 2);
	assert_int_equal(p->headers[1], BENCH_TS);
}

static void test_what_is_wrong(void **state)
{
	(void)state;
	assert_int_equal(READ("pub", "--quic", "true"), -1);
	assert_non_null(strstr(said, "QUIC"));
	assert_int_equal(READ("pub", "--retry-interval", "5"), -1);
	assert_non_null(strstr(said, "--reconnect"));
	assert_int_equal(READ("pub", "--payload-hdrs", "cnt65"), -1);
	assert_int_equal(READ("pub", "--user-property", "x"), -1);
	assert_int_equal(READ("pub", "--flap", "10"), -1);
	assert_int_equal(READ("pub", "-t", "a/#"), -1);
	assert_int_equal(READ("pubsub", "-t", "a", "-t", "+/a"), -1);
	assert_int_equal(READ("sub", "-t", "a/#"), 0);
	assert_int_equal(READ("pub", "-m", "template:///nowhere"), -1);
	assert_non_null(strstr(said, "cannot read /nowhere"));
	assert_int_equal(READ("pub", "--size", "-1"), -1);
	assert_int_equal(READ("--help"), 1);
	assert_int_equal(READ("pub", "--help"), 1);
}

/* ../common/cmdline.c, which other commands have too. */
static void test_numbers(void **state)
{
	static char *const wrong[] = { "", " 1", "1 ", "0x10", "inf", "nan",
		"1.5", "1e", "1,000", "0", "10000001", "1e400" };
	const struct bench_plan *p = &bench_plan;

	(void)state;
	assert_int_equal(READ("pub", "-c", "1e3", "--receive-maximum",
	    "65535"), 0);
	assert_int_equal(p->count, 1000);
	assert_int_equal(p->receive_maximum, 65535);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char want[80];

		snprintf(want, sizeof want, "--count %s: give a whole number "
		    "from 1 to 10000000", wrong[i]);
		assert_int_equal(READ("pub", "-c", wrong[i]), -1);
		assert_string_equal(said, want);
	}
	assert_int_equal(READ("pub", "-c"), -1);
	assert_string_equal(said, "-c needs a value");
	assert_int_equal(READ("pub", "--nonsense"), -1);
	assert_string_equal(said, "there is no option --nonsense; see swarm "
	    "mqtt --help");
}

static void is_in_help(const char *name, void *arg)
{
	char text[64];

	(void)arg;
	snprintf(text, sizeof text, "--%s", name);
	if (!strstr(bench_help, text))
		fail_msg("the help does not name %s", text);
}

static void test_help_names_all(void **state)
{
	(void)state;
	bench_args_each(is_in_help, NULL);
}

/* A file with these contents; its name is valid until the next call. */
static char *file_of(const char *text)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof path, "/tmp/swarm-args-XXXXXX");
	fd = mkstemp(path);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

static void test_topics(void **state)
{
	const struct bench_plan *p = &bench_plan;
	struct bench_values v = { .client_id = "c", .number = 3,
		.wall_ns = 1700000000123456789, .username = "" };
	char to[100];
	char *path = file_of("{\"topics\": [{\"name\": \"a/%i\", "
	    "\"interval_ms\": \"100\", \"QoS\": 1, "
	    "\"inject_timestamp\": true, \"payload\": {\"x\": \"%i\", "
	    "\"timestamp\": \"0\"}}, {\"name\": \"b\", \"interval_ms\": "
	    "5, \"render\": \"V\", \"payload\": {\"V\": \"V-%i\"}}]}");

	(void)state;
	assert_int_equal(READ("pub", "--topics-payload", path), 0);
	unlink(path);
	assert_int_equal(p->topic_count, 2);
	assert_int_equal(p->topic[0].qos, 1);
	assert_float_equal(p->topic[0].interval, 0.1, 1e-9);
	bench_template_fill(to, sizeof to, p->topic[0].message, &v);
	assert_string_equal(to,
	    "{\"x\":\"%i\",\"timestamp\":\"1700000000123\"}");
	bench_template_fill(to, sizeof to, p->topic[1].message, &v);
	assert_string_equal(to, "{\"V\":\"V-3\"}");
	path = file_of("{\"topics\": [{\"name\": \"a\", \"QoS\": 3, "
	    "\"payload\": {}}]}");
	assert_int_equal(READ("pub", "--topics-payload", path), -1);
	assert_non_null(strstr(said, "topic 1 needs"));
	unlink(path);
	path = file_of("{]");
	assert_int_equal(READ("pub", "--topics-payload", path), -1);
	assert_non_null(strstr(said, "line 1"));
	unlink(path);
}

static void test_templates(void **state)
{
	struct bench_values v = { .client_id = "c1", .username = "me",
		.number = 5, .sequence = 9, .random = 1234, .size = 70,
		.wall_ns = 1700000000123456789 };
	char to[100];

	(void)state;
	assert_int_equal(bench_template_fill(to, sizeof to,
	    "a/%i/%c/%u/%s/%rand_100/%%/%x%", &v), 20);
	assert_string_equal(to, "a/5/c1/me/9/34/%/%x%");
	assert_int_equal(bench_template_fill(to, 4, "abcdef", &v), 6);
	assert_string_equal(to, "abc");
	bench_template_fill(to, sizeof to, "%TIMESTAMP% %TIMESTAMPMS% "
	    "%TIMESTAMPUS% %TIMESTAMPNS%", &v);
	assert_string_equal(to, "1700000000 1700000000123 1700000000123456 "
	    "1700000000123456789");
	bench_template_fill(to, sizeof to, "%UNIQUE%", &v);
	assert_string_equal(to, "c1-1700000000123456789-9");
	assert_int_equal(bench_template_fill(to, sizeof to, "<%RANDOM%>", &v),
	    72);
	assert_int_equal(strspn(to + 1, "abcdefghijklmnopqrstuvwxyz"), 70);
}

static int forget(void **state)
{
	(void)state;
	bench_args_forget();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_emqtt_bench_lines),
		cmocka_unit_test(test_what_is_wrong),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_help_names_all),
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_templates),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
