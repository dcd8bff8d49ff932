/* See machine.h. */
#include "base/machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"

#define CLOCK_READINGS 10000
#define CGROUPS        "/sys/fs/cgroup"

/* The first line of a file, without its newline; false when there is none. */
static bool line_of(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool read = f && fgets(line, (int)size, f) != NULL;

	if (f)
		fclose(f);
	if (!read)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return read;
}

/* The n-th number of a file's first line, or -1 ("max" too). */
static int64_t number_of(const char *path, int n)
{
	char line[256], *rest = line, *word = NULL;
	int64_t value;

	if (!line_of(path, line, sizeof line))
		return -1;
	for (int i = 0; i <= n; i++)
		word = strtok_r(i ? NULL : line, " \t", &rest);
	if (!word || parse_int64(word, 0, INT64_MAX, &value) == -1)
		return -1;
	return value;
}

/* The number after `key` in a file of many lines, or -1. */
static int64_t number_after(const char *path, const char *key)
{
	FILE *f = fopen(path, "re");
	char line[256];
	int64_t value = -1;

	while (f && value < 0 && fgets(line, sizeof line, f)) {
		const char *at = strstr(line, key);

		if (at)
			value = strtoll(at + strlen(key), NULL, 10);
	}
	if (f)
		fclose(f);
	return value;
}

static int64_t limit_of(enum __rlimit_resource which)
{
	struct rlimit limit;

	if (getrlimit(which, &limit) == -1 || limit.rlim_max ==
	    RLIM_INFINITY)
		return -1;
	return (int64_t)limit.rlim_max;
}

static void read_limits(struct machine *m)
{
	int64_t max = number_of("/proc/sys/fs/file-nr", 2);
	int64_t used = number_of("/proc/sys/fs/file-nr", 0);

	m->nofile = limit_of(RLIMIT_NOFILE);
	m->nofile_most = number_of("/proc/sys/fs/nr_open", 0);
	m->file_room = max >= 0 && used >= 0 ? max - used : -1;
	m->processes_max = limit_of(RLIMIT_NPROC);
	m->map_max = number_of("/proc/sys/vm/max_map_count", 0);
}

static void read_network(struct machine *m)
{
	static const char range[] =
	    "/proc/sys/net/ipv4/ip_local_port_range";
	static const char filter[] = "/proc/sys/net/netfilter/nf_conntrack_";
	char path[96];
	int64_t first = number_of(range, 0), last = number_of(range, 1);
	int64_t max, count;

	m->ports = first >= 0 && last >= first ? last - first + 1 : -1;
	m->time_wait = number_after("/proc/net/sockstat", " tw ");
	m->tw_reuse = number_of("/proc/sys/net/ipv4/tcp_tw_reuse", 0);
	m->somaxconn = number_of("/proc/sys/net/core/somaxconn", 0);
	snprintf(path, sizeof path, "%smax", filter);
	max = number_of(path, 0);
	snprintf(path, sizeof path, "%scount", filter);
	count = number_of(path, 0);
	m->conntrack_room = max > 0 && count >= 0 ? max - count : -1;
}

/* The folder of this process's group in the unified hierarchy, under
 * /sys/fs/cgroup; "" where there is none. */
static void own_cgroup(char *path, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[512];

	path[0] = '\0';
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			snprintf(path, size, CGROUPS "%s", line + 3);
	}
	if (f)
		fclose(f);
}

/* It and each group above: all of them bound this process. */
static void each_cgroup(struct machine *m,
    void (*fn)(struct machine *, const char *folder))
{
	char folder[600];

	own_cgroup(folder, sizeof folder);
	while (strncmp(folder, CGROUPS, strlen(CGROUPS)) == 0) {
		fn(m, folder);
		*strrchr(folder, '/') = '\0';
	}
}

static int64_t of_group(const char *folder, const char *name, int n)
{
	char path[640];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return number_of(path, n);
}

static void lower(struct machine *m, int64_t bytes, const char *of)
{
	if (bytes >= 0 && (m->memory < 0 || bytes < m->memory)) {
		m->memory = bytes;
		m->memory_of = of;
	}
}

/* Files that it has read count as used, and are dropped when there is need. */
static void lower_by_group(struct machine *m, const char *folder)
{
	int64_t max = of_group(folder, "memory.max", 0);
	int64_t used = of_group(folder, "memory.current", 0);
	char path[640];
	int64_t files;

	if (max < 0)
		return;
	snprintf(path, sizeof path, "%s/memory.stat", folder);
	files = number_after(path, "inactive_file ");
	if (files > 0)
		used -= files;
	if (used < 0)
		used = 0;
	lower(m, used < max ? max - used : 0, "the container");
}

static void read_memory(struct machine *m)
{
	int64_t kib = number_after("/proc/meminfo", "MemAvailable:");

	m->memory_total = number_after("/proc/meminfo", "MemTotal:");
	if (m->memory_total >= 0)
		m->memory_total *= 1024;
	m->memory = -1;
	m->memory_of = "the machine";
	if (kib >= 0)
		lower(m, kib * 1024, "the machine");
	lower(m, limit_of(RLIMIT_AS), "ulimit -v");
	each_cgroup(m, lower_by_group);
}

static void read_quota(struct machine *m, const char *folder)
{
	int64_t quota = of_group(folder, "cpu.max", 0);
	int64_t period = of_group(folder, "cpu.max", 1);
	double cores = (double)quota / (double)period;

	if (quota >= 0 && period > 0 && (m->quota < 0 || cores < m->quota))
		m->quota = cores;
}

static void read_cores(struct machine *m)
{
	char path[96];
	cpu_set_t set;

	m->cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		m->cores = CPU_COUNT(&set);
	if (m->cores < 1)
		m->cores = 1;
	m->quota = -1;
	each_cgroup(m, read_quota);
	for (int64_t i = 0; i < m->cores && !m->governor[0]; i++) {
		snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%lld/"
		    "cpufreq/scaling_governor", (long long)i);
		line_of(path, m->governor, sizeof m->governor);
		if (strcmp(m->governor, "performance") == 0)
			m->governor[0] = '\0';
	}
}

static void read_clock(struct machine *m)
{
	int64_t begin = clock_now();

	for (int i = 0; i < CLOCK_READINGS; i++)
		clock_now();
	m->clock_ns = (clock_now() - begin) / CLOCK_READINGS;
	line_of("/sys/devices/system/clocksource/clocksource0/"
	    "current_clocksource", m->clock_source, sizeof m->clock_source);
	m->timer_slack_ns = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
}

static void read_names(struct machine *m)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	struct utsname name;
	char line[256];

	if (uname(&name) == 0)
		snprintf(m->kernel, sizeof m->kernel, "%.20s %.80s %.20s",
		    name.sysname, name.release, name.machine);
	while (f && !m->cpu[0] && fgets(line, sizeof line, f)) {
		const char *at = strchr(line, ':');

		line[strcspn(line, "\n")] = '\0';
		if (at && strncmp(line, "model name", 10) == 0)
			snprintf(m->cpu, sizeof m->cpu, "%.90s", at + 2);
	}
	if (f)
		fclose(f);
}

void machine_read(struct machine *m)
{
	*m = (struct machine){ 0 };
	read_names(m);
	read_limits(m);
	read_network(m);
	read_memory(m);
	read_cores(m);
	read_clock(m);
}
