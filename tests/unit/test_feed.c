/* Files of rows: what is read, what is refused and where, what a field is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "user/feed_file.h"

static char said[2048];
static char path[64];

static void sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(said, sizeof said, "%s", line);
}

static void write_file(const char *suffix, const void *text, size_t len)
{
	FILE *f;

	snprintf(path, sizeof path, "/tmp/swarm-feed-%d%s", (int)getpid(),
	    suffix);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
	said[0] = '\0';
}

static int open_text(struct feed_file *f, const char *suffix,
    const char *text, char separator, const char *columns)
{
	int rc;

	write_file(suffix, text, strlen(text));
	rc = feed_file_open(f, path, separator, columns);
	unlink(path);
	return rc;
}

/* A field as text; "(none)" when there is none. */
static const char *field(const struct feed_file *f, uint64_t row,
    const char *name)
{
	static char text[256];
	struct feed_field got;
	int column = feed_file_column((struct feed_file *)(uintptr_t)f, name);

	assert_int_not_equal(column, -1);
	feed_file_field(f, row, column, &got);
	if (got.data == NULL)
		return "(none)";
	assert_true(got.len < sizeof text);
	if (got.escaped)
		text[feed_file_unescape(f, &got, text)] = '\0';
	else
		snprintf(text, sizeof text, "%.*s", (int)got.len, got.data);
	return text;
}

static void test_csv(void **state)
{
	struct feed_file f;

	(void)state;
	assert_int_equal(open_text(&f, ".csv", "\xef\xbb\xbf" "a,\"b \"\"x\"\"\",c\r\n"
	    "1,2,3\r\n"
	    "\n"
	    "\"one, two\",\"say \"\"hi\"\"\",\"line 1\r\nline 2\"\n"
	    ",,\n"
	    "last,\"\"\"\",\"\"", '\0', NULL), 0);
	assert_int_equal(f.row_count, 4);
	assert_int_equal(f.column_count, 3);
	assert_string_equal(field(&f, 0, "a"), "1");
	assert_string_equal(field(&f, 0, "b \"x\""), "2");
	assert_string_equal(field(&f, 1, "a"), "one, two");
	assert_string_equal(field(&f, 1, "b \"x\""), "say \"hi\"");
	assert_string_equal(field(&f, 1, "c"), "line 1\r\nline 2");
	assert_string_equal(field(&f, 2, "c"), "");
	assert_string_equal(field(&f, 3, "b \"x\""), "\"");
	assert_string_equal(field(&f, 3, "c"), "");
	assert_int_equal(feed_file_column(&f, "d"), -1);
	feed_file_release(&f);
	assert_int_equal(open_text(&f, ".txt", "1;2,5;x\n3;4,5;y", ';',
	    "id,price,what"), 0);
	assert_int_equal(f.row_count, 2);
	assert_string_equal(field(&f, 1, "price"), "4,5");
	assert_string_equal(field(&f, 1, "what"), "y");
	feed_file_release(&f);
	/* One column: an empty line is no row. */
	assert_int_equal(open_text(&f, ".csv", "a\n\n\nx\n\n", '\0', NULL), 0);
	assert_int_equal(f.row_count, 1);
	feed_file_release(&f);
}

static void test_ndjson(void **state)
{
	struct feed_file f;

	(void)state;
	assert_int_equal(open_text(&f, ".ndjson",
	    "{\"a\": \"x\", \"n\": -1.5e3 , \"t\":true,\"nil\":null}\n"
	    "\n"
	    "  { \"deep\": {\"a\": [1, \"}\"]}, \"a\" : \"\\u00e9\\ud83d\\ude00"
	    "\\n\\\"\\\\\\/\", \"k\\u0065y\": 7 }  \r\n"
	    "{\"n\":[1,{\"a\":\"no\"}],\"a\":\"\"}", '\0', NULL), 0);
	assert_int_equal(f.row_count, 3);
	assert_string_equal(field(&f, 0, "a"), "x");
	assert_string_equal(field(&f, 0, "n"), "-1.5e3");
	assert_string_equal(field(&f, 0, "t"), "true");
	assert_string_equal(field(&f, 0, "nil"), "(none)");
	assert_string_equal(field(&f, 1, "a"),
	    "\xc3\xa9\xf0\x9f\x98\x80\n\"\\/");
	assert_string_equal(field(&f, 1, "n"), "(none)");
	assert_string_equal(field(&f, 2, "n"), "[1,{\"a\":\"no\"}]");
	assert_string_equal(field(&f, 2, "a"), "");
	assert_int_equal(feed_file_column(&f, "key"), -1);
	assert_non_null(strstr(said, "no member \"key\""));
	feed_file_release(&f);
	assert_int_equal(open_text(&f, ".jsonl", "{\"k\\u0065y\": 7}", '\0',
	    NULL), 0);
	assert_string_equal(field(&f, 0, "key"), "7");
	feed_file_release(&f);
}

