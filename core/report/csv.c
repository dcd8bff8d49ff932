/*
 * Locust's four CSV files, to the byte: columns, order of rows, how floats
 * are printed, CRLF, quotes only where needed.
 *
 * Three are replaced as a whole once a second, at once, so that a reader
 * never sees half a table; the history grows by a row a second.  A fifth file,
 * of metrics, is swarm's own.  Unlike
 * Locust's the last write comes after the last report, so nothing is missing.
 */
#include "report/csv.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "report/append.h"
#include "report/file.h"
#include "report/metric_view.h"
#include "report/output.h"
#include "report/text.h"
#include "stats/locust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double percentiles[] = { 0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98,
	0.99, 0.999, 0.9999, 1 };

#define PERCENTILES (sizeof(percentiles) / sizeof(*percentiles))
#define PERCENTILE_NAMES \
	"50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"

static const char stats_header[] =
    "Type,Name,Request Count,Failure Count,Median Response Time,"
    "Average Response Time,Min Response Time,Max Response Time,"
    "Average Content Size,Requests/s,Failures/s," PERCENTILE_NAMES "\r\n";

static const char history_header[] =
    "Timestamp,User Count,Type,Name,Requests/s,Failures/s,"
    PERCENTILE_NAMES ",Total Request Count,Total Failure Count,"
    "Total Median Response Time,Total Average Response Time,"
    "Total Min Response Time,Total Max Response Time,"
    "Total Average Content Size\r\n";

static struct {
	struct append history;
	bool failed;                    /* said so once */
} csv;

static int percentile_fields(struct buf *out, uint64_t requests,
    const struct locust_times *times)
{
	int rc = 0;

	for (size_t i = 0; i < PERCENTILES; i++) {
		if (requests == 0)
			rc |= buf_puts(out, ",N/A");
		else
			rc |= buf_printf(out, ",%lld",
			    (long long)locust_percentile(times,
			    percentiles[i]));
	}
	return rc;
}

/* Whole numbers as Python prints an int, others as it prints a float. */
static int number(struct buf *out, double v)
{
	if (v == (double)(int64_t)v)
		return buf_printf(out, "%lld", (long long)v);
	return locust_float(out, v);
}

/* A float, but the int 0 where Locust has nothing to show. */
static int float_or_zero(struct buf *out, double v, bool known)
{
	return known ? locust_float(out, v) : buf_putc(out, '0');
}

static int times_fields(struct buf *out, const struct locust_row *row)
{
	bool timed = row->times.samples > 0;
	int rc = number(out, row->median);

	rc |= buf_putc(out, ',');
	rc |= locust_float(out, row->average);
	rc |= buf_putc(out, ',');
	rc |= float_or_zero(out, row->min, row->min > 0);
	rc |= buf_putc(out, ',');
	rc |= float_or_zero(out, row->max, timed);
	rc |= buf_putc(out, ',');
	return rc | float_or_zero(out, row->average_content,
	    row->requests > 0);
}

static int names(struct buf *out, const struct series *s)
{
	int rc = text_csv(out, s->type, true);

	rc |= buf_putc(out, ',');
	return rc | text_csv(out, s->name, true);
}

static int stats_row(struct buf *out, const struct series *s,
    const struct series *total)
{
	struct locust_row row;
	int rc;

	locust_row_init(&row, s, total);
	rc = names(out, s);
	rc |= buf_printf(out, ",%llu,%llu,", (unsigned long long)s->requests,
	    (unsigned long long)s->failures);
	rc |= times_fields(out, &row);
	rc |= buf_putc(out, ',');
	rc |= locust_float(out, row.total_rps);
	rc |= buf_putc(out, ',');
	rc |= locust_float(out, row.total_fail_per_sec);
	rc |= percentile_fields(out, s->requests, &row.times);
	rc |= buf_puts(out, "\r\n");
	locust_row_release(&row);
	return rc;
}

int csv_stats(struct buf *out, const struct stats *stats)
{
	size_t count;
	const struct series **sorted = locust_sort(stats, &count);
	int rc = buf_puts(out, stats_header);

	for (size_t i = 0; i < count; i++)
		rc |= stats_row(out, sorted[i], &stats->total);
	free(sorted);
	return rc | stats_row(out, &stats->total, &stats->total);
}

struct keyed {
	char key[65];
	const struct error_row *row;
};

