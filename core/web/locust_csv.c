/*
 * Locust's three tables as CSV: CRLF, quotes where needed.  Those that --csv
 * writes have the same columns, but are of the statistics themselves; these are
 * of the snapshot that the page shows.
 */
#include "web/locust_csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/text.h"
#include "stats/locust.h"

static int by_name(const void *a, const void *b)
{
	const struct snapshot_row *x = *(const struct snapshot_row *const *)a;
	const struct snapshot_row *y = *(const struct snapshot_row *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->type, y->type);
}

const struct snapshot_row **locust_rows(const struct snapshot *s,
    size_t *count)
{
	const struct snapshot_row **rows = xcalloc(s->row_count + 1,
	    sizeof(const struct snapshot_row *));

	*count = 0;
	for (size_t i = 0; i < s->row_count; i++)
		if (!s->rows[i].phase && s->rows[i].requests > 0)
			rows[(*count)++] = &s->rows[i];
	qsort(rows, *count, sizeof(const struct snapshot_row *), by_name);
	return rows;
}

double locust_overall(const struct snapshot *s, uint64_t count)
{
	double span = s->last_time - s->start_time;

	return s->last_time > 0 && span > 0 ? (double)count / span : 0;
}

double locust_per_request(const struct snapshot_row *r, uint64_t amount)
{
	return r->requests ? (double)amount / (double)r->requests : 0;
}

static void csv_text(struct buf *out, const char *text)
{
	struct buf guarded = BUF_INIT(1 << 20);

	/* A spreadsheet would run what begins so: names come from a target. */
	if (text[0] && strchr("=+@\t", text[0])) {
		buf_printf(&guarded, "'%s", text);
		text = buf_str(&guarded);
	}
	text_csv(out, text, true);
	buf_release(&guarded);
}

static void csv_number(struct buf *out, double value)
{
	buf_putc(out, ',');
	locust_float(out, value);
}

static void csv_row(struct buf *out, const struct snapshot *s,
    const struct snapshot_row *r)
{
	csv_text(out, r->type);
	buf_putc(out, ',');
	csv_text(out, r->name);
	buf_printf(out, ",%llu,%llu", (unsigned long long)r->requests,
	    (unsigned long long)r->failures);
	csv_number(out, r->locust_median);
	csv_number(out, r->avg);
	csv_number(out, r->min);
	csv_number(out, r->max);
	csv_number(out, locust_per_request(r, r->bytes));
	csv_number(out, locust_overall(s, r->requests));
	csv_number(out, locust_overall(s, r->failures));
	for (int i = 0; i < SNAPSHOT_QUANTILES; i++) {
		if (r->timed > 0)
			buf_printf(out, ",%lld",
			    (long long)r->locust_quantile[i]);
		else
			buf_puts(out, ",N/A");
	}
	buf_puts(out, "\r\n");
}

void locust_write_requests_csv(struct buf *out, const struct snapshot *s)
{
	size_t count;
	const struct snapshot_row **rows = locust_rows(s, &count);

	buf_puts(out, "Type,Name,Request Count,Failure Count,"
	    "Median Response Time,Average Response Time,Min Response Time,"
	    "Max Response Time,Average Content Size,Requests/s,Failures/s,"
	    "50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\r\n");
	for (size_t i = 0; i < count; i++)
		csv_row(out, s, rows[i]);
	csv_row(out, s, &s->total);
	free(rows);
}

static void csv_time(struct buf *out, double when)
{
	buf_putc(out, ',');
	if (when > 0)
		text_utc(out, when);
}

void locust_write_failures_csv(struct buf *out, const struct snapshot *s)
{
	buf_puts(out, "Method,Name,Error,Occurrences,First Seen,"
	    "Last Seen\r\n");
	for (size_t i = 0; i < s->error_count; i++) {
		const struct snapshot_error *e = &s->errors[i];

		csv_text(out, e->type);
		buf_putc(out, ',');
		csv_text(out, e->name);
		buf_putc(out, ',');
		csv_text(out, e->text);
		buf_printf(out, ",%llu", (unsigned long long)e->occurrences);
		csv_time(out, e->first_seen);
		csv_time(out, e->last_seen);
		buf_puts(out, "\r\n");
	}
}

void locust_write_exceptions_csv(struct buf *out, const struct snapshot *s)
{
	buf_puts(out, "Count,Message,Traceback,Nodes\r\n");
	for (size_t i = 0; i < s->exception_count; i++) {
		const struct snapshot_exception *e = &s->exceptions[i];

		buf_printf(out, "%llu,", (unsigned long long)e->count);
		csv_text(out, e->message);
		buf_putc(out, ',');
		csv_text(out, e->traceback);
		buf_putc(out, ',');
		csv_text(out, e->nodes);
		buf_puts(out, "\r\n");
	}
}
