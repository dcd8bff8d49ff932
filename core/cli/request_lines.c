/* See the header. */
#include "cli/request_lines.h"

#include <swarm/user.h>

#include "base/clock.h"
#include "base/log.h"
#include "fiber/wheel.h"
#include "report/report.h"
#include "report/request_log.h"
#include "stats/stats.h"
#include "user/user.h"

static struct {
	const char *path;
	struct stats *stats;
	struct wheel_timer flush;
} lines;

/* Drops reach the master as a counter, and so every result. */
static void count_dropped(const struct request_log_account *account)
{
	if (account->dropped > 0)
		stats_count(lines.stats, stats_counter(lines.stats,
		    REPORT_LOG_DROPPED), (int64_t)account->dropped);
}

static void flush_fired(struct wheel_timer *t)
{
	struct request_log_account account;

	wheel_add(t, t->when + NS_PER_S);
	request_log_flush(&account);
	count_dropped(&account);
}

void request_lines_start(const char *path, struct stats *stats)
{
	lines.path = path;
	lines.stats = stats;
	lines.flush.fire = flush_fired;
	if (path != NULL)
		wheel_add(&lines.flush, clock_now() + NS_PER_S);
}

void request_lines_open(unsigned worker)
{
	if (lines.path != NULL && request_log_open(lines.path, worker) == -1)
		log_error("this worker goes on without a request log");
}

void request_lines_add(const struct swarm_timer *t, const struct series *s,
    int64_t end, size_t bytes, const char *error)
{
	request_log_add(s, end, end - t->start, t->lag, bytes,
	    swarm_user_id(t->user), error);
}

void request_lines_close(void)
{
	struct request_log_account account;

	wheel_del(&lines.flush);
	request_log_close(&account);
	count_dropped(&account);
}
