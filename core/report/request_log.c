/*
 * Buffers go round: the loop fills one, the thread writes the others.  A lock
 * is taken when one is handed over, which is once in 20 000 requests, and once
 * a second.  The loop drops while it has no buffer; the first record after
 * that is a gap that says how many.
 *
 * A buffer holds the binary form.  For CSV the thread reads it as `swarm log`
 * would, so that formatting costs the loop nothing either.
 */
#include "report/request_log.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "report/append.h"
#include "report/request_form.h"
#include "stats/stats.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUFFERS     4
#define BUFFER_SIZE (1u << 20)
/* What a buffer may become as CSV: a row of the longest names and texts, each
 * byte of them three at most, for every record.  Taken as far as needed. */
#define CSV_ROW     (3 * (STATS_MAX_TYPE + STATS_MAX_NAME + \
	REQUEST_MAX_TEXT) + 200)
#define CSV_SIZE    ((size_t)BUFFER_SIZE / REQUEST_RECORD * CSV_ROW)

struct buffer {
	struct buffer *next;
	size_t len;
	uint64_t records;               /* samples */
	uint64_t gaps;                  /* records that its gaps stand for */
	char data[BUFFER_SIZE];
};

static struct {
	bool open;
	bool csv;
	int64_t to_unix;                /* clock_now() plus this is unix, ns */
	/* The loop's. */
	struct buffer *filling;
	uint8_t *known;                 /* series that were written */
	size_t known_count;
	uint64_t gap;                   /* dropped, not said yet */
	uint64_t dropped;               /* since the last account */
	uint64_t all_dropped;
	/* Both, under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct buffer *full;
	struct buffer **full_end;
	struct buffer *free;
	bool ending;
	uint64_t written;
	uint64_t failed;
	/* May be read without it. */
	atomic_uint free_count;
	/* The thread's. */
	pthread_t thread;
	struct append file;
	uint64_t all_failed;
	uint64_t unsaid;                /* of these, not in the file yet */
	bool told;
	struct request_names names;
} rlog;

/* ---- the thread ---- */

static int write_whole(const char *data, size_t len)
{
	if (append_whole(&rlog.file, data, len) == 0) {
		rlog.told = false;
		return 0;
	}
	if (!rlog.told)
		log_error("cannot write %s: %m; tried again, what does not "
		    "fit is counted", rlog.file.path);
	rlog.told = true;
	return -1;
}

static void add_record(struct buf *out, const struct request *r)
{
	char *room;

	if (rlog.csv) {
		request_csv(out, r, &rlog.names);
		return;
	}
	room = buf_reserve(out, REQUEST_RECORD + r->text_len);
	if (!room)
		return;
	request_put(room, r);
	out->len += REQUEST_RECORD + r->text_len;
}

static void add_csv(struct buf *out, const struct buffer *b)
{
	struct request r;
	size_t done = 0;

	while (done < b->len) {
		ssize_t n = request_read(&r, &rlog.names, b->data + done,
		    b->len - done);

		if (n <= 0)
			break;
		request_csv(out, &r, &rlog.names);
		done += (size_t)n;
	}
}

/* Series that a failed buffer brought are not in the binary file: they go in
 * front of the next one that fits. */
static void keep_series(struct buf *kept, const struct buffer *b)
{
	struct request_names names = { 0 };
	struct request r;
	size_t done = 0;

	while (done < b->len) {
		ssize_t n = request_read(&r, &names, b->data + done,
		    b->len - done);

		if (n <= 0 && r.kind == REQUEST_SAMPLE &&
		    b->len - done >= REQUEST_RECORD + r.text_len)
			n = (ssize_t)(REQUEST_RECORD + r.text_len);
		if (n <= 0)
			break;
		if (r.kind == REQUEST_SERIES)
			buf_add(kept, b->data + done, (size_t)n);
		done += (size_t)n;
	}
	request_names_release(&names);
}

static int64_t unix_now(void)
{
	return clock_now() + rlog.to_unix;
}

static void save(const struct buffer *b, struct buf *kept)
{
	struct buf out = BUF_INIT((rlog.csv ? CSV_SIZE : 2 * BUFFER_SIZE) +
	    kept->len);
	int rc;

	if (kept->len > 0)
		buf_add(&out, kept->data, kept->len);
	if (rlog.unsaid > 0)
		add_record(&out, &(struct request){ .kind = REQUEST_GAP,
			.end_ns = unix_now(), .bytes = rlog.unsaid });
	if (rlog.csv)
		add_csv(&out, b);
	else
		buf_add(&out, b->data, b->len);
	rc = write_whole(buf_str(&out), out.len);
	pthread_mutex_lock(&rlog.lock);
	if (rc == 0)
		rlog.written += b->records;
	else
		rlog.failed += b->records;
	pthread_mutex_unlock(&rlog.lock);
	if (rc == 0) {
		rlog.unsaid = 0;
		buf_clear(kept);
	} else {
		rlog.unsaid += b->records + b->gaps;
		rlog.all_failed += b->records;
		if (!rlog.csv)
			keep_series(kept, b);
	}
	buf_release(&out);
}

