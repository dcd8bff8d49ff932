/*
 * Transactions, and running them again when the server asks for it.
 */
#include "pgc_tx.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pgc_query.h"
#include "pgc_stat.h"

static const char *isolation_sql(enum pg_isolation level)
{
	switch (level) {
	case PG_READ_COMMITTED:
		return " ISOLATION LEVEL READ COMMITTED";
	case PG_REPEATABLE_READ:
		return " ISOLATION LEVEL REPEATABLE READ";
	case PG_SERIALIZABLE:
		return " ISOLATION LEVEL SERIALIZABLE";
	default:
		return "";
	}
}

/* errno for what the session's last error was. */
static int fail(const struct pg *s)
{
	errno = strcmp(s->error.state, PGC_STOPPED) == 0 ? ECANCELED : EIO;
	return -1;
}

/* One statement by itself; commits and rollbacks keep the connection that the
 * transaction has. */
static int run(struct pg *s, const char *sql, const char *name)
{
	int rc;

	if (pgc_query_refused(s) != NULL) {
		errno = EBUSY;
		return -1;
	}
	if (pgc_session_begin(s) == NULL) {
		pgc_session_failed(s);
		return fail(s);
	}
	rc = pgc_query_simple(s, sql, name, 0);
	pgc_session_end(s);
	return rc == 0 ? 0 : fail(s);
}

int pgc_tx_begin(struct swarm_user *u, const struct pg_tx_args *args)
{
	struct pg *s = pgc_session_of(u, args->on);
	char sql[80];

	snprintf(sql, sizeof(sql), "BEGIN%s%s",
	    isolation_sql(args->isolation),
	    args->read_only ? " READ ONLY" : "");
	pgc_error_clear(&s->tx_error);
	return run(s, sql, "BEGIN");
}

/* Without a connection there is no transaction left to end. */
static int end(struct pg *s, const char *sql)
{
	if (!pgc_conn_usable(s->conn)) {
		pgc_error_set(&s->error, PGC_CONNECTION_LOST,
		    "the connection was lost with its transaction");
		pgc_session_failed(s);
		errno = EIO;
		return -1;
	}
	return run(s, sql, sql);
}

int pgc_tx_commit(struct swarm_user *u, struct pg *on)
{
	struct pg *s = pgc_session_of(u, on);

	if (end(s, "COMMIT") == -1)
		return -1;
	/* The server rolls a failed transaction back, and says so. */
	if (s->rows != NULL && strcmp(PQcmdStatus(s->rows), "ROLLBACK") == 0) {
		errno = EIO;
		return -1;
	}
	return 0;
}

int pgc_tx_rollback(struct swarm_user *u, struct pg *on)
{
	return end(pgc_session_of(u, on), "ROLLBACK");
}

static bool in_transaction(const struct pg *s)
{
	PGTransactionStatusType status;

	if (!pgc_conn_usable(s->conn))
		return false;
	status = PQtransactionStatus(s->conn->pq);
	return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* One try: 0 committed, -1 not. */
static int try_once(struct swarm_user *u, struct pg *s,
    int (*body)(struct swarm_user *, void *), void *arg,
    const struct pg_tx_args *args)
{
	if (pgc_tx_begin(u, args) == -1)
		return -1;
	if (body(u, arg) == 0 && s->tx_error.state[0] == '\0')
		return pgc_tx_commit(u, s);
	if (in_transaction(s))
		pgc_tx_rollback(u, s);
	errno = EIO;
	return -1;
}

int pgc_tx_run(struct swarm_user *u, int (*body)(struct swarm_user *, void *),
    void *arg, const struct pg_tx_args *args)
{
	struct pg *s = pgc_session_of(u, args->on);
	const char *name = args->name != NULL ? args->name : "tx";
	unsigned max = args->max_tries > 0 ? args->max_tries : 1;
	int64_t start = swarm_now();
	int64_t until = args->max_time > 0 ? swarm_in(args->max_time) :
	    SWARM_FOREVER;
	unsigned tries;

	for (tries = 1;; tries++) {
		bool may_retry = tries < max && swarm_now() < until;
		int rc;

		s->may_retry = may_retry;
		rc = try_once(u, s, body, arg, args);
		s->may_retry = false;
		if (rc == 0) {
			pgc_stat_observe("SQL tx", name, swarm_now() - start,
			    0);
			return 0;
		}
		if (errno == ECANCELED || swarm_stopping(u)) {
			errno = ECANCELED;
			return -1;
		}
		if (!pgc_error_retryable(&s->tx_error)) {
			errno = EIO;
			break;
		}
		errno = EAGAIN;
		if (!may_retry)
			break;
		pgc_stat_count(PGC_TX_RETRIES, 1);
	}
	pgc_stat_count(PGC_TX_FAILED, 1);
	return -1;
}
