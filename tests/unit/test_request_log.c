/* The log of single requests: what was put in comes out, and what could not
 * be written is counted to the last one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "report/request_form.h"
#include "report/request_log.h"
#include "stats/stats.h"

static char folder[] = "/tmp/swarm-request-log-XXXXXX";
static char *base;

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	base = xasprintf("%s/log", folder);
	return 0;
}

static int remove_folder(void **state)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);

	(void)state;
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	free(base);
	return rmdir(folder);
}

struct sum {
	uint64_t samples;
	uint64_t failed;
	uint64_t bytes;
	uint64_t gaps;
	uint64_t ends;
	uint64_t missing;               /* as the end says */
	bool whole;                     /* every byte was a record */
};

static void add_up(struct sum *sum, const char *data, size_t len)
{
	struct request_names names = { 0 };
	struct request_head head;
	struct request r;
	size_t at = REQUEST_HEAD;

	memset(sum, 0, sizeof(*sum));
	assert_true(len >= REQUEST_HEAD);
	assert_int_equal(request_read_head(&head, data), 0);
	while (at < len) {
		ssize_t n = request_read(&r, &names, data + at, len - at);

		if (n <= 0)
			break;
		at += (size_t)n;
		if (r.kind == REQUEST_SAMPLE) {
			sum->samples++;
			sum->failed += r.failed;
			sum->bytes += r.bytes;
		} else if (r.kind == REQUEST_GAP) {
			sum->gaps += r.bytes;
		} else if (r.kind == REQUEST_END) {
			sum->ends++;
			sum->missing = r.bytes;
		}
	}
	sum->whole = at == len;
	request_names_release(&names);
}

static char *read_file(const char *path, size_t *len)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	char *data;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	*len = (size_t)st.st_size;
	data = xmalloc(*len + 1);
	assert_int_equal(fread(data, 1, *len, f), *len);
	fclose(f);
	return data;
}

static void add(struct stats *stats, unsigned i)
{
	static const char *const names[] = { "/", "/a,b", "/\"x\"" };
	struct series *s = stats_series(stats, "GET", names[i % 3]);

	request_log_add(s, 1000000 * (int64_t)i, 500 + i, i % 5, i % 100, i,
	    i % 4 == 0 ? "HTTP 500, \"so\"" : NULL);
}

static void test_round_trip(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct request_log_account account;
	struct sum sum;
	char *path = request_log_path(base, 7), *data;
	size_t len;

	(void)state;
	assert_int_equal(request_log_open(base, 7), 0);
	for (unsigned i = 0; i < 50000; i++) {
		add(stats, i);
		/* Also what does not fill a buffer. */
		if (i == 100)
			request_log_flush(&account);
	}
	request_log_close(&account);
	data = read_file(path, &len);
	add_up(&sum, data, len);
	assert_true(sum.whole);
	assert_int_equal(sum.samples + sum.gaps, 50000);
	assert_int_equal(sum.ends, 1);
	assert_int_equal(sum.missing, sum.gaps);
	if (sum.gaps == 0) {
		assert_int_equal(sum.failed, 12500);
		assert_int_equal(sum.bytes, 500 * 4950);
	}
	free(data);
	free(path);
	stats_free(stats);
}

static void test_csv(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct request_log_account account;
	char *name = xasprintf("%s.csv", base);
	char *path = request_log_path(name, 0), *data, *line, *save = NULL;
	size_t len, lines = 0;

	(void)state;
	assert_non_null(strstr(path, "log.0.csv"));
	assert_int_equal(request_log_open(name, 0), 0);
	for (unsigned i = 0; i < 6; i++)
		add(stats, i);
	request_log_close(&account);
	assert_int_equal(account.written, 6);
	assert_int_equal(account.dropped, 0);
	data = read_file(path, &len);
	data[len] = '\0';
	for (line = strtok_r(data, "\r\n", &save); line;
	    line = strtok_r(NULL, "\r\n", &save)) {
		if (lines == 0)
			assert_string_equal(line, "time,type,name,service_ms,"
			    "response_ms,bytes,user,error");
		if (lines == 2)
			assert_non_null(strstr(line,
			    ",GET,\"/a,b\",0.000501,0.000502,1,1,"));
		if (lines == 5)
			assert_non_null(strstr(line, ",GET,\"/a,b\","
			    "0.000504,0.000508,4,4,\"HTTP 500, \"\"so\"\"\""));
		lines++;
	}
	assert_int_equal(lines, 7);
	free(data);
	free(path);
	free(name);
	stats_free(stats);
}

static size_t count_bytes(const char *data, size_t len, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += data[i] == c;
	return n;
}

/* Rows of CSV are many times as long as what a buffer holds for them. */
static void test_csv_of_long_names(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct request_log_account account;
	char *name = xasprintf("%s-long.csv", base);
	char *path = request_log_path(name, 0), *data;
	char text[STATS_MAX_NAME + 1];
	const struct series *s;
	size_t len;

	(void)state;
	/* Quotes are written twice. */
	memset(text, '"', STATS_MAX_NAME);
	text[STATS_MAX_NAME] = '\0';
	s = stats_series(stats, "GET", text);
	assert_int_equal(request_log_open(name, 0), 0);
	for (unsigned i = 0; i < 15000; i++)
		request_log_add(s, i, 1, 0, 1, i, NULL);
	request_log_close(&account);
	assert_int_equal(account.dropped, 0);
	assert_int_equal(account.written, 15000);
	data = read_file(path, &len);
	assert_int_equal(count_bytes(data, len, '\n'), 15001);
	assert_int_equal(data[len - 1], '\n');
	free(data);
	free(path);
	free(name);
	stats_free(stats);
}

