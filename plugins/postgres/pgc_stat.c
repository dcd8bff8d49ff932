/*
 * Samples, durations and counters.
 */
#include "pgc_stat.h"

#include <stdio.h>
#include <string.h>

#include <swarm/measure.h>
#include <swarm/stats.h>

#include "pgc_options.h"

static uint32_t counters[PGC_COUNTERS];
static uint32_t pipeline_depth; /* metric */

void pgc_stat_init(void)
{
	static const char *const names[PGC_COUNTERS] = {
		[PGC_ROWS] = "pg_rows",
		[PGC_BYTES] = "pg_bytes",
		[PGC_CONNECTS] = "pg_connects",
		[PGC_DISCONNECTS] = "pg_disconnects",
		[PGC_TX_RETRIES] = "pg_tx_retries",
		[PGC_TX_FAILED] = "pg_tx_failed",
		[PGC_SERIALIZATION] = "pg_serialization_failures",
		[PGC_DEADLOCKS] = "pg_deadlocks",
		[PGC_CANCELS] = "pg_cancels",
		[PGC_NOTIFICATIONS] = "pg_notifications",
		[PGC_NOTIFICATIONS_DROPPED] = "pg_notifications_dropped",
	};
	int i;

	for (i = 0; i < PGC_COUNTERS; i++)
		counters[i] = swarm_counter(names[i]);
	pipeline_depth = swarm_metric(SWARM_DISTRIBUTION, "pg_pipeline_depth",
	    "statements");
}

void pgc_stat_count(enum pgc_counter counter, int64_t add)
{
	if (add != 0)
		swarm_count(counters[counter], add);
}

void pgc_stat_error(const struct pgc_error *err)
{
	char name[16];

	snprintf(name, sizeof(name), "pg_error_%.2s", err->state);
	swarm_count(swarm_counter(name), 1);
	if (strcmp(err->state, "40001") == 0)
		pgc_stat_count(PGC_SERIALIZATION, 1);
	else if (strcmp(err->state, "40P01") == 0)
		pgc_stat_count(PGC_DEADLOCKS, 1);
}

void pgc_stat_sample(const struct pgc_sample *s)
{
	uint32_t series = s->series;
	struct swarm_timer timer;

	if (pgc_options.locust_names)
		series = swarm_series(s->err == NULL ? "postgres_success" :
		    "postgres_failure", "execute_query");
	timer = swarm_begin_at(s->user, series, s->start);
	if (s->err == NULL) {
		swarm_done_at(&timer, s->end, (size_t)s->bytes);
	} else {
		char reason[PGC_TEXT_MAX];

		pgc_error_group(s->err, reason, sizeof(reason));
		swarm_fail_at(&timer, s->end, "%s", reason);
		pgc_stat_error(s->err);
	}
}

void pgc_stat_observe(const char *type, const char *name, int64_t ns,
    int64_t bytes)
{
	swarm_observe(swarm_series(type, name), ns, (size_t)bytes);
}

void pgc_stat_sync(int64_t ns, unsigned depth)
{
	pgc_stat_observe("SQL pipeline", "sync", ns, 0);
	swarm_record(pipeline_depth, depth);
}

void pgc_stat_connected(const struct pgc_phases *p)
{
	const struct {
		const char *name;
		int64_t ns;
	} phases[] = {
		{ "resolve", p->resolve }, { "tcp", p->tcp },
		{ "tls", p->tls }, { "auth", p->auth },
		{ "ready", p->ready }, { "total", p->total },
	};
	size_t i;

	pgc_stat_count(PGC_CONNECTS, 1);
	for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		if (phases[i].ns >= 0)
			pgc_stat_observe("SQL connect", phases[i].name,
			    phases[i].ns, 0);
	}
}

void pgc_stat_refused(struct swarm_user *user, int64_t start,
    const struct pgc_error *err)
{
	struct pgc_sample sample = { .user = user,
		.series = swarm_series("SQL connect", "connect"),
		.start = start, .end = swarm_now(), .err = err };

	pgc_stat_sample(&sample);
}

const char *pgc_stat_name(const char *sql, char buf[static PGC_NAME_MAX])
{
	const size_t max = PGC_NAME_MAX - 4;
	size_t n = 0;

	for (; *sql != '\0' && n < max; sql++) {
		bool blank = *sql == ' ' || (*sql >= '\t' && *sql <= '\r');

		if (!blank)
			buf[n++] = *sql;
		else if (n > 0 && buf[n - 1] != ' ')
			buf[n++] = ' ';
	}
	if (n == max && *sql != '\0')
		n = (size_t)(stpncpy(buf + n, "...", 4) - buf);
	while (n > 0 && (buf[n - 1] == ' ' || buf[n - 1] == ';'))
		n--;
	buf[n] = '\0';
	return buf;
}
