/*
 * The module `postgres`: PostgreSQL on libpq, and pgbench's work without C.
 *
 * pgc_*.c are the client, pgs_*.c the script language of pgbench, which knows
 * neither libpq nor swarm.
 */
#include <strings.h>

#include <swarm/hooks.h>
#include <swarm/log.h>
#include <swarm/postgres.h>
#include <swarm/user.h>

#include "pgc_cancel.h"
#include "pgc_copy.h"
#include "pgc_dial.h"
#include "pgc_notify.h"
#include "pgc_options.h"
#include "pgc_pipe.h"
#include "pgc_query.h"
#include "pgc_result.h"
#include "pgc_session.h"
#include "pgc_stat.h"
#include "pgc_tx.h"
#include "pgo_server.h"

static const char *conninfo;
static int pool;
static const char *mode;
static double connect_timeout;
static double timeout;
static double retry_delay;
static int64_t max_result;
static int max_connecting;
static bool locust_names;
static double server_stats;

struct pgc_options pgc_options;

static int parse_mode(enum pg_mode *out)
{
	static const char *const names[] = {
		[PG_AUTO] = "auto", [PG_SIMPLE] = "simple",
		[PG_EXTENDED] = "extended", [PG_PREPARED] = "prepared",
	};
	int i;

	for (i = 0; i <= PG_PREPARED; i++) {
		if (strcasecmp(mode, names[i]) == 0) {
			*out = (enum pg_mode)i;
			return 0;
		}
	}
	swarm_error("mode=%s: use auto, simple, extended or prepared", mode);
	return -1;
}

static int load(void)
{
	pgc_options.conninfo = conninfo;
	pgc_options.pool = pool;
	pgc_options.connect_timeout = connect_timeout;
	pgc_options.timeout = timeout;
	pgc_options.retry_delay = retry_delay;
	pgc_options.grace = 5;
	pgc_options.max_result = max_result;
	pgc_options.locust_names = locust_names;
	if (parse_mode(&pgc_options.mode) == -1)
		return -1;
	if (pool < 0 || max_connecting < 1 || connect_timeout <= 0 ||
	    retry_delay < 0 || server_stats < 0) {
		swarm_error("pool, retry_delay and server_stats must not be "
		    "negative, max_connecting and connect_timeout must be "
		    "above 0");
		return -1;
	}
	if (server_stats > 86400) {
		swarm_error("server_stats: look once a day at least");
		return -1;
	}
	pgc_dial_limit(max_connecting);
	pgo_server_watch(conninfo, server_stats);
	pgc_options.slot = swarm_slot_new(sizeof(struct pgc_user),
	    pgc_session_destroy);
	return 0;
}

static int worker_start(void)
{
	pgc_stat_init();
	pgc_cancel_init();
	return 0;
}

static void worker_stop(void)
{
	pgc_cancel_release();
	pgc_pool_release();
	pgc_target_release();
}

static const struct pg_api api = {
	SWARM_IFACE(struct pg_api, 0),
	.connect = pgc_session_connect,
	.close = pgc_session_close,
	.own = pgc_session_own,
	.info = pgc_session_info,
	.query = pgc_query,
	.prepare = pgc_prepare,
	.execute = pgc_execute,
	.transaction = pgc_tx_run,
	.begin = pgc_tx_begin,
	.commit = pgc_tx_commit,
	.rollback = pgc_tx_rollback,
	.queue = pgc_pipe_queue,
	.sync = pgc_pipe_sync,
	.drain = pgc_pipe_drain,
	.copy_in = pgc_copy_in,
	.copy_out = pgc_copy_out,
	.listen = pgc_notify_listen,
	.unlisten = pgc_notify_unlisten,
	.notify = pgc_notify_send,
	.wait = pgc_notify_wait,
	.cancel = pgc_session_cancel,
	.value = pgc_result_value,
	.length = pgc_result_length,
	.null = pgc_result_null,
	.integer = pgc_result_integer,
	.real = pgc_result_real,
	.column = pgc_result_column,
	.column_name = pgc_result_column_name,
	.column_type = pgc_result_column_type,
};

SWARM_MODULE(
	.name = "postgres",
	.version = "1.0",
	.summary = "PostgreSQL client on libpq, and pgbench's work",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(conninfo, "",
		    "connection string or URI; empty: --host"),
		SWARM_OPTION(pool, "0",
		    "connections that a worker's users share; 0: one each"),
		SWARM_OPTION(mode, "auto",
		    "how statements are sent: auto, simple, extended, "
		    "prepared"),
		SWARM_OPTION_DURATION(connect_timeout, "10s",
		    "to connect, or to get a connection of the pool"),
		SWARM_OPTION_DURATION(timeout, "0s",
		    "after which a statement is cancelled; 0: never"),
		SWARM_OPTION_DURATION(retry_delay, "0.1s",
		    "before connecting again after a failure, then doubling "
		    "up to 2s"),
		SWARM_OPTION_SIZE(max_result, "64m",
		    "largest result kept in memory; 0: no limit"),
		SWARM_OPTION(max_connecting, "32",
		    "connections of a worker in the making at once"),
		SWARM_OPTION(locust_names, "false",
		    "rows postgres_success and postgres_failure, as Locust"),
		SWARM_OPTION_DURATION(server_stats, "0s",
		    "between looks at the server's own counters, for the "
		    "report; 0: none")),
	.exports = SWARM_EXPORTS({ "swarm.postgres/1", &api.head },
	    { SWARM_HOOKS_ID, &pgo_server_hooks.head }),
	.load = load,
	.worker_start = worker_start,
	.worker_stop = worker_stop,
);