static int compare(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int seen(struct buf *out, double when)
{
	return when > 0 ? text_utc(out, when) : 0;
}

static int failure_row(struct buf *out, const struct error_row *row)
{
	int rc = names(out, row->series);

	rc |= buf_putc(out, ',');
	rc |= text_csv(out, row->text, true);
	rc |= buf_printf(out, ",%llu,", (unsigned long long)row->occurrences);
	rc |= seen(out, row->first_seen);
	rc |= buf_putc(out, ',');
	rc |= seen(out, row->last_seen);
	return rc | buf_puts(out, "\r\n");
}

int csv_failures(struct buf *out, const struct stats *stats)
{
	struct keyed *rows = xcalloc(stats->error_count + 1, sizeof(*rows));
	int rc = buf_puts(out, "Method,Name,Error,Occurrences,First Seen,"
	    "Last Seen\r\n");

	for (size_t i = 0; i < stats->error_count; i++) {
		const struct error_row *row = stats->errors[i];

		rows[i].row = row;
		locust_error_key(rows[i].key, row->series->type,
		    row->series->name, row->text);
	}
	qsort(rows, stats->error_count, sizeof(*rows), compare);
	for (size_t i = 0; i < stats->error_count; i++)
		rc |= failure_row(out, rows[i].row);
	free(rows);
	return rc;
}

static int exception_row(struct buf *out, const struct exception_row *row)
{
	struct buf nodes = BUF_INIT(1 << 20);
	int rc = buf_printf(out, "%llu,", (unsigned long long)row->count);

	rc |= text_csv(out, row->message, true);
	rc |= buf_putc(out, ',');
	rc |= text_csv(out, row->traceback, true);
	rc |= buf_putc(out, ',');
	for (size_t i = 0; i < row->node_count; i++)
		buf_printf(&nodes, "%s%s", i ? ", " : "", row->nodes[i]);
	rc |= text_csv(out, buf_str(&nodes), true);
	buf_release(&nodes);
	return rc | buf_puts(out, "\r\n");
}

int csv_exceptions(struct buf *out, const struct stats *stats)
{
	int rc = buf_puts(out, "Count,Message,Traceback,Nodes\r\n");

	for (size_t i = 0; i < stats->exception_count; i++)
		rc |= exception_row(out, &stats->exceptions[i]);
	return rc;
}

static int write_table(const char *prefix, const char *suffix,
    int (*table)(struct buf *, const struct stats *),
    const struct stats *stats, bool quiet)
{
	struct buf out = BUF_INIT(CSV_MAX);
	char *path = xasprintf("%s_%s.csv", prefix, suffix);
	int rc = table(&out, stats);

	if (rc == 0)
		rc = file_try_replace(path, out.data, out.len);
	else
		errno = EFBIG;
	if (rc == -1 && !quiet)
		log_error("cannot write %s: %m", path);
	free(path);
	buf_release(&out);
	return rc;
}

static int write_tables(const struct report *r, bool quiet)
{
	const char *prefix = r->options.csv;
	const struct stats *stats = r->options.stats;
	int rc = 0;

	rc |= write_table(prefix, "stats", csv_stats, stats, quiet);
	rc |= write_table(prefix, "failures", csv_failures, stats, quiet);
	rc |= write_table(prefix, "exceptions", csv_exceptions, stats,
	    quiet);
	rc |= write_table(prefix, "metrics", metric_view_csv, stats, quiet);
	return rc;
}

/* Percentiles of the last ten seconds with the full history; else of the
 * whole run, as Locust has it. */
static int history_percentiles(struct buf *out, const struct report *r,
    const struct series *s, const struct locust_row *row)
{
	const struct series *asked =
	    s == &r->options.stats->total ? NULL : s;
	struct window_sum sum;
	struct locust_times times;
	int rc;

	if (!r->options.csv_full_history)
		return percentile_fields(out, s->requests, &row->times);
	windows_sum(r->windows, asked, 10, &sum);
	locust_times_init(&times, &sum.response);
	rc = percentile_fields(out, s->requests, &times);
	locust_times_release(&times);
	window_sum_release(&sum);
	return rc;
}

static int history_row(struct buf *out, const struct report *r,
    const struct series *s)
{
	struct locust_row row;
	int rc;

	locust_row_init(&row, s, &r->options.stats->total);
	rc = buf_printf(out, "%lld,%lld,", (long long)r->wall,
	    (long long)r->run.users_running);
	rc |= names(out, s);
	rc |= buf_printf(out, ",%.6f,%.6f", row.current_rps,
	    row.current_fail_per_sec);
	rc |= history_percentiles(out, r, s, &row);
	rc |= buf_printf(out, ",%llu,%llu,",
	    (unsigned long long)row.requests,
	    (unsigned long long)row.failures);
	rc |= times_fields(out, &row);
	rc |= buf_puts(out, "\r\n");
	locust_row_release(&row);
	return rc;
}

static void add_history(const struct report *r)
{
	struct buf out = BUF_INIT(CSV_MAX);
	const struct series **sorted;
	size_t count;
	int rc = 0;

	sorted = locust_sort(r->options.stats, &count);
	for (size_t i = 0; i < count && r->options.csv_full_history; i++)
		rc |= history_row(&out, r, sorted[i]);
	free(sorted);
	rc |= history_row(&out, r, &r->options.stats->total);
	/* Rows have the totals of their second: a gap in them loses nothing
	 * else. */
	if (rc == 0 && append_lines(&csv.history, out.data, out.len) == 0)
		append_gap(&csv.history);
	buf_release(&out);
}

static bool csv_wanted(const struct report *r)
{
	return r->options.csv != NULL;
}

static int csv_start(const struct report *r)
{
	char *path = xasprintf("%s_stats_history.csv", r->options.csv);
	int rc;

	memset(&csv, 0, sizeof(csv));
	rc = append_open(&csv.history, path, history_header,
	    sizeof(history_header) - 1);
	free(path);
	if (rc == -1)
		return -1;
	if (write_tables(r, false) == 0)
		return 0;
	append_close(&csv.history);
	return -1;
}

/* A full disk in the middle of a run is said once, and tried again. */
static void csv_tick(const struct report *r)
{
	int rc;

	add_history(r);
	rc = write_tables(r, csv.failed);
	if (rc == -1 && !csv.failed)
		log_warn("CSV files keep their last state until they can be "
		    "written again");
	csv.failed = rc == -1;
}

static int csv_finish(const struct report *r, const struct result *result)
{
	int rc;

	(void)result;
	add_history(r);
	rc = write_tables(r, false);
	return append_close(&csv.history) | rc;
}

const struct output output_csv = {
	.name = "csv",
	.wanted = csv_wanted,
	.start = csv_start,
	.tick = csv_tick,
	.finish = csv_finish,
};