static struct buffer *take(void)
{
	struct buffer *b;

	pthread_mutex_lock(&rlog.lock);
	while (!rlog.full && !rlog.ending)
		pthread_cond_wait(&rlog.more, &rlog.lock);
	b = rlog.full;
	if (b) {
		rlog.full = b->next;
		if (!rlog.full)
			rlog.full_end = &rlog.full;
	}
	pthread_mutex_unlock(&rlog.lock);
	return b;
}

static void give_back(struct buffer *b)
{
	b->len = 0;
	b->records = 0;
	b->gaps = 0;
	pthread_mutex_lock(&rlog.lock);
	b->next = rlog.free;
	rlog.free = b;
	atomic_fetch_add(&rlog.free_count, 1);
	pthread_mutex_unlock(&rlog.lock);
}

static void *serve(void *arg)
{
	struct buf kept = BUF_INIT(64u << 20);
	struct buffer *b;

	(void)arg;
	while ((b = take())) {
		save(b, &kept);
		give_back(b);
	}
	buf_release(&kept);
	return NULL;
}

/* ---- the loop ---- */

static void hand_over(void)
{
	pthread_mutex_lock(&rlog.lock);
	rlog.filling->next = NULL;
	*rlog.full_end = rlog.filling;
	rlog.full_end = &rlog.filling->next;
	rlog.filling = NULL;
	pthread_cond_signal(&rlog.more);
	pthread_mutex_unlock(&rlog.lock);
}

static bool get_buffer(void)
{
	if (rlog.filling)
		return true;
	if (atomic_load_explicit(&rlog.free_count, memory_order_relaxed) == 0)
		return false;
	pthread_mutex_lock(&rlog.lock);
	rlog.filling = rlog.free;
	if (rlog.filling) {
		rlog.free = rlog.filling->next;
		atomic_fetch_sub(&rlog.free_count, 1);
	}
	pthread_mutex_unlock(&rlog.lock);
	return rlog.filling != NULL;
}

/* Room for records of so many bytes, in one buffer. */
static char *reserve(size_t len)
{
	if (rlog.filling && BUFFER_SIZE - rlog.filling->len < len)
		hand_over();
	if (!get_buffer())
		return NULL;
	return rlog.filling->data + rlog.filling->len;
}

static void put(const struct request *r)
{
	struct buffer *b = rlog.filling;

	request_put(b->data + b->len, r);
	b->len += REQUEST_RECORD + r->text_len;
}

static bool is_known(uint32_t id)
{
	return id < rlog.known_count && rlog.known[id];
}

static void set_known(uint32_t id)
{
	if (id >= rlog.known_count) {
		size_t count = (size_t)id + 256;

		rlog.known = xreallocarray(rlog.known, count, 1);
		memset(rlog.known + rlog.known_count, 0,
		    count - rlog.known_count);
		rlog.known_count = count;
	}
	rlog.known[id] = 1;
}

static void put_series(const struct series *s)
{
	char text[STATS_MAX_TYPE + STATS_MAX_NAME + 1];
	size_t type = strlen(s->type), name = strlen(s->name);

	memcpy(text, s->type, type + 1);
	memcpy(text + type + 1, s->name, name);
	put(&(struct request){ .kind = REQUEST_SERIES, .series = s->id,
		.text = text, .text_len = type + 1 + name });
	set_known(s->id);
}

void request_log_add(const struct series *s, int64_t end, int64_t service_ns,
    int64_t lag_ns, size_t bytes, uint32_t user, const char *error)
{
	struct request r = {
		.kind = REQUEST_SAMPLE,
		.failed = error != NULL,
		.series = s->id,
		.end_ns = end + rlog.to_unix,
		.service_ns = service_ns > 0 ? service_ns : 0,
		.lag_ns = lag_ns > 0 ? lag_ns : 0,
		.bytes = bytes,
		.user = user,
		.text = error,
	};
	size_t len = REQUEST_RECORD;

	if (!rlog.open)
		return;
	if (error) {
		r.text_len = strnlen(error, REQUEST_MAX_TEXT);
		len += r.text_len;
	}
	if (!is_known(s->id))
		len += REQUEST_RECORD + STATS_MAX_TYPE + STATS_MAX_NAME + 1;
	if (rlog.gap > 0)
		len += REQUEST_RECORD;
	if (!reserve(len)) {
		rlog.gap++;
		rlog.dropped++;
		rlog.all_dropped++;
		return;
	}
	if (rlog.gap > 0)
		put(&(struct request){ .kind = REQUEST_GAP,
			.end_ns = r.end_ns, .bytes = rlog.gap });
	rlog.filling->gaps += rlog.gap;
	rlog.gap = 0;
	if (!is_known(s->id))
		put_series(s);
	put(&r);
	rlog.filling->records++;
}

