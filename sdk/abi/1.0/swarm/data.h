/*
 * Data of a scenario: rows of a CSV or NDJSON file, handed to users.
 *
 *	static struct swarm_feed *accounts;
 *	static int name;
 *
 *	static int setup(void)
 *	{
 *		accounts = SWARM_FEED("accounts.csv", .order = SWARM_UNIQUE_ROWS);
 *		name = swarm_feed_column(accounts, "name");
 *		return name == -1 ? -1 : 0;
 *	}
 *
 *	static void login(struct swarm_user *u)
 *	{
 *		struct swarm_row row;
 *
 *		if (swarm_feed_next(accounts, u, &row) == -1)
 *			return;
 *		http_post(u, "/login", .body = swarm_field_text(u, &row, name));
 *	}
 *
 * The file is mapped into memory once in each process and shared by its users;
 * it is read through, and refused as a whole when anything in it is wrong,
 * before the run begins.  It must not change while the run goes on.  Every
 * worker needs the same file: on other machines a copy of it.
 */
#ifndef SWARM_DATA_H
#define SWARM_DATA_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

struct swarm_feed;

/* Which row a user gets. */
enum swarm_feed_order {
	/* In the file's order, each row once over all workers, before any is
	 * used again.  Workers take rows in blocks, so the order is that of
	 * the file within a block. */
	SWARM_SEQUENTIAL_ROWS,
	/* The same in an order that is drawn by --seed, another one for each
	 * time round. */
	SWARM_SHUFFLED_ROWS,
	/* Any row each time, drawn from the user's random numbers. */
	SWARM_RANDOM_ROWS,
	/* One for each user, the same as long as it lives; no other user of
	 * the run has it meanwhile.  Rows of users that are stopped, or lost
	 * with their worker, go to the users started in their place. */
	SWARM_UNIQUE_ROWS,
};

/* When no row is left for a user. */
enum swarm_feed_end {
	SWARM_END_DEFAULT,      /* wrap; for unique rows: stop the user */
	SWARM_END_WRAP,         /* begin again; unique ones are shared then */
	SWARM_END_STOP,         /* swarm_feed_next() stops the user */
	SWARM_END_WAIT,         /* it waits until the user is stopped, or until
	                         * a lost worker's rows are handed out anew */
};

struct swarm_feed_args {
	uint32_t size;
	/* Relative to the folder of the scenario's file; if there is none of
	 * that name, to the current folder.  ".ndjson", ".jsonl" and ".json"
	 * are read as one JSON object a line, all else as CSV (RFC 4180). */
	const char *path;
	enum swarm_feed_order order;
	enum swarm_feed_end end;
	char separator;                 /* of CSV; 0: a comma */
	/* Names of the columns, separated by commas, of a CSV file whose
	 * first line is a row already; NULL: the first line has them. */
	const char *columns;
};

/*
 * [main, in load() or setup()] Opens a file; the same calls in every process.
 * It stays open until the process ends.  NULL after one swarm_error() that
 * says what is wrong, with line and column.
 */
SWARM_API struct swarm_feed *swarm_feed_open(const struct swarm_feed_args *);
#define SWARM_FEED(path_, ...) \
	swarm_feed_open(&(struct swarm_feed_args){ \
		.size = (uint32_t)sizeof(struct swarm_feed_args), \
		.path = (path_), __VA_ARGS__ })
/* [main, in load() or setup()] The number of a column; of NDJSON, of a member
 * of the objects, which the first one must have.  -1 after swarm_error(),
 * also for a feed that is NULL. */
SWARM_API int swarm_feed_column(struct swarm_feed *, const char *name);
/* [any thread] How many rows there are; at least 1. */
SWARM_API uint64_t swarm_feed_rows(const struct swarm_feed *);

/* A row; copy it as you like, valid for the run.  Frozen. */
struct swarm_row {
	const struct swarm_feed *feed;
	uint64_t number;                /* from 0, in the file's order */
};

/* Bytes that belong to somebody else; not ended by a NUL.  Frozen. */
struct swarm_span {
	const char *data;               /* NULL: there is no such value */
	size_t len;
};

/*
 * [fiber] The next row for this user.  Waits when a worker has used up what
 * the master gave it.  0, or -1 when none is left or the user is to stop: the
 * task should return.
 */
SWARM_API int swarm_feed_next(struct swarm_feed *, struct swarm_user *,
    struct swarm_row *);

/*
 * [fiber] A value of the row.  Points into the mapped file, and only when it
 * was written with escapes into memory that lives until the task returns.
 * Strings come without their quotes, other JSON values as they are written;
 * what a row of NDJSON does not have, and null, is NULL with a length of 0.
 */
SWARM_API struct swarm_span swarm_field(struct swarm_user *,
    const struct swarm_row *, int column);
/* [fiber] The same as text; "" when there is none.  Lives until the task
 * returns. */
SWARM_API const char *swarm_field_text(struct swarm_user *,
    const struct swarm_row *, int column);
/* [fiber] The same as a number, or `otherwise` when it is none. */
SWARM_API double swarm_field_number(struct swarm_user *,
    const struct swarm_row *, int column, double otherwise);

#ifdef __cplusplus
}
#endif
#endif
