/* Locust's CSV files, to the byte. */
#include "report_kit.h"

#include "base/log.h"
#include "report/csv.h"

#include <signal.h>
#include <sys/resource.h>

static void expect_row(const char *table, const char *row)
{
	if (!strstr(table, row))
		fail_msg("no row %s among %s", row, table);
}

static void test_csv_stats(void **state)
{
	struct fixture *f = *state;
	struct buf out = BUF_INIT(1 << 16);

	csv_stats(&out, f->stats);
	assert_string_equal(buf_str(&out),
	    "Type,Name,Request Count,Failure Count,Median Response Time,"
	    "Average Response Time,Min Response Time,Max Response Time,"
	    "Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,"
	    "95%,98%,99%,99.9%,99.99%,100%\r\n"
	    ",Aggregated,0,0,0,0.0,0,0,0,0.0,0.0,N/A,N/A,N/A,N/A,N/A,N/A,N/A,"
	    "N/A,N/A,N/A,N/A\r\n");
	buf_clear(&out);
	for (int ms = 1; ms <= 10; ms++)
		sample(f, "/b \"x\", y", ms, NULL);
	sample(f, "/a", 147, "no");
	f->stats->total.start_time = 1000;
	f->stats->total.last_time = 1004;
	csv_stats(&out, f->stats);
	expect_row(buf_str(&out), "\r\nGET,/a,1,1,147,147.0,147.0,147.0,33.0,"
	    "0.25,0.25,150,150,150,150,150,150,150,150,150,150,150\r\n");
	expect_row(buf_str(&out), "\r\nGET,\"/b \"\"x\"\", y\",10,0,5,5.5,1.0,"
	    "10.0,33.0,2.5,0.0,6,7,8,9,10,10,10,10,10,10,10\r\n");
	/* By name, then type; the total last. */
	assert_true(strstr(buf_str(&out), "/a") <
	    strstr(buf_str(&out), "/b"));
	assert_true(strstr(buf_str(&out), "/b") <
	    strstr(buf_str(&out), ",Aggregated,11,1,"));
	buf_release(&out);
}

/* So many of each that every column has a value of its own, but for the last
 * two. */
static void test_csv_percentiles(void **state)
{
	static const int counts[] = { 5000, 1600, 900, 500, 1000, 500, 300,
		100, 90, 9, 1 };
	struct fixture *f = *state;
	struct buf out = BUF_INIT(1 << 16);

	for (int i = 0; i < 11; i++) {
		for (int n = 0; n < counts[i]; n++)
			sample(f, "/a", i + 1, NULL);
	}
	csv_stats(&out, f->stats);
	expect_row(buf_str(&out), ",2,3,4,5,6,7,8,9,10,11,11\r\n");
	buf_release(&out);
}

static void test_csv_failures(void **state)
{
	struct fixture *f = *state;
	struct buf out = BUF_INIT(1 << 16);
	struct series *s = stats_series(f->stats, "POST", "/ok");

	stats_error(f->stats, s, "a \"b\",\nc", 7, 1795249539.9,
	    1795249540.1);
	stats_error(f->stats, s, "old worker", 1, 0, 0);
	csv_failures(&out, f->stats);
	expect_row(buf_str(&out),
	    "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n");
	expect_row(buf_str(&out), "\r\nPOST,/ok,\"a \"\"b\"\",\nc\",7,"
	    "2026-11-21T08:25:39Z,2026-11-21T08:25:40Z\r\n");
	expect_row(buf_str(&out), "\r\nPOST,/ok,old worker,1,,\r\n");
	buf_clear(&out);
	stats_exception(f->stats, "kaboom", "line 1\nline 2", "host_1");
	stats_exception(f->stats, "kaboom", "line 1\nline 2", "host_2");
	csv_exceptions(&out, f->stats);
	assert_string_equal(buf_str(&out), "Count,Message,Traceback,Nodes\r\n"
	    "2,kaboom,\"line 1\nline 2\",\"host_1, host_2\"\r\n");
	buf_release(&out);
}

static void test_csv_history(void **state)
{
	struct fixture *f = *state;
	char *path = xasprintf("%s_stats_history.csv", f->prefix), *text;
	int code;

	for (int full = 0; full < 2; full++) {
		stats_reset(f->stats);
		f->options.csv_full_history = full;
		f->outcome.run.started = clock_now();
		assert_int_equal(report_start(&f->options), 0);
		for (int t = 0; t < 20; t++) {
			sample(f, "/a", t < 5 ? 400 : 10, NULL);
			second(f);
		}
		text = finish(f, &code);
		free(text);
		text = read_file(path);
		/* One a second, and the last. */
		assert_int_equal(count_lines(text, ",4,,Aggregated,"), 21);
		assert_int_equal(count_lines(text, ",4,GET,/a,"), full * 21);
		/* Ten seconds with the full history, else the whole run. */
		assert_int_equal(count_lines(text, ",10,10,10,10,10,10,10,"
		    "10,10,10,10,20,0,"), full ? 4 : 0);
		assert_int_equal(count_lines(text, ",10,10,400,400,400,400,"
		    "400,400,400,400,400,20,0,"), full ? 0 : 2);
		free(text);
	}
	free(path);
}

static char said[4096];

static void hear(enum log_level level, const char *line, void *arg)
{
	size_t len = strlen(said);

	(void)level;
	(void)arg;
	snprintf(said + len, sizeof(said) - len, "%s\n", line);
}

/* Files may grow by so much and no more. */
static void allow(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Each time it begins is said once; the rows that fit are all there. */
static void test_csv_disk_full(void **state)
{
	struct fixture *f = *state;
	char *path = xasprintf("%s_stats_history.csv", f->prefix), *text;
	struct stat st;
	int code;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(report_start(&f->options), 0);
	log_set_sink(hear, NULL);
	said[0] = '\0';
	for (int t = 0; t < 9; t++) {
		if (t % 3 == 2) {
			assert_int_equal(stat(path, &st), 0);
			allow((rlim_t)st.st_size);
		}
		second(f);
		allow(RLIM_INFINITY);
	}
	text = finish(f, &code);
	log_set_sink(NULL, NULL);
	free(text);
	text = read_file(path);
	assert_int_equal(count_lines(text, ",Aggregated,"), 6 + 1);
	assert_int_equal(count_lines(said, "tried again each second"), 3);
	assert_non_null(strstr(said, "3 seconds are missing"));
	free(text);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_csv_stats),
		TEST(test_csv_percentiles),
		TEST(test_csv_failures),
		TEST(test_csv_history),
		TEST(test_csv_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