static void test_refused(void **state)
{
	static const struct {
		const char *suffix;
		const char *text;
		const char *message;
	} cases[] = {
		{ ".csv", "a,b\n1\n", ":2: 1 field, but there are 2 columns" },
		{ ".csv", "a,b\n1,2\n1,2,3\n", ":3: 3 fields" },
		{ ".csv", "a\n\"x\n\n", ":2:1: this quote is never closed" },
		{ ".csv", "a\n\"x\"y\n", ":2:4: the field's quote is closed" },
		{ ".csv", "a,b\nx,y\"z\n", ":2:4: a quote within a field" },
		{ ".csv", "a\nx\ry\n", ":2:2: a carriage return" },
		{ ".csv", "a,a\n1,2\n", "two columns named \"a\"" },
		{ ".csv", "a,\n1,2\n", "column 2: it has no name" },
		{ ".csv", "a,b\n", "no row" },
		{ ".csv", "\n\n", "it has no name" },
		{ ".csv", "\"a\nb\",c\n\"d\n\ne\",f\ng\n", ":6: 1 field" },
		{ ".ndjson", "{\"a\": 1}\n[1]\n", ":2:1: not a JSON object" },
		{ ".ndjson", "{\"a\": 1,}\n", ":1:" },
		{ ".ndjson", "{\"a\": 1, \"a\": 2}\n", ":1:" },
		{ ".ndjson", "{\"a\": \"\\u0000\"}\n", ":1:" },
		{ ".ndjson", "{\"a\": 1} x\n", ":1:" },
		{ ".ndjson", "\n \n", "no row" },
	};
	struct feed_file f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (open_text(&f, cases[i].suffix, cases[i].text, '\0',
		    NULL) != -1)
			fail_msg("taken: %s", cases[i].text);
		if (strstr(said, cases[i].message) == NULL)
			fail_msg("%s: %s", cases[i].text, said);
	}
	write_file(".csv", "a\nx\0y\n", 6);
	assert_int_equal(feed_file_open(&f, path, '\0', NULL), -1);
	assert_non_null(strstr(said, ":2:2: a NUL byte"));
	unlink(path);
	assert_int_equal(feed_file_open(&f, "/nonexistent", '\0', NULL), -1);
	assert_int_equal(feed_file_open(&f, "/tmp", '\0', NULL), -1);
	assert_non_null(strstr(said, "no regular file"));
}

/* Every part of a good file is read safely or refused, and so is the file
 * with any of its bytes replaced. */
static void test_any_bytes(void **state)
{
	static const char csv[] = "a,\"b\"\r\n1,\"x\"\"y\"\r\n\"2\n\",3\n";
	static const char json[] =
	    "{\"a\":\"\\u00e9\",\"b\":[1]}\n{\"b\":{},\"a\":null}\n";
	static const char bytes[] = "\",\n\r\\{}[]:u0\x80";

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		const char *text = kind == 0 ? csv : json;
		size_t len = strlen(text);

		for (size_t i = 0; i < len * sizeof bytes; i++) {
			char copy[128];
			struct feed_file f;

			memcpy(copy, text, len);
			copy[i / sizeof bytes] = bytes[i % sizeof bytes];
			write_file(kind == 0 ? ".csv" : ".ndjson", copy,
			    i % 7 == 0 ? i / sizeof bytes + 1 : len);
			if (feed_file_open(&f, path, '\0', NULL) == -1)
				continue;
			if (f.json)
				feed_file_column(&f, "a");
			for (uint64_t row = 0; row < f.row_count; row++) {
				struct feed_field got;
				char out[256];

				feed_file_field(&f, row, 0, &got);
				if (got.escaped)
					assert_true(feed_file_unescape(&f,
					    &got, out) <= got.len);
			}
			feed_file_release(&f);
		}
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_ndjson),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_any_bytes),
	};

	log_set_sink(sink, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
