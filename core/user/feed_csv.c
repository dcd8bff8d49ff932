/*
 * CSV by RFC 4180: records end with CRLF (or LF alone), a field may be in
 * quotes, where a quote is written twice, and every record has as many fields
 * as the first.  What the RFC leaves open is refused rather than guessed:
 * a quote within an unquoted field, text after a closing quote, a carriage
 * return by itself.  Empty lines are skipped.
 */
#include "user/feed_csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"

struct reader {
	struct feed_file *file;
	const char *at;
	const char *end;
	const char *line_start;
	uint64_t line;                  /* from 1 */
	size_t rows_room;
};

/* A column for people: characters from 1. */
static unsigned long column_of(const struct reader *r, const char *at)
{
	unsigned long n = 1;

	for (const char *p = r->line_start; p < at; p++)
		n += ((unsigned char)*p & 0xc0) != 0x80;
	return n;
}

static int wrong(const struct reader *r, const char *at, const char *what)
{
	log_error("%s:%llu:%lu: %s", r->file->path,
	    (unsigned long long)r->line, column_of(r, at), what);
	return -1;
}

static void next_line(struct reader *r)
{
	r->line++;
	r->line_start = r->at;
}

/* `at` is on the opening quote; ends after the closing one. */
static int read_quoted(struct reader *r)
{
	struct reader open = *r;

	r->at++;
	for (;;) {
		if (r->at == r->end)
			return wrong(&open, open.at, "this quote is never "
			    "closed");
		if (*r->at == '\0')
			return wrong(r, r->at, "a NUL byte: this is no text");
		if (*r->at == '\n') {
			r->at++;
			next_line(r);
		} else if (*r->at != '"') {
			r->at++;
		} else if (r->at + 1 < r->end && r->at[1] == '"') {
			r->at += 2;
		} else {
			r->at++;
			return 0;
		}
	}
}

static int read_unquoted(struct reader *r)
{
	for (; r->at < r->end; r->at++) {
		char c = *r->at;

		if (c == r->file->separator || c == '\n' || c == '\r')
			return 0;
		if (c == '"')
			return wrong(r, r->at, "a quote within a field: put "
			    "the whole field into quotes, and write this one "
			    "twice");
		if (c == '\0')
			return wrong(r, r->at, "a NUL byte: this is no text");
	}
	return 0;
}

/* After a field: 1 when another follows, 0 at the end of the record. */
static int end_field(struct reader *r, bool quoted)
{
	if (r->at == r->end)
		return 0;
	if (*r->at == r->file->separator) {
		r->at++;
		return 1;
	}
	if (*r->at == '\r') {
		if (r->at + 1 == r->end || r->at[1] != '\n')
			return wrong(r, r->at, "a carriage return by itself: "
			    "lines end with LF or CR LF");
		r->at++;
	}
	if (*r->at == '\n') {
		r->at++;
		next_line(r);
		return 0;
	}
	return wrong(r, r->at, quoted ? "the field's quote is closed before "
	    "this" : "not a field");
}

/* The number of fields; -1 after log_error(). */
static long read_record(struct reader *r)
{
	long fields = 0;
	int more = 1;

	while (more == 1) {
		bool quoted = r->at < r->end && *r->at == '"';
		int rc = quoted ? read_quoted(r) : read_unquoted(r);

		if (rc == -1)
			return -1;
		fields++;
		more = end_field(r, quoted);
	}
	return more == -1 ? -1 : fields;
}

static bool skip_empty_line(struct reader *r)
{
	size_t left = (size_t)(r->end - r->at);
	size_t len = left > 0 && r->at[0] == '\n' ? 1 :
	    left > 1 && r->at[0] == '\r' && r->at[1] == '\n' ? 2 : 0;

	if (len == 0)
		return false;
	r->at += len;
	next_line(r);
	return true;
}

static void add_row(struct reader *r, const char *at)
{
	struct feed_file *f = r->file;

	if (f->row_count == r->rows_room) {
		r->rows_room = r->rows_room > 0 ? r->rows_room * 2 : 1024;
		f->rows = xreallocarray(f->rows, r->rows_room,
		    sizeof f->rows[0]);
	}
	f->rows[f->row_count++] = (uint64_t)(at - f->data);
}

/* ---- columns ---- */