static void account(struct request_log_account *a)
{
	pthread_mutex_lock(&rlog.lock);
	a->written = rlog.written;
	a->dropped = rlog.dropped + rlog.failed;
	rlog.written = 0;
	rlog.failed = 0;
	pthread_mutex_unlock(&rlog.lock);
	rlog.dropped = 0;
}

void request_log_flush(struct request_log_account *a)
{
	memset(a, 0, sizeof(*a));
	if (!rlog.open)
		return;
	if (rlog.filling && rlog.filling->len > 0)
		hand_over();
	account(a);
}

/* ---- opening and closing ---- */

static bool is_csv(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, ".csv") == 0;
}

char *request_log_path(const char *path, unsigned worker)
{
	size_t len = strlen(path);

	if (is_csv(path))
		return xasprintf("%.*s.%u.csv", (int)(len - 4), path, worker);
	if (len > 4 && strcmp(path + len - 4, ".bin") == 0)
		len -= 4;
	return xasprintf("%.*s.%u.bin", (int)len, path, worker);
}

static int open_file(const char *path, unsigned worker)
{
	struct buf head = BUF_INIT(1000);
	char *own = request_log_path(path, worker);
	int rc;

	if (rlog.csv) {
		request_csv_head(&head);
	} else {
		char *room = buf_reserve(&head, REQUEST_HEAD);

		request_put_head(room, &(struct request_head){ worker,
			unix_now() });
		head.len = REQUEST_HEAD;
	}
	rc = append_open(&rlog.file, own, head.data, head.len);
	buf_release(&head);
	free(own);
	return rc;
}

static void release(void)
{
	while (rlog.free) {
		struct buffer *next = rlog.free->next;

		free(rlog.free);
		rlog.free = next;
	}
	free(rlog.filling);
	free(rlog.known);
	request_names_release(&rlog.names);
	pthread_mutex_destroy(&rlog.lock);
	pthread_cond_destroy(&rlog.more);
	memset(&rlog, 0, sizeof(rlog));
}

int request_log_open(const char *path, unsigned worker)
{
	int rc;

	if (rlog.open)
		return 0;
	rlog.csv = is_csv(path);
	rlog.to_unix = (int64_t)(clock_wall() * 1e9) - clock_now();
	rlog.full_end = &rlog.full;
	pthread_mutex_init(&rlog.lock, NULL);
	pthread_cond_init(&rlog.more, NULL);
	if (open_file(path, worker) == -1)
		goto release_log;
	for (int i = 0; i < BUFFERS; i++)
		give_back(xcalloc(1, sizeof(struct buffer)));
	rc = pthread_create(&rlog.thread, NULL, serve, NULL);
	if (rc != 0) {
		errno = rc;
		log_error("cannot start the thread of the request log: %m");
		append_close(&rlog.file);
		goto release_log;
	}
	rlog.open = true;
	return 0;
release_log:
	release();
	return -1;
}

/* What was dropped last, and the end, with the sum of all. */
static void write_end(void)
{
	struct buf out = BUF_INIT(1000);
	uint64_t unsaid = rlog.unsaid + rlog.gap;

	if (unsaid > 0)
		add_record(&out, &(struct request){ .kind = REQUEST_GAP,
			.end_ns = unix_now(), .bytes = unsaid });
	add_record(&out, &(struct request){ .kind = REQUEST_END,
		.end_ns = unix_now(),
		.bytes = rlog.all_dropped + rlog.all_failed });
	if (out.len > 0)
		write_whole(out.data, out.len);
	buf_release(&out);
}

void request_log_close(struct request_log_account *a)
{
	memset(a, 0, sizeof(*a));
	if (!rlog.open)
		return;
	if (rlog.filling && rlog.filling->len > 0)
		hand_over();
	pthread_mutex_lock(&rlog.lock);
	rlog.ending = true;
	pthread_cond_signal(&rlog.more);
	pthread_mutex_unlock(&rlog.lock);
	pthread_join(rlog.thread, NULL);
	write_end();
	append_close(&rlog.file);
	account(a);
	release();
}
