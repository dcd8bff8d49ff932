/*
 * Connections on the loop.
 *
 * Memory is bounded against large results: libpq has no limit of its own and
 * tells nobody how much it has read, but the kernel does, and exactly (see
 * pgc_guard.c).  A connection whose answer grows beyond the limit is dropped.
 */
#include "pgc_conn.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <swarm/log.h>
#include <swarm/loop.h>

#include "pgc_guard.h"

#define STMTS_MAX 4096          /* prepared statements of one connection */
#define STMT_NAME_MAX 16

struct pgc_stmt {
	uint64_t hash;
	char *sql;
	char name[STMT_NAME_MAX];
};

/* ---- reading ---- */

static void wake(struct pgc_conn *c)
{
	if (c->waker != NULL)
		swarm_wake(c->waker);
}

void pgc_conn_lose(struct pgc_conn *c)
{
	if (c->lost)
		return;
	c->lost = true;
	c->want = 0;
	/* Taking it out of the loop does not fail. */
	swarm_watch_want(c->watch, 0);
	wake(c);
	if (c->dropped != NULL)
		c->dropped(c->arg);
}

static void set_want(struct pgc_conn *c, unsigned want)
{
	if (c->want == want || c->lost)
		return;
	if (swarm_watch_want(c->watch, want) == 0)
		c->want = want;
	else
		pgc_conn_lose(c);
}

/* What comes from here on counts for max_input. */
static void start_limit(struct pgc_conn *c)
{
	c->reads = 0;
	c->input_base = -1;
}

static void take_notifications(struct pgc_conn *c)
{
	PGnotify *n;

	while ((n = PQnotifies(c->pq)) != NULL) {
		if (!c->active)
			start_limit(c);
		if (c->notified != NULL)
			c->notified(n, c->arrived, c->arg);
		else
			PQfreemem(n);
	}
}

/* Bytes received on this connection so far. */
static int64_t received(struct pgc_conn *c)
{
	int64_t n = pgc_guard_received(c->fd, c->is_unix);

	if (c->is_unix && n > INT_MAX / 2) {
		c->received_before += n;
		pgc_guard_count(c->fd);
		n = 0;
	}
	return c->received_before + n;
}

static void start_counting(struct pgc_conn *c)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof(addr);

	getsockname(c->fd, &addr, &len);
	c->is_unix = addr.sa_family == AF_UNIX;
	if (c->is_unix)
		pgc_guard_count(c->fd);
}

/* A read that may be a long one, with what is left of the limit. */
static bool consume_guarded(struct pgc_conn *c)
{
	int64_t now = received(c);
	bool ok;

	if (c->input_base == -1)
		c->input_base = now;
	pgc_guard_begin(c->fd, c->is_unix, c->input_base + c->max_input -
	    c->received_before);
	ok = PQconsumeInput(c->pq);
	c->too_large = pgc_guard_end();
	if (ok && received(c) - c->input_base > c->max_input)
		c->too_large = true;
	return ok && !c->too_large;
}

static bool consume(struct pgc_conn *c)
{
	c->arrived = swarm_now();
	if (c->first == 0)
		c->first = c->arrived;
	/* The first read is at most as long as libpq's buffer has become by
	 * then: most answers cost no count. */
	if (c->reads++ > 0 && c->max_input > 0)
		return consume_guarded(c);
	return PQconsumeInput(c->pq);
}

static void on_ready(int fd, unsigned ready, void *arg)
{
	struct pgc_conn *c = arg;
	bool busy;

	(void)fd;
	if (ready & SWARM_WRITE && pgc_conn_push(c) == -1)
		pgc_conn_lose(c);
	if (ready & SWARM_READ && !c->lost) {
		/* A fiber that has not taken the last result yet holds the
		 * server back. */
		if (c->active && c->waker == NULL && !PQisBusy(c->pq)) {
			set_want(c, c->want & ~SWARM_READ);
			return;
		}
		if (!consume(c))
			pgc_conn_lose(c);
	}
	busy = PQisBusy(c->pq);
	/* Who does not listen gets none, unless a statement was LISTEN. */
	if (c->notified != NULL || !c->active || c->turns++ % 64 == 0)
		take_notifications(c);
	c->complete = !busy && !c->too_large;
	if (!busy || c->any_event)
		wake(c);
}

