/*
 * What the tests of the client start with: the client's calls without the
 * table of the public header, and a server for all of them.
 */
#ifndef CALLS_H
#define CALLS_H

#include "pgc_notify.h"
#include "pgc_pipe.h"
#include "pgc_query.h"
#include "pgc_session.h"
#include "pgc_tx.h"

#define QUERY(u, sql, ...) \
	pgc_query((u), (sql), &(const struct pg_query_args){ \
		.size = sizeof(struct pg_query_args), __VA_ARGS__ })
#define QUEUE(u, sql, ...) \
	pgc_pipe_queue((u), (sql), &(const struct pg_query_args){ \
		.size = sizeof(struct pg_query_args), __VA_ARGS__ })
#define CONNECT(u, ...) \
	pgc_session_connect((u), &(const struct pg_connect_args){ \
		.size = sizeof(struct pg_connect_args), __VA_ARGS__ })
#define TX(u, body, arg, ...) \
	pgc_tx_run((u), (body), (arg), &(const struct pg_tx_args){ \
		.size = sizeof(struct pg_tx_args), __VA_ARGS__ })

/* Group set-up and tear-down. */
int calls_start(void **state);
int calls_stop(void **state);

#endif