struct drain {
	int fd;
	char *data;
	size_t len;
};

static void *drain(void *arg)
{
	struct drain *d = arg;
	ssize_t n;

	do {
		d->data = xrealloc(d->data, d->len + 65536);
		n = read(d->fd, d->data + d->len, 65536);
		if (n > 0)
			d->len += (size_t)n;
	} while (n > 0);
	return NULL;
}

/* A pipe that nobody reads is a disk that stands still: adding goes on, and
 * what did not fit is counted. */
static void test_slow_disk(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct request_log_account account;
	char *path = request_log_path(base, 1);
	struct drain d = { 0 };
	pthread_t thread;
	struct sum sum;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	d.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(request_log_open(base, 1), 0);
	for (unsigned i = 0; i < 200000; i++)
		add(stats, i);
	request_log_flush(&account);
	assert_true(account.dropped > 80000);
	fcntl(d.fd, F_SETFL, 0);
	pthread_create(&thread, NULL, drain, &d);
	request_log_close(&account);
	pthread_join(thread, NULL);
	add_up(&sum, d.data, d.len);
	assert_true(sum.whole);
	assert_int_equal(sum.samples + sum.gaps, 200000);
	assert_int_equal(sum.ends, 1);
	assert_int_equal(sum.missing, sum.gaps);
	close(d.fd);
	free(d.data);
	free(path);
	stats_free(stats);
}

/* A full disk, that has room again. */
static void test_full_disk(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct request_log_account first = { 0 }, second;
	struct rlimit limit, before;
	char *path = request_log_path(base, 2), *data;
	struct sum sum;
	size_t len;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 1500000;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(request_log_open(base, 2), 0);
	for (unsigned i = 0; i < 60000; i++)
		add(stats, i);
	/* Until the thread has tried every buffer: while it tries, a part of
	 * one may stand in the file. */
	do {
		request_log_flush(&second);
		first.written += second.written;
		first.dropped += second.dropped;
		usleep(1000);
	} while (first.written + first.dropped < 60000);
	assert_true(first.dropped > 0);
	data = read_file(path, &len);
	add_up(&sum, data, len);
	assert_true(sum.whole);
	assert_true(sum.samples > 10000 && len <= 1500000);
	free(data);
	setrlimit(RLIMIT_FSIZE, &before);
	for (unsigned i = 0; i < 1000; i++)
		add(stats, i);
	request_log_close(&second);
	data = read_file(path, &len);
	add_up(&sum, data, len);
	assert_true(sum.whole);
	assert_int_equal(sum.samples + sum.gaps, 61000);
	assert_int_equal(sum.missing, sum.gaps);
	assert_true(sum.gaps >= first.dropped);
	free(data);
	free(path);
	stats_free(stats);
}

static void test_cannot_open(void **state)
{
	struct stats *stats = stats_new(10, 10);
	struct request_log_account account;

	(void)state;
	assert_int_equal(request_log_open("/proc/no/such", 0), -1);
	/* As if none had been asked for. */
	add(stats, 1);
	request_log_flush(&account);
	request_log_close(&account);
	assert_int_equal(account.written, 0);
	stats_free(stats);
}

/* Every record cut at every byte, and every byte changed. */
static void test_hostile(void **state)
{
	struct request_names names = { 0 };
	const struct request series = { .kind = REQUEST_SERIES, .series = 3,
		.text = "GET\0/x", .text_len = 6 };
	const struct request sample = { .kind = REQUEST_SAMPLE, .series = 3,
		.failed = true, .end_ns = 5, .text = "bad", .text_len = 3 };
	const size_t whole = 2 * REQUEST_RECORD + 9;
	char data[2 * REQUEST_RECORD + 9], copy[sizeof(data)];
	struct request r;

	(void)state;
	request_put(data, &series);
	request_put(data + REQUEST_RECORD + 6, &sample);
	for (size_t len = 0; len < REQUEST_RECORD + 6; len++)
		assert_int_equal(request_read(&r, &names, data, len), 0);
	/* A sample of a series that was not met. */
	assert_int_equal(request_read(&r, &names, data + REQUEST_RECORD + 6,
	    REQUEST_RECORD + 3), -1);
	for (size_t i = 0; i < whole; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			size_t at = 0;

			memcpy(copy, data, whole);
			copy[i] = (char)(copy[i] ^ (1 << bit));
			while (at < whole) {
				ssize_t n = request_read(&r, &names,
				    copy + at, whole - at);
				struct buf out = BUF_INIT(65536);

				if (n <= 0)
					break;
				request_csv(&out, &r, &names);
				buf_release(&out);
				at += (size_t)n;
			}
		}
	}
	request_names_release(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_csv_of_long_names),
		cmocka_unit_test(test_slow_disk),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_cannot_open),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