/* ---- waiting ---- */

static int park(struct pgc_conn *c, int64_t deadline)
{
	int rc;

	set_want(c, c->want | SWARM_READ);
	if (c->lost) {
		errno = ECONNRESET;
		return -1;
	}
	c->waker = swarm_waker();
	rc = swarm_park(deadline);
	swarm_waker_free(c->waker);
	c->waker = NULL;
	return rc;
}

int pgc_conn_wait(struct pgc_conn *c, int64_t deadline)
{
	/* The watch has asked libpq already, in the usual case. */
	while (c->too_large || PQisBusy(c->pq)) {
		c->complete = false;
		if (park(c, deadline) == -1)
			return -1;
		if (c->complete)
			return 0;
	}
	return 0;
}

int pgc_conn_wait_input(struct pgc_conn *c, int64_t deadline)
{
	int rc;

	c->any_event = true;
	rc = park(c, deadline);
	c->any_event = false;
	return rc;
}

int pgc_conn_push(struct pgc_conn *c)
{
	int left = c->lost ? -1 : PQflush(c->pq);

	if (left == 1)
		set_want(c, c->want | SWARM_WRITE);
	else if (left == 0)
		set_want(c, c->want & ~SWARM_WRITE);
	if (left != -1 && !c->lost)
		return 0;
	errno = ECONNRESET;
	return -1;
}

int pgc_conn_flush(struct pgc_conn *c, int64_t deadline)
{
	int rc = pgc_conn_push(c);

	c->any_event = true;
	while (rc == 0 && c->want & SWARM_WRITE)
		rc = park(c, deadline);
	c->any_event = false;
	if (rc == 0 && c->lost) {
		errno = ECONNRESET;
		return -1;
	}
	return rc;
}

/* ---- life ---- */

/* Whether it says that the server ends the connection: a fatal error, or the
 * warning (of class 57) that another session has crashed. */
static bool is_farewell(const PGresult *notice, const char *state)
{
	const char *severity = PQresultErrorField(notice,
	    PG_DIAG_SEVERITY_NONLOCALIZED);

	return strncmp(state, "57", 2) == 0 || (severity != NULL &&
	    (strcmp(severity, "FATAL") == 0 ||
	    strcmp(severity, "PANIC") == 0));
}

/* Left to itself libpq would write notices to standard error. */
static void on_notice(void *arg, const PGresult *notice)
{
	struct pgc_conn *c = arg;
	const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(notice,
	    PG_DIAG_MESSAGE_PRIMARY);

	if (state == NULL || text == NULL)
		return;
	swarm_debug("server: %s %s", state, text);
	if (!is_farewell(notice, state))
		return;
	snprintf(c->farewell_state, sizeof(c->farewell_state), "%s", state);
	snprintf(c->farewell, sizeof(c->farewell), "%s", text);
}

struct pgc_conn *pgc_conn_new(PGconn *pq, int64_t max_input)
{
	static uint64_t last_id;
	struct pgc_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		goto finish;
	c->pq = pq;
	c->id = ++last_id;
	c->fd = PQsocket(pq);
	c->max_input = max_input;
	if (PQsetnonblocking(pq, 1) == -1)
		goto free_conn;
	PQsetNoticeReceiver(pq, on_notice, c);
	PQsetErrorVerbosity(pq, PQERRORS_DEFAULT);
	start_counting(c);
	start_limit(c);
	c->want = SWARM_READ;
	c->watch = swarm_watch_new(c->fd, c->want, on_ready, c);
	if (c->watch == NULL)
		goto free_conn;
	return c;

free_conn:
	free(c);
finish:
	PQfinish(pq);
	return NULL;
}

