/* A file of rows: mapping it, its columns, its fields.  See the header. */
#include "user/feed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <swarm/feeder.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/strmap.h"
#include "base/xalloc.h"
#include "user/feed_csv.h"
#include "user/feed_json.h"

#define CHECKED 65536                   /* bytes at each end */

static bool is_json(const char *path)
{
	static const char *const ends[] = { ".ndjson", ".jsonl", ".json" };
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		size_t n = strlen(ends[i]);

		if (len > n && strcasecmp(path + len - n, ends[i]) == 0)
			return true;
	}
	return false;
}

static int map(struct feed_file *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *at;

	if (fd == -1 || fstat(fd, &st) == -1) {
		log_error("cannot read the data file %s: %m%s", f->path,
		    errno == ENOENT ? "; relative paths are looked for beside "
		    "the scenario, then in the current folder" : "");
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		log_error("the data file %s is no regular file", f->path);
		goto fail;
	}
	if (st.st_size == 0) {
		log_error("the data file %s is empty", f->path);
		goto fail;
	}
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED) {
		log_error("cannot map the data file %s: %m", f->path);
		goto fail;
	}
	close(fd);
	f->data = at;
	f->len = (size_t)st.st_size;
	return 0;

fail:
	if (fd != -1)
		close(fd);
	return -1;
}

static int map_copy(struct feed_file *f, const struct swarm_rows *rows)
{
	void *at;

	if (rows->data == NULL || rows->len == 0) {
		log_error("%s: there are no rows", f->path);
		return -1;
	}
	at = mmap(NULL, rows->len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED) {
		log_error("%s: no memory for %zu bytes of rows: %m", f->path,
		    rows->len);
		return -1;
	}
	memcpy(at, rows->data, rows->len);
	f->data = at;
	f->len = rows->len;
	return 0;
}

/* Of its size, its rows, and both its ends. */
static uint64_t check_of(const struct feed_file *f)
{
	size_t part = f->len < CHECKED ? f->len : CHECKED;
	uint64_t sums[4] = { f->len, f->row_count,
		strmap_hash(f->data, part),
		strmap_hash(f->data + f->len - part, part) };

	/* Half of the range: it travels as a signed number, too. */
	return strmap_hash(sums, sizeof sums) >> 1;
}

static void begin(struct feed_file *f, const char *path, bool json,
    char separator)
{
	memset(f, 0, sizeof *f);
	f->path = xstrdup(path);
	f->json = json;
	f->separator = separator != '\0' ? separator : ',';
}

/* What is mapped now. */
static int read_through(struct feed_file *f, const char *columns)
{
	int rc;

	madvise((void *)(uintptr_t)f->data, f->len, MADV_SEQUENTIAL);
	rc = f->json ? feed_json_read(f) : feed_csv_read(f, columns);
	if (rc == 0 && f->row_count == 0) {
		log_error("%s: there is no row in it", f->path);
		rc = -1;
	}
	if (rc == -1) {
		feed_file_release(f);
		return -1;
	}
	madvise((void *)(uintptr_t)f->data, f->len, MADV_NORMAL);
	f->check = check_of(f);
	return 0;
}

int feed_file_open(struct feed_file *f, const char *path, char separator,
    const char *columns)
{
	begin(f, path, is_json(path), separator);
	if (map(f) == 0)
		return read_through(f, columns);
	feed_file_release(f);
	return -1;
}

int feed_file_copy(struct feed_file *f, const char *name,
    const struct swarm_rows *rows, char separator, const char *columns)
{
	begin(f, name, rows->json, separator);
	if (map_copy(f, rows) == 0)
		return read_through(f, columns);
	feed_file_release(f);
	return -1;
}

void feed_file_release(struct feed_file *f)
{
	if (f->data != NULL)
		munmap((void *)(uintptr_t)f->data, f->len);
	for (size_t i = 0; i < f->column_count; i++)
		free(f->columns[i]);
	free(f->columns);
	free(f->rows);
	free(f->path);
	memset(f, 0, sizeof *f);
}

static int unknown_column(const struct feed_file *f, const char *name)
{
	const char **names = xcalloc(f->column_count + 1, sizeof names[0]);
	struct buf list = BUF_INIT(2048);
	const char *near;

	for (size_t i = 0; i < f->column_count; i++) {
		names[i] = f->columns[i];
		if (list.len < 400)
			buf_printf(&list, "%s\"%s\"", i > 0 ? ", " : "",
			    f->columns[i]);
	}
	near = parse_suggest(name, names);
	if (near != NULL)
		log_error("%s has no column \"%s\"; did you mean \"%s\"?",
		    f->path, name, near);
	else
		log_error("%s has no column \"%s\"; it has %s", f->path, name,
		    buf_str(&list));
	free(names);
	buf_release(&list);
	return -1;
}

static int find(const struct feed_file *f, const char *name)
{
	for (size_t i = 0; i < f->column_count; i++) {
		if (strcmp(f->columns[i], name) == 0)
			return (int)i;
	}
	return -1;
}

int feed_file_column(struct feed_file *f, const char *name)
{
	int i = find(f, name);
	struct feed_field field;

	if (i != -1)
		return i;
	if (!f->json || f->column_count == FEED_COLUMNS_MAX)
		return unknown_column(f, name);
	f->columns = xreallocarray(f->columns, f->column_count + 1,
	    sizeof f->columns[0]);
	f->columns[f->column_count] = xstrdup(name);
	i = (int)f->column_count++;
	feed_json_field(f, 0, name, &field);
	if (field.data != NULL || field.len != 0)
		return i;
	free(f->columns[--f->column_count]);
	log_error("%s: the object in its first line has no member \"%s\"",
	    f->path, name);
	return -1;
}

void feed_file_field(const struct feed_file *f, uint64_t row, int column,
    struct feed_field *field)
{
	*field = (struct feed_field){ 0 };
	if (row >= f->row_count || column < 0 ||
	    (size_t)column >= f->column_count)
		return;
	if (!f->json) {
		feed_csv_field(f, row, (size_t)column, field);
		return;
	}
	feed_json_field(f, row, f->columns[column], field);
	if (field->data == NULL)
		field->len = 0;
}

size_t feed_file_unescape(const struct feed_file *f,
    const struct feed_field *field, char *out)
{
	return f->json ? feed_json_unescape(field, out) :
	    feed_csv_unescape(field, out);
}
