/*
 * A worker's own health.
 */
#include "cluster/worker_sample.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "fiber/loop.h"

static struct {
	int64_t at;
	int64_t cpu_ns;
	int64_t busy_ns;
} last;

static int64_t resident_bytes(void)
{
	long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%*s %lld", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static int64_t cpu_time(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NS_PER_S +
	    (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * NS_PER_US;
}

void worker_sample(struct wire_heartbeat *hb)
{
	int64_t now = clock_now();
	int64_t cpu = cpu_time();
	struct loop_health health;
	double passed = (double)(now - last.at);

	loop_health(&health);
	if (last.at != 0 && passed > 0) {
		hb->cpu = 100 * (double)(cpu - last.cpu_ns) / passed;
		hb->loop_busy = (double)(health.busy_ns - last.busy_ns) /
		    passed;
	}
	if (hb->loop_busy > 1)
		hb->loop_busy = 1;
	hb->loop_delay_ms = (double)health.longest_pass_ns / NS_PER_MS;
	hb->memory = resident_bytes();
	last.at = now;
	last.cpu_ns = cpu;
	last.busy_ns = health.busy_ns;
}
