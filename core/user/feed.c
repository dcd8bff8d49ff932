/*
 * Which row comes next.
 *
 * Rows that are used in turn have a position in an endless sequence: position
 * p is row p modulo n, on the round p / n, shuffled or not.  The master hands
 * out ranges of positions; a worker asks for the next range when half of the
 * last is used, and for more when it runs through them fast, so that a few
 * messages a second do for any rate.  A shuffle is computed and not stored: a
 * permutation by a keyed Feistel network, so that a file of any size costs
 * nothing and every worker has the same.
 *
 * A unique row needs no message at all: users are numbered by the master, and
 * user k has row k.
 */
#include "user/feed.h"

#include <swarm/data.h>
#include <swarm/feeder.h>
#include <swarm/fiber.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/strmap.h"
#include "base/xalloc.h"
#include "user/feed_file.h"
#include "user/internal.h"

#define FEEDS_MAX  100
#define LEAST_WANT 64
#define MOST_WANT  65536
#define POLL       0.1                  /* seconds: is the user to stop? */

struct range {
	uint64_t next;
	uint64_t end;
};

/* On the stack of the fiber that waits. */
struct waiter {
	struct waiter *next;
	struct waiter **prev;           /* NULL: not in the list */
	struct swarm_waker *waker;
};

struct swarm_feed {
	struct feed_file file;
	char *named;                    /* as the module did; NULL: no file */
	enum swarm_feed_order order;
	enum swarm_feed_end end;        /* never DEFAULT */
	size_t index;
	/* Positions this worker may use. */
	struct range now;
	struct range later;
	uint64_t used;
	uint64_t want;
	int64_t asked;                  /* ns; 0: no question is open */
	int64_t asked_before;
	bool dry;                       /* the last answer was: none */
	struct waiter *waiters;
	uint64_t own_next;              /* when there is nobody to ask */
};

static struct {
	struct swarm_feed **at;
	size_t count;
	char *source;
	uint64_t seed;
	void (*ask)(size_t i, uint64_t want, uint64_t used);
	const struct swarm_feeder *(*find)(const char *name, size_t len);
	struct strmap provided;         /* asked: its path */
} feeds;

void feed_provide(const char *asked, const char *path)
{
	free(strmap_put(&feeds.provided, asked, xstrdup(path)));
}

/* ---- opening ---- */

void feed_set_source(const char *path)
{
	free(feeds.source);
	feeds.source = path != NULL ? xstrdup(path) : NULL;
}

/* Beside the scenario, or here; the caller frees. */
static char *find_path(const char *path)
{
	const char *slash = feeds.source != NULL ?
	    strrchr(feeds.source, '/') : NULL;
	const char *provided = strmap_get(&feeds.provided, path);
	char *beside;

	if (provided != NULL)
		return xstrdup(provided);
	if (path[0] == '/' || slash == NULL)
		return xstrdup(path);
	beside = xasprintf("%.*s/%s", (int)(slash - feeds.source),
	    feeds.source, path);
	if (access(beside, F_OK) == 0 || access(path, F_OK) != 0)
		return beside;
	free(beside);
	return xstrdup(path);
}

void feed_set_finder(const struct swarm_feeder *(*find)(const char *name,
    size_t len))
{
	feeds.find = find;
}

/* Of "NAME:TARGET" the length of the name; 0 for a path. */
static size_t named_len(const char *path)
{
	size_t len = strcspn(path, ":/");

	return path[len] == ':' ? len : 0;
}

/* Whom "NAME:TARGET" names; NULL for a path. */
static const struct swarm_feeder *feeder_of(const char *path)
{
	size_t len = named_len(path);

	return len > 0 && feeds.find != NULL ? feeds.find(path, len) : NULL;
}