static int add_column(struct reader *r, const char *name, size_t len)
{
	struct feed_file *f = r->file;

	for (size_t i = 0; i < f->column_count; i++) {
		if (strlen(f->columns[i]) == len &&
		    memcmp(f->columns[i], name, len) == 0) {
			log_error("%s: there are two columns named \"%.*s\"",
			    f->path, (int)len, name);
			return -1;
		}
	}
	if (len == 0 || len > FEED_NAME_MAX ||
	    f->column_count == FEED_COLUMNS_MAX) {
		log_error("%s: column %zu: %s", f->path, f->column_count + 1,
		    len == 0 ? "it has no name; its first line should name "
		    "the columns" : "too long a name, or too many columns");
		return -1;
	}
	f->columns = xreallocarray(f->columns, f->column_count + 1,
	    sizeof f->columns[0]);
	f->columns[f->column_count++] = xstrndup(name, len);
	return 0;
}

static int name_columns(struct reader *r, const char *names)
{
	for (;;) {
		size_t len = strcspn(names, ",");

		if (add_column(r, names, len) == -1)
			return -1;
		if (names[len] == '\0')
			return 0;
		names += len + 1;
	}
}

static void field_at(const struct feed_file *f, const char *at,
    size_t column, struct feed_field *field);

/* The first record names them. */
static int read_header(struct reader *r)
{
	const char *at = r->at;
	long fields = read_record(r);
	int rc = 0;

	if (fields > FEED_COLUMNS_MAX) {
		log_error("%s: more than %d columns", r->file->path,
		    FEED_COLUMNS_MAX);
		return -1;
	}
	for (long i = 0; i < fields && rc == 0; i++) {
		struct feed_field field;
		char *name;
		size_t len;

		field_at(r->file, at, (size_t)i, &field);
		name = xmalloc(field.len + 1);
		len = field.len;
		if (field.escaped)
			len = feed_csv_unescape(&field, name);
		else
			memcpy(name, field.data, len);
		rc = add_column(r, name, len);
		free(name);
	}
	return fields == -1 ? -1 : rc;
}

static int wrong_count(const struct reader *r, uint64_t line, long fields)
{
	log_error("%s:%llu: %ld field%s, but there %s %zu column%s",
	    r->file->path, (unsigned long long)line, fields,
	    fields == 1 ? "" : "s", r->file->column_count == 1 ? "is" : "are",
	    r->file->column_count, r->file->column_count == 1 ? "" : "s");
	return -1;
}

int feed_csv_read(struct feed_file *f, const char *columns)
{
	struct reader r = { .file = f, .at = f->data,
		.end = f->data + f->len, .line_start = f->data, .line = 1 };

	/* A byte order mark is no part of the first name. */
	if (f->len >= 3 && memcmp(f->data, "\xef\xbb\xbf", 3) == 0)
		r.line_start = r.at = f->data + 3;
	while (r.at < r.end && skip_empty_line(&r))
		;
	if ((columns != NULL ? name_columns(&r, columns) : read_header(&r)) ==
	    -1)
		return -1;
	while (r.at < r.end) {
		const char *at = r.at;
		uint64_t line = r.line;
		long fields;

		if (skip_empty_line(&r))
			continue;
		fields = read_record(&r);
		if (fields == -1)
			return -1;
		if ((size_t)fields != f->column_count)
			return wrong_count(&r, line, fields);
		add_row(&r, at);
	}
	return 0;
}

/* ---- fields of a record that was read before ---- */

static const char *skip_unquoted(const struct feed_file *f, const char *at)
{
	const char *end = f->data + f->len;

	while (at < end && *at != f->separator && *at != '\n' && *at != '\r')
		at++;
	return at;
}

static void field_at(const struct feed_file *f, const char *at,
    size_t column, struct feed_field *field)
{
	const char *file_end = f->data + f->len;
	const char *end;

	for (;;) {
		bool quoted = at < file_end && *at == '"';

		field->escaped = false;
		if (quoted) {
			/* The last quote of the file has no byte after it. */
			end = at + 1;
			while (!(*end == '"' && (end + 1 == file_end ||
			    end[1] != '"'))) {
				field->escaped = field->escaped || *end == '"';
				end += *end == '"' ? 2 : 1;
			}
		} else {
			end = skip_unquoted(f, at);
		}
		field->data = at + quoted;
		field->len = (size_t)(end - field->data);
		if (column-- == 0)
			return;
		at = end + quoted + 1;
	}
}

void feed_csv_field(const struct feed_file *f, uint64_t row, size_t column,
    struct feed_field *field)
{
	field_at(f, f->data + f->rows[row], column, field);
}

size_t feed_csv_unescape(const struct feed_field *field, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < field->len; i++) {
		out[len++] = field->data[i];
		if (field->data[i] == '"')
			i++;
	}
	return len;
}
