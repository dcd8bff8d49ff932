/* Rows of data, as the master hands them out: see the header. */
#include "cli/rows.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/lease.h"
#include "cluster/master.h"
#include "run/run.h"
#include "user/feed.h"

static struct {
	struct lease *leases;           /* of each feed */
	size_t count;
	int64_t started;
} rows;

void rows_release(void)
{
	for (size_t i = 0; i < rows.count; i++)
		lease_release(&rows.leases[i]);
	free(rows.leases);
	memset(&rows, 0, sizeof rows);
}

void rows_begin(int64_t started)
{
	if (started == rows.started)
		return;
	rows_release();
	rows.started = started;
	rows.count = feed_count();
	rows.leases = xcalloc(rows.count + 1, sizeof rows.leases[0]);
	for (size_t i = 0; i < rows.count; i++)
		lease_init(&rows.leases[i], feed_positions(i));
}

void rows_wanted(struct peer *p, const struct wire_rows_wanted *wanted,
    void *arg)
{
	size_t i = (size_t)wanted->feed;
	struct wire_rows answer = { .feed = i };
	struct lease_range got;

	(void)arg;
	if (i >= rows.count || wanted->check != feed_check(i)) {
		log_error("worker %lld: its copy of %s is not the master's: "
		    "give every machine the same file", (long long)p->index,
		    i < rows.count ? feed_path(i) : "a data file");
		run_stop("the workers' data files differ");
		return;
	}
	got = lease_grant(&rows.leases[i], p->index, wanted->want,
	    wanted->used, master_peer_count());
	answer.from = got.from;
	answer.count = got.count;
	master_send_rows(p, &answer);
}

void rows_lost(const struct peer *p)
{
	for (size_t i = 0; i < rows.count; i++)
		lease_lost(&rows.leases[i], p->index);
}