/* What a feeder fetches, copied. */
static int fetch(struct feed_file *file, const struct swarm_feeder *from,
    const struct swarm_feed_args *a)
{
	struct swarm_rows rows = { 0 };
	int rc;

	if (from->fetch(a->path + strcspn(a->path, ":") + 1, &rows) != 0) {
		log_error("%s: the feeder %s fetched nothing", a->path,
		    from->name);
		return -1;
	}
	rc = feed_file_copy(file, a->path, &rows, a->separator, a->columns);
	if (from->release != NULL)
		from->release(&rows);
	return rc;
}

static int open_path(struct feed_file *file, const struct swarm_feed_args *a)
{
	const struct swarm_feeder *feeder = feeder_of(a->path);
	char *path;
	int rc;

	if (feeder != NULL)
		return fetch(file, feeder, a);
	path = find_path(a->path);
	if (named_len(a->path) > 0 && access(path, F_OK) != 0) {
		log_error("%s: there is no such file, and no loaded module "
		    "has a feeder \"%.*s\"; name its plugin with --plugin",
		    a->path, (int)named_len(a->path), a->path);
		free(path);
		return -1;
	}
	rc = feed_file_open(file, path, a->separator, a->columns);
	free(path);
	return rc;
}

static int check_args(const struct swarm_feed_args *a)
{
	if (a->path == NULL || a->path[0] == '\0') {
		log_error("a feed needs the path of its file");
		return -1;
	}
	if (feeds.count == FEEDS_MAX) {
		log_error("%s: more than %d feeds", a->path, FEEDS_MAX);
		return -1;
	}
	if (a->separator != '\0' && strchr("\"\r\n", a->separator) != NULL) {
		log_error("%s: a quote or a line's end cannot separate fields",
		    a->path);
		return -1;
	}
	return 0;
}

SWARM_API struct swarm_feed *swarm_feed_open(
    const struct swarm_feed_args *given)
{
	struct swarm_feed_args a = { 0 };
	struct swarm_feed *f;

	memcpy(&a, given, given->size < sizeof a ? given->size : sizeof a);
	if (check_args(&a) == -1)
		return NULL;
	f = xcalloc(1, sizeof *f);
	if (open_path(&f->file, &a) == -1) {
		free(f);
		return NULL;
	}
	if (feeder_of(a.path) == NULL)
		f->named = xstrdup(a.path);
	f->order = a.order;
	f->end = a.end;
	if (a.end == SWARM_END_DEFAULT)
		f->end = a.order == SWARM_UNIQUE_ROWS ? SWARM_END_STOP :
		    SWARM_END_WRAP;
	f->want = LEAST_WANT;
	f->index = feeds.count;
	feeds.at = xreallocarray(feeds.at, feeds.count + 1,
	    sizeof feeds.at[0]);
	feeds.at[feeds.count++] = f;
	return f;
}

SWARM_API int swarm_feed_column(struct swarm_feed *f, const char *name)
{
	return f == NULL ? -1 : feed_file_column(&f->file, name);
}

SWARM_API uint64_t swarm_feed_rows(const struct swarm_feed *f)
{
	return f->file.row_count;
}

void feed_release_all(void)
{
	for (size_t i = 0; i < feeds.count; i++) {
		feed_file_release(&feeds.at[i]->file);
		free(feeds.at[i]->named);
		free(feeds.at[i]);
	}
	free(feeds.at);
	free(feeds.source);
	for (size_t i = 0; i < feeds.provided.count; i++)
		free(feeds.provided.entries[i].value);
	strmap_release(&feeds.provided);
	memset(&feeds, 0, sizeof feeds);
}

/* ---- the master's view ---- */

size_t feed_count(void)
{
	return feeds.count;
}

uint64_t feed_check(size_t i)
{
	return feeds.at[i]->file.check;
}

const char *feed_path(size_t i)
{
	return feeds.at[i]->file.path;
}

const char *feed_asked(size_t i)
{
	return feeds.at[i]->named;
}

static bool in_turn(const struct swarm_feed *f)
{
	return f->order == SWARM_SEQUENTIAL_ROWS ||
	    f->order == SWARM_SHUFFLED_ROWS;
}

