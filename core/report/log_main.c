/*
 * `swarm log`: the binary files of --request-log as CSV, in order of time over
 * all workers, or as a table of endpoints.
 *
 * A file of a worker that was killed ends where it ends: all whole records
 * are used, and what is missing is said on standard error.
 */
#include "report/log_main.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "report/request_form.h"
#include "report/text.h"
#include "stats/stats.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_DONE    0
#define EXIT_DAMAGED 1
#define EXIT_USAGE   2

static const char usage[] =
    "usage: swarm log [--summary] FILE...\n"
    "\n"
    "Prints the requests in binary files of --request-log as CSV, in order of\n"
    "the time they ended, over all files.\n"
    "\n"
    "  --summary    a table of endpoints instead\n"
    "  -h, --help   print this\n"
    "\n"
    "Exit codes: 0, 1 when a file is damaged or cut off, 2 when it cannot be\n"
    "read.\n";

struct source {
	const char *path;
	char *data;
	size_t len;
	size_t at;
	struct request_head head;
	struct request_names names;
	struct request next;
	int64_t last_ns;                /* of the newest sample */
	bool over;
	bool ended;                     /* by an end record */
	bool damaged;
	uint64_t missing;
	uint32_t *series;               /* of the summary, by the file's; 0:
	                                 * not met, else number plus 1 */
	size_t series_count;
};

/* ---- reading ---- */

static int open_source(struct source *s, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	memset(s, 0, sizeof(*s));
	s->path = path;
	if (fd == -1 || fstat(fd, &st) == -1) {
		log_error("cannot read %s: %m", path);
		goto fail;
	}
	if (!S_ISREG(st.st_mode) || st.st_size < REQUEST_HEAD)
		goto no_log;
	s->len = (size_t)st.st_size;
	s->data = mmap(NULL, s->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (s->data == MAP_FAILED) {
		s->data = NULL;
		log_error("cannot read %s: %m", path);
		goto fail;
	}
	if (request_read_head(&s->head, s->data) == -1)
		goto no_log;
	madvise(s->data, s->len, MADV_SEQUENTIAL);
	close(fd);
	s->at = REQUEST_HEAD;
	return 0;
no_log:
	log_error("%s is no binary request log of this swarm", path);
fail:
	if (fd != -1)
		close(fd);
	return -1;
}

/* To the next sample or gap. */
static void advance(struct source *s)
{
	while (s->at < s->len) {
		ssize_t n = request_read(&s->next, &s->names, s->data + s->at,
		    s->len - s->at);

		if (n == -1) {
			log_error("%s: what stands at byte %zu is no record; "
			    "the rest is left out", s->path, s->at);
			s->damaged = true;
			break;
		}
		if (n == 0)
			break;
		s->at += (size_t)n;
		if (s->next.kind == REQUEST_END)
			s->ended = true;
		if (s->next.kind == REQUEST_GAP)
			s->missing += s->next.bytes;
		if (s->next.kind == REQUEST_SAMPLE)
			s->last_ns = s->next.end_ns;
		if (s->next.kind == REQUEST_SAMPLE ||
		    s->next.kind == REQUEST_GAP)
			return;
	}
	s->over = true;
}

/* The source whose next record is the oldest. */
static struct source *oldest(struct source *sources, size_t count)
{
	struct source *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!sources[i].over && (!found ||
		    sources[i].next.end_ns < found->next.end_ns))
			found = &sources[i];
	}
	return found;
}

/* ---- what is printed ---- */

static int print_csv(struct source *sources, size_t count)
{
	struct buf out = BUF_INIT(1 << 20);
	struct source *s;
	int rc = 0;

	request_csv_head(&out);
	while (rc == 0 && (s = oldest(sources, count))) {
		request_csv(&out, &s->next, &s->names);
		advance(s);
		if (out.len > 1 << 16) {
			if (fwrite(out.data, 1, out.len, stdout) != out.len)
				rc = -1;
			buf_clear(&out);
		}
	}
	if (rc == 0 && (fwrite(buf_str(&out), 1, out.len, stdout) != out.len ||
	    fflush(stdout) != 0))
		rc = -1;
	buf_release(&out);
	return rc;
}

static struct series *series_of(struct stats *stats, struct source *s,
    uint32_t id)
{
	const struct request_name *n = &s->names.at[id];

	if (id >= s->series_count) {
		size_t old = s->series_count;

		s->series_count = s->names.count;
		s->series = xreallocarray(s->series, s->series_count,
		    sizeof(*s->series));
		memset(s->series + old, 0, (s->series_count - old) *
		    sizeof(*s->series));
	}
	if (s->series[id] == 0)
		s->series[id] = stats_series(stats, n->type, n->name)->id + 1;
	return stats->series[s->series[id] - 1];
}

