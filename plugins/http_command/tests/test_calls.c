/* curl command lines, HTTP archives, and the scenarios written from them. */
#include "call.h"
#include "fake_log.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void swarm_import(struct swarm_import *import)
{
	(void)import;
}

/* ---- words ---- */

static void check_words(const char *line, const char *want)
{
	char got[512] = "";
	int count, i;
	char **words = words_split(line, &count);

	assert_non_null(words);
	for (i = 0; i < count; i++) {
		strncat(got, "[", sizeof got - strlen(got) - 1);
		strncat(got, words[i], sizeof got - strlen(got) - 1);
		strncat(got, "]", sizeof got - strlen(got) - 1);
		free(words[i]);
	}
	free(words);
	assert_string_equal(got, want);
}

static void test_words(void **state)
{
	int count;

	(void)state;
	check_words("curl a", "[curl][a]");
	check_words("  curl 'a b' \"c d\"  e\\ f ", "[curl][a b][c d][e f]");
	check_words("curl \\\n  a \\\r\n b", "[curl][a][b]");
	check_words("'it'\\''s' a\"b\"c", "[it's][abc]");
	check_words("\"\\\"\\$\\n\"", "[\"$\\n]");
	check_words("$'a\\n\\t\\x41\\u00e9\\'\\101'", "[a\n\tA\xc3\xa9'A]");
	/* As browsers write what has more than four digits. */
	check_words("$'\\ud83d\\ude00 \\ud83d.'", "[\xf0\x9f\x98\x80 "
	    "\xed\xa0\xbd.]");
	check_words("'' \"\"", "[][]");
	check_words("", "");
	assert_null(words_split("curl 'open", &count));
	assert_string_equal(said, "a quote in the curl command is not closed");
	assert_null(words_split("curl $'open\\", &count));
}

/* ---- curl ---- */

/* Lives until the next line, or archive, is read. */
static char **words;
static struct calls *last_calls;
static struct client *last_client;

static void release_last(void)
{
	words_free(words);
	words = NULL;
	if (last_calls)
		call_release_all(last_calls);
	if (last_client)
		call_release_client(last_client);
	last_calls = NULL;
	last_client = NULL;
}

static void read_line(const char *line, struct calls *calls,
    struct client *client, int want)
{
	int count;

	release_last();
	last_calls = calls;
	last_client = client;
	words = words_split(line, &count);

	memset(calls, 0, sizeof *calls);
	memset(client, 0, sizeof *client);
	assert_non_null(words);
	assert_int_equal(curl_read(words, count, calls, client), want);
}

static void test_curl(void **state)
{
	static struct calls c;
	static struct client k;
	struct call *r;
	char line[20000] = "";

	(void)state;
	read_line("curl -sSL -XPUT 'https://h/x' -H 'A: b' -H 'C:' -d one "
	    "--data-raw @two -k --compressed --max-time 5", &c, &k, 0);
	r = c.list;
	assert_int_equal(c.count, 1);
	assert_string_equal(r->url, "https://h/x");
	assert_string_equal(r->method, "PUT");
	assert_string_equal(r->body, "one&@two");
	assert_string_equal(r->headers[0].name, "A");
	assert_string_equal(r->headers[0].value, "b");
	assert_null(r->headers[1].value);
	assert_string_equal(r->headers[2].value,
	    "application/x-www-form-urlencoded");
	assert_true(k.insecure && k.compressed);
	assert_string_equal(k.timeout, "5");

	read_line("curl h:8080/p -G -d a=1 --data-urlencode 'b=x y'", &c, &k,
	    0);
	assert_string_equal(c.list->url, "http://h:8080/p?a=1&b=x%20y");
	assert_null(c.list->body);

	read_line("curl --json '{}' http://h -u u:p --http2", &c, &k, 0);
	r = c.list;
	assert_string_equal(r->body, "{}");
	assert_true(call_has_header(r, "content-type"));
	assert_string_equal(r->headers[2].value, "Basic dTpw");
	assert_string_equal(k.version, "2");

	read_line("curl http://h -F 'f=@/etc/name;type=text/plain' -F a=b", &c,
	    &k, 0);
	r = c.list;
	assert_int_equal(r->part_count, 2);
	assert_string_equal(r->parts[0].file, "/etc/name");
	assert_string_equal(r->parts[0].type, "text/plain");
	assert_string_equal((const char *)r->parts[1].data, "b");

	read_line("curl -I http://h", &c, &k, 0);
	assert_string_equal(c.list->method, "HEAD");

	read_line("curl 'h/to?url=http://x'", &c, &k, 0);
	assert_string_equal(c.list->url, "http://h/to?url=http://x");
	memset(line, 'a', sizeof line - 1);
	memcpy(line, "curl h/", 7);
	read_line(line, &c, &k, 0);
	assert_int_equal(strlen(c.list->url), strlen(line) + 2);
}

static void check_refused(const char *line, const char *why)
{
	static struct calls c;
	static struct client k;

	read_line(line, &c, &k, -1);
	if (!strstr(said, why))
		fail_msg("\"%s\" does not say \"%s\"", said, why);
}