void pgc_conn_free(struct pgc_conn *c)
{
	size_t i;

	if (c == NULL)
		return;
	swarm_watch_free(c->watch);
	PQfinish(c->pq);
	for (i = 0; i < c->stmt_cap; i++)
		free(c->stmts[i].sql);
	free(c->stmts);
	free(c);
}

bool pgc_conn_usable(const struct pgc_conn *c)
{
	return c != NULL && !c->lost;
}

void pgc_conn_check(struct pgc_conn *c)
{
	/* At once: libpq has closed the descriptor, and its number may be
	 * given to the next connection. */
	if (PQstatus(c->pq) != CONNECTION_OK)
		pgc_conn_lose(c);
}

void pgc_conn_begin(struct pgc_conn *c)
{
	c->active = true;
	c->first = 0;
	start_limit(c);
}

void pgc_conn_end(struct pgc_conn *c)
{
	c->active = false;
	start_limit(c);
	set_want(c, c->want | SWARM_READ);
}

void pgc_conn_row(struct pgc_conn *c)
{
	c->input_base = -1;
}

/* ---- prepared statements ---- */

static uint64_t hash_text(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* The place of `sql`, or the free one where it belongs. */
static struct pgc_stmt *find(struct pgc_stmt *stmts, size_t cap,
    const char *sql, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (stmts[i].sql != NULL && (stmts[i].hash != hash ||
	    strcmp(stmts[i].sql, sql) != 0))
		i = (i + 1) & (cap - 1);
	return &stmts[i];
}

const char *pgc_conn_stmt(struct pgc_conn *c, const char *sql)
{
	struct pgc_stmt *stmt;

	if (c->stmt_cap == 0)
		return NULL;
	stmt = find(c->stmts, c->stmt_cap, sql, hash_text(sql));
	return stmt->sql != NULL && stmt->name[0] != '\0' ? stmt->name : NULL;
}

static bool grow(struct pgc_conn *c)
{
	size_t cap = c->stmt_cap ? c->stmt_cap * 2 : 16;
	struct pgc_stmt *stmts = calloc(cap, sizeof(*stmts));
	size_t i;

	if (stmts == NULL)
		return false;
	for (i = 0; i < c->stmt_cap; i++) {
		struct pgc_stmt *old = &c->stmts[i];

		if (old->sql != NULL)
			*find(stmts, cap, old->sql, old->hash) = *old;
	}
	free(c->stmts);
	c->stmts = stmts;
	c->stmt_cap = cap;
	return true;
}

static void set_stmt_name(char name[STMT_NAME_MAX], unsigned serial)
{
	snprintf(name, STMT_NAME_MAX, "s%u", serial);
}

const char *pgc_conn_stmt_add(struct pgc_conn *c, const char *sql)
{
	uint64_t hash = hash_text(sql);
	struct pgc_stmt *stmt;

	if (c->stmt_count >= STMTS_MAX)
		return NULL;
	if ((c->stmt_count + 1) * 2 > c->stmt_cap && !grow(c))
		return NULL;
	stmt = find(c->stmts, c->stmt_cap, sql, hash);
	if (stmt->sql == NULL) {
		stmt->sql = strdup(sql);
		if (stmt->sql == NULL)
			return NULL;
		stmt->hash = hash;
		c->stmt_count++;
	}
	set_stmt_name(stmt->name, ++c->stmt_serial);
	return stmt->name;
}

void pgc_conn_stmt_drop(struct pgc_conn *c, const char *sql)
{
	/* The place stays taken, without a name: others may lie behind. */
	if (c->stmt_cap > 0)
		find(c->stmts, c->stmt_cap, sql, hash_text(sql))->name[0] =
		    '\0';
}

void pgc_conn_stmt_forget(struct pgc_conn *c, unsigned serial)
{
	char name[STMT_NAME_MAX];
	size_t i;

	set_stmt_name(name, serial);
	for (i = 0; i < c->stmt_cap; i++) {
		if (strcmp(c->stmts[i].name, name) == 0)
			c->stmts[i].name[0] = '\0';
	}
}