static void put_ms(struct buf *line, double ns)
{
	struct buf value = BUF_INIT(100);

	text_ms(&value, ns);
	text_right(line, buf_str(&value), 9);
	buf_release(&value);
}

static void print_series(const struct series *s)
{
	const struct histogram *h = series_response(s);
	struct buf line = BUF_INIT(65536), name = BUF_INIT(65536);
	struct buf count = BUF_INIT(100);

	buf_printf(&name, "%s%s%s", s->type, s->type[0] ? " " : "", s->name);
	text_name(&line, buf_str(&name), 34, true, true);
	text_count(&count, s->requests);
	text_right(&line, buf_str(&count), 12);
	buf_clear(&count);
	text_count(&count, s->failures);
	text_right(&line, buf_str(&count), 10);
	put_ms(&line, histogram_mean(h));
	put_ms(&line, (double)histogram_quantile(h, 0.5));
	put_ms(&line, (double)histogram_quantile(h, 0.95));
	put_ms(&line, (double)histogram_quantile(h, 0.99));
	put_ms(&line, (double)h->max);
	puts(buf_str(&line));
	buf_release(&line);
	buf_release(&name);
	buf_release(&count);
}

static int print_summary(struct source *sources, size_t count)
{
	struct stats *stats = stats_new(STATS_DEFAULT_SERIES,
	    STATS_DEFAULT_ERRORS);

	for (size_t i = 0; i < count; i++) {
		struct source *s = &sources[i];

		for (; !s->over; advance(s)) {
			if (s->next.kind != REQUEST_SAMPLE)
				continue;
			stats_record(stats, series_of(stats, s,
			    s->next.series), s->next.end_ns,
			    s->next.service_ns, s->next.lag_ns,
			    s->next.bytes, s->next.failed);
		}
	}
	printf("%-34s%12s%10s%9s%9s%9s%9s%9s\n", "response times in ms",
	    "requests", "failed", "mean", "p50", "p95", "p99", "max");
	for (size_t i = 0; i < stats->count; i++)
		print_series(stats->series[i]);
	print_series(&stats->total);
	stats_free(stats);
	return fflush(stdout) == 0 ? 0 : -1;
}

/* ---- what is missing ---- */

static bool say_missing(const struct source *s)
{
	if (s->missing > 0)
		log_warn("%s: %llu requests are missing: the disk could not "
		    "take them", s->path, (unsigned long long)s->missing);
	if (!s->damaged && !s->ended)
		log_warn("%s has no end%s: its worker was killed, and what it "
		    "had not written is missing", s->path, s->at < s->len ?
		    ", and a last half record" : "");
	return s->damaged || !s->ended;
}

/* Files of a run overlap in time. */
static void check_same_run(const struct source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count; k++) {
			if (sources[k].last_ns > 0 &&
			    sources[i].head.begin_ns > sources[k].last_ns) {
				log_warn("%s begins after the last request of "
				    "%s: are they of one run?",
				    sources[i].path, sources[k].path);
				return;
			}
		}
	}
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, bool *summary)
{
	static const struct option options[] = {
		{ "summary", no_argument, NULL, 's' },
		{ "csv", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (c == '?')
			return EXIT_USAGE;
		*summary = c == 's';
	}
	if (optind < argc)
		return -1;
	fputs(usage, stderr);
	return EXIT_USAGE;
}

static void release(struct source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (sources[i].data)
			munmap(sources[i].data, sources[i].len);
		request_names_release(&sources[i].names);
		free(sources[i].series);
	}
	free(sources);
}

int log_main(int argc, char **argv)
{
	struct source *sources;
	bool summary = false;
	size_t count;
	int code = parse(argc, argv, &summary);

	if (code != -1)
		return code;
	count = (size_t)(argc - optind);
	sources = xcalloc(count, sizeof(*sources));
	code = EXIT_DONE;
	for (size_t i = 0; i < count; i++) {
		if (open_source(&sources[i], argv[optind + (int)i]) == -1) {
			release(sources, i);
			return EXIT_USAGE;
		}
		advance(&sources[i]);
	}
	if ((summary ? print_summary : print_csv)(sources, count) == -1) {
		log_error("cannot write: %m");
		code = EXIT_USAGE;
	}
	for (size_t i = 0; i < count; i++) {
		if (say_missing(&sources[i]) && code == EXIT_DONE)
			code = EXIT_DAMAGED;
	}
	check_same_run(sources, count);
	release(sources, count);
	return code;
}