uint64_t feed_positions(size_t i)
{
	const struct swarm_feed *f = feeds.at[i];

	if (!in_turn(f))
		return 0;
	return f->end == SWARM_END_WRAP ? UINT64_MAX : f->file.row_count;
}

/* ---- positions ---- */

void feed_set_lease(void (*ask)(size_t i, uint64_t want, uint64_t used))
{
	feeds.ask = ask;
}

void feed_new_run(uint64_t seed)
{
	feeds.seed = seed;
	for (size_t i = 0; i < feeds.count; i++) {
		struct swarm_feed *f = feeds.at[i];

		f->now = f->later = (struct range){ 0 };
		f->used = f->own_next = 0;
		f->want = LEAST_WANT;
		f->asked = f->asked_before = 0;
		f->dry = false;
	}
}

static void wake_all(struct swarm_feed *f)
{
	for (struct waiter *w = f->waiters; w != NULL; w = w->next) {
		swarm_wake(w->waker);
		w->prev = NULL;
	}
	f->waiters = NULL;
}

void feed_granted(size_t i, uint64_t from, uint64_t count)
{
	struct swarm_feed *f;

	if (i >= feeds.count || count > UINT64_MAX - from)
		return;
	f = feeds.at[i];
	f->asked = 0;
	f->dry = count == 0;
	if (f->now.next == f->now.end)
		f->now = (struct range){ from, from + count };
	else
		f->later = (struct range){ from, from + count };
	wake_all(f);
}

/* Twice as much when the last question is less than a second ago. */
static void ask(struct swarm_feed *f)
{
	int64_t now = clock_now();

	if (f->asked != 0)
		return;
	if (now - f->asked_before < NS_PER_S && f->want < MOST_WANT)
		f->want *= 2;
	else if (now - f->asked_before > 4 * NS_PER_S && f->want > LEAST_WANT)
		f->want /= 2;
	f->asked = f->asked_before = now;
	feeds.ask(f->index, f->want, f->used);
}

/* Nobody to ask: `swarm try`, a test of one process. */
static bool take_own(struct swarm_feed *f, uint64_t *position)
{
	if (f->own_next >= feed_positions(f->index))
		return false;
	*position = f->own_next++;
	return true;
}