static void test_curl_refused(void **state)
{
	(void)state;
	check_refused("curl", "has no URL");
	check_refused("curl http://a http://b", "two URLs");
	check_refused("curl http://a --ftp-pasv", "--ftp-pasv is not");
	check_refused("curl http://a -Z", "-Z is not");
	check_refused("curl http://a -H", "-H has no value");
	check_refused("curl http://a --header", "--header has no value");
	check_refused("curl http://a -H nonsense", "\"Name: value\"");
	check_refused("curl http://a -b jar.txt", "-b with a file");
	check_refused("curl http://a -d @/nonexistent", "cannot read");
	check_refused("curl http://a -F nonsense", "name=value");
	check_refused("curl http://a -u me", "NAME:PASSWORD");
}

/* ---- scenarios ---- */

static void test_write(void **state)
{
	static struct calls c;
	static struct client k;
	char *text;

	(void)state;
	read_line("curl https://h:8443/a/b?c=1 -H 'X-Y: \"q\"' -d 'p\n?\?='",
	    &c, &k, 0);
	call_set(&call_add(&c)->url, "https://other/x");
	call_set(&c.list[1].method, "PURGE");
	call_set(&call_add(&c)->url, "https://h:8443");
	c.list[2].pause = 1.5;
	text = write_scenario(&c, &k, "a test", true);
	assert_string_equal(text,
	    "/* Written from a test. */\n"
	    "#include <swarm/swarm.h>\n#include <swarm/http.h>\n\n"
	    "static void visit(struct swarm_user *u)\n{\n"
	    "\thttp_post(u, \"/a/b?c=1\",\n"
	    "\t    .headers = HTTP_FIELDS({ \"X-Y\", \"\\\"q\\\"\" },\n"
	    "\t        { \"Content-Type\", "
	    "\"application/x-www-form-urlencoded\" }),\n"
	    "\t    .body = \"p\\n?\\?=\");\n"
	    "\thttp_request(u, .method = \"PURGE\", .path = "
	    "\"https://other/x\");\n"
	    "\tswarm_sleep(1.5);\n"
	    "\thttp_get(u, \"/\");\n"
	    "}\n\nSWARM_SCENARIO({\n\t.name = \"visitor\",\n"
	    "\t.host = \"https://h:8443\",\n\t.wait = SWARM_BETWEEN(1, 5),\n"
	    "\t.tasks = SWARM_TASKS(SWARM_TASK(visit)),\n});\n");
	free(text);

	/* What is no matter of a request. */
	read_line("curl -k -x 'http://p:1/?*/' https://h --http1.1", &c, &k,
	    0);
	text = write_scenario(&c, &k, "a test", false);
	assert_non_null(strstr(text, "/* Written from a test. */\n"
	    "/* To be run with these options. */\n"
	    "// --plugin http\n"
	    "// -o http.version=\"1.1\"\n"
	    "// -o http.insecure=\"yes\"\n"
	    "// -o http.proxy=\"http://p:1/?*/\"\n"
	    "#include <swarm/swarm.h>\n"));
	free(text);
}

/* ---- archives ---- */

static int read_har(const char *json, struct calls *c)
{
	char name[] = "/tmp/swarm-har-XXXXXX";
	int fd = mkstemp(name), rc;

	release_last();
	last_calls = c;
	memset(c, 0, sizeof *c);
	assert_int_equal(write(fd, json, strlen(json)), strlen(json));
	close(fd);
	rc = from_har_read(name, c);
	unlink(name);
	return rc;
}

static void test_har(void **state)
{
	static struct calls c;

	(void)state;
	assert_int_equal(read_har("{\"log\":{\"entries\":["
	    "{\"startedDateTime\":\"2024-01-31T12:00:00.000Z\",\"request\":"
	    "{\"method\":\"GET\",\"url\":\"https://h/a\",\"headers\":["
	    "{\"name\":\":authority\",\"value\":\"h\"},"
	    "{\"name\":\"Cookie\",\"value\":\"old\"},"
	    "{\"name\":\"sec-ch-ua\",\"value\":\"x\"},"
	    "{\"name\":\"Accept\",\"value\":\"*/*\"}]}},"
	    "{\"startedDateTime\":\"2024-01-31T12:00:02.500Z\",\"request\":"
	    "{\"method\":\"POST\",\"url\":\"https://h/b\",\"headers\":[],"
	    "\"postData\":{\"mimeType\":\"x/y\",\"text\":\"body\"}}},"
	    "{\"request\":{\"method\":\"GET\",\"url\":\"data:text/plain,x\"}}"
	    "]}}", &c), 0);
	assert_int_equal(c.count, 2);
	assert_string_equal(c.list[0].url, "https://h/a");
	assert_int_equal(c.list[0].header_count, 1);
	assert_string_equal(c.list[0].headers[0].name, "Accept");
	assert_string_equal(c.list[1].body, "body");
	assert_true(c.list[1].pause > 2.49 && c.list[1].pause < 2.51);
}

static void test_bad_har(void **state)
{
	static struct calls c;

	(void)state;
	assert_int_equal(read_har("nonsense", &c), -1);
	assert_non_null(strstr(said, "as an HTTP archive"));
	assert_int_equal(read_har("{\"log\":{}}", &c), -1);
	assert_non_null(strstr(said, "no log.entries"));
	assert_int_equal(read_har("{\"log\":{\"entries\":[]}}", &c), -1);
	assert_non_null(strstr(said, "no HTTP request"));
	assert_int_equal(read_har("{\"log\":{\"entries\":[1, null, {}, "
	    "{\"request\": 5}]}}", &c), -1);
	assert_int_equal(from_har_read("/nonexistent", &c), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_curl),
		cmocka_unit_test(test_curl_refused),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_har),
		cmocka_unit_test(test_bad_har),
	};

	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	release_last();
	return rc;
}