/* False when there is none now; one may be on its way. */
static bool take_position(struct swarm_feed *f, uint64_t *position)
{
	if (feeds.ask == NULL)
		return take_own(f, position);
	if (f->now.next == f->now.end) {
		f->now = f->later;
		f->later = (struct range){ 0 };
	}
	if (f->now.next == f->now.end) {
		if (!f->dry)
			ask(f);
		return false;
	}
	*position = f->now.next++;
	f->used++;
	if (f->later.next == f->later.end && !f->dry &&
	    f->now.end - f->now.next <= f->want / 2)
		ask(f);
	return true;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* A permutation of 0..n-1: four rounds over a power of four that is at least
 * n, walked until the result is within. */
static uint64_t permute(uint64_t i, uint64_t n, uint64_t key)
{
	unsigned half = 1;
	uint64_t mask;

	while (half < 31 && (UINT64_C(1) << (2 * half)) < n)
		half++;
	mask = (UINT64_C(1) << half) - 1;
	do {
		for (unsigned round = 0; round < 4; round++) {
			uint64_t left = i >> half;
			uint64_t right = i & mask;

			left ^= mix(right ^ mix(key + round)) & mask;
			i = right << half | left;
		}
	} while (i >= n);
	return i;
}

static uint64_t row_at(const struct swarm_feed *f, uint64_t position)
{
	uint64_t n = f->file.row_count;
	uint64_t round = position / n;

	if (f->order != SWARM_SHUFFLED_ROWS)
		return position % n;
	return permute(position % n, n, mix(feeds.seed + 1) ^
	    mix(f->index * 1000003 + round));
}

/* ---- the next row ---- */

/* Until the answer comes, the user stops, or (dry) now and then. */
static int wait_for_grant(struct swarm_feed *f)
{
	struct waiter w = { .next = f->waiters, .prev = &f->waiters,
		.waker = swarm_waker() };
	int rc;
	int why;

	if (w.next != NULL)
		w.next->prev = &w.next;
	f->waiters = &w;
	rc = swarm_park(swarm_in(POLL));
	why = errno;
	if (w.prev != NULL) {
		*w.prev = w.next;
		if (w.next != NULL)
			w.next->prev = w.prev;
	}
	swarm_waker_free(w.waker);
	errno = why;
	return rc == -1 && why == ECANCELED ? -1 : 0;
}

static int run_out(struct swarm_feed *f, struct swarm_user *u)
{
	if (f->end == SWARM_END_STOP) {
		swarm_stop_user(u);
		errno = ENODATA;
		return -1;
	}
	while (!u->stopping) {
		if (swarm_sleep(POLL) == -1)
			return -1;
	}
	errno = ECANCELED;
	return -1;
}

static int next_in_turn(struct swarm_feed *f, struct swarm_user *u,
    struct swarm_row *row)
{
	uint64_t position;

	while (!take_position(f, &position)) {
		if (feeds.ask == NULL || (f->dry && f->end == SWARM_END_STOP))
			return run_out(f, u);
		if (u->stopping) {
			errno = ECANCELED;
			return -1;
		}
		/* The master may have got some back: ask again later. */
		if (f->dry && clock_now() - f->asked_before > NS_PER_S) {
			f->dry = false;
			continue;
		}
		if (wait_for_grant(f) == -1)
			return -1;
	}
	row->number = row_at(f, position);
	return 0;
}

SWARM_API int swarm_feed_next(struct swarm_feed *f, struct swarm_user *u,
    struct swarm_row *row)
{
	*row = (struct swarm_row){ .feed = f };
	if (in_turn(f))
		return next_in_turn(f, u, row);
	if (f->order == SWARM_RANDOM_ROWS) {
		row->number = rng_below(&u->rng, f->file.row_count);
		return 0;
	}
	if (u->number >= f->file.row_count && f->end != SWARM_END_WRAP)
		return run_out(f, u);
	row->number = u->number % f->file.row_count;
	return 0;
}

/* ---- fields ---- */

SWARM_API struct swarm_span swarm_field(struct swarm_user *u,
    const struct swarm_row *row, int column)
{
	const struct feed_file *file = &row->feed->file;
	struct feed_field field;
	char *copy;

	feed_file_field(file, row->number, column, &field);
	if (!field.escaped)
		return (struct swarm_span){ field.data, field.len };
	copy = swarm_alloc(u, field.len + 1);
	field.len = feed_file_unescape(file, &field, copy);
	return (struct swarm_span){ copy, field.len };
}

SWARM_API const char *swarm_field_text(struct swarm_user *u,
    const struct swarm_row *row, int column)
{
	struct swarm_span span = swarm_field(u, row, column);
	char *text;

	if (span.data == NULL)
		return "";
	text = swarm_alloc(u, span.len + 1);
	memcpy(text, span.data, span.len);
	text[span.len] = '\0';
	return text;
}

SWARM_API double swarm_field_number(struct swarm_user *u,
    const struct swarm_row *row, int column, double otherwise)
{
	struct swarm_span span = swarm_field(u, row, column);
	char text[64];
	char *end;
	double v;

	if (span.data == NULL || span.len == 0 || span.len >= sizeof text)
		return otherwise;
	memcpy(text, span.data, span.len);
	text[span.len] = '\0';
	/* No hexadecimal, no infinity. */
	if (strspn(text, "+-.eE0123456789") != span.len)
		return otherwise;
	v = strtod(text, &end);
	return *end == '\0' && isfinite(v) ? v : otherwise;
}
