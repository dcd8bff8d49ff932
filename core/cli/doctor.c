/* See doctor.h: reading the machine, and saying what was found. */
#include "cli/doctor.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "cli/role.h"
#include "fiber/stack.h"
#include "module/find.h"
#include "module/module.h"

#define CLOCK_READINGS 10000
#define USERS_MAX      1000000000
#define USERS_LARGE    1000             /* fewer fit anywhere */

/* ---- reading ---- */

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

static void gather_limits(struct doctor_machine *m)
{
	int64_t max = number_of("/proc/sys/fs/file-nr", 2);
	int64_t used = number_of("/proc/sys/fs/file-nr", 0);

	m->nofile = limit_of(RLIMIT_NOFILE);
	m->file_room = max >= 0 && used >= 0 ? max - used : -1;
	m->processes_max = limit_of(RLIMIT_NPROC);
	m->map_max = number_of("/proc/sys/vm/max_map_count", 0);
	m->guards_are_maps = !stack_guard_is_free();
}

static void gather_network(struct doctor_machine *m)
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
			snprintf(path, size, "/sys/fs/cgroup%s", line + 3);
	}
	if (f)
		fclose(f);
}

static void lower(struct doctor_machine *m, int64_t bytes, const char *of)
{
	if (bytes >= 0 && (m->memory < 0 || bytes < m->memory)) {
		m->memory = bytes;
		m->memory_of = of;
	}
}

static void gather_memory(struct doctor_machine *m)
{
	char group[600], path[640];
	int64_t kib = number_after("/proc/meminfo", "MemAvailable:");
	int64_t max;

	m->memory = -1;
	m->memory_of = "the machine";
	if (kib >= 0)
		lower(m, kib * 1024, "the machine");
	lower(m, limit_of(RLIMIT_AS), "ulimit -v");
	own_cgroup(group, sizeof group);
	snprintf(path, sizeof path, "%s/memory.max", group);
	max = number_of(path, 0);
	snprintf(path, sizeof path, "%s/memory.current", group);
	if (max >= 0)
		lower(m, max - number_of(path, 0), "the container");
}

static void gather_cores(struct doctor_machine *m)
{
	char group[600], path[640];
	int64_t quota, period;
	cpu_set_t set;

	m->cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		m->cores = CPU_COUNT(&set);
	if (m->cores < 1)
		m->cores = 1;
	own_cgroup(group, sizeof group);
	snprintf(path, sizeof path, "%s/cpu.max", group);
	quota = number_of(path, 0);
	period = number_of(path, 1);
	m->quota = quota >= 0 && period > 0 ?
	    (double)quota / (double)period : -1;
	for (int64_t i = 0; i < m->cores && !m->governor[0]; i++) {
		snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%lld/"
		    "cpufreq/scaling_governor", (long long)i);
		line_of(path, m->governor, sizeof m->governor);
		if (strcmp(m->governor, "performance") == 0)
			m->governor[0] = '\0';
	}
}

static void gather_clock(struct doctor_machine *m)
{
	int64_t begin = clock_now();

	for (int i = 0; i < CLOCK_READINGS; i++)
		clock_now();
	m->clock_ns = (clock_now() - begin) / CLOCK_READINGS;
	line_of("/sys/devices/system/clocksource/clocksource0/"
	    "current_clocksource", m->clock_source, sizeof m->clock_source);
	m->timer_slack_ns = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
}

static void gather_tools(struct doctor_machine *m)
{
	struct names dirs = { 0 };

	m->compiler = module_can_compile();
	find_include_dirs(&dirs);
	for (size_t i = 0; i < dirs.count && !m->headers; i++) {
		char *path = xasprintf("%s/swarm/swarm.h", dirs.at[i]);

		m->headers = access(path, R_OK) == 0;
		free(path);
	}
	names_release(&dirs);
}

void doctor_gather(struct doctor_machine *m)
{
	*m = (struct doctor_machine){ 0 };
	gather_limits(m);
	gather_network(m);
	gather_memory(m);
	gather_cores(m);
	gather_clock(m);
	gather_tools(m);
}

/* ---- saying ---- */

void doctor_warn(int64_t users, int64_t processes)
{
	struct doctor_plan plan = { users, processes > 0 ? processes : 1,
		DOCTOR_USER_BYTES };
	struct doctor_finding findings[DOCTOR_CHECKS];
	struct doctor_machine machine;

	if (users < USERS_LARGE || processes <= 0)
		return;
	doctor_gather(&machine);
	doctor_examine(&machine, &plan, findings);
	for (size_t i = 0; i < DOCTOR_CHECKS; i++) {
		const struct doctor_finding *f = &findings[i];

		if (f->verdict == DOCTOR_LACKS)
			log_warn("%s: %s: %s", f->name, f->text, f->mend);
	}
}

static const char *const verdict_names[] = { "fine", "slows", "LACKS" };

static void print(const struct doctor_plan *p,
    const struct doctor_finding *findings, size_t worst)
{
	printf("This machine, for %lld users in %lld worker%s:\n\n",
	    (long long)p->users, (long long)p->processes,
	    p->processes == 1 ? "" : "s");
	for (size_t i = 0; i < DOCTOR_CHECKS; i++) {
		const struct doctor_finding *f = &findings[i];

		printf("  %-5s  %-12s %s\n", verdict_names[f->verdict],
		    f->name, f->text);
		if (f->mend[0])
			printf("%22s%s\n", "", f->mend);
	}
	printf("\n%s\n", worst == DOCTOR_LACKS ?
	    "The plan does not fit: run what stands under each LACKS." :
	    worst == DOCTOR_SLOWS ?
	    "The plan fits; what slows makes figures worse than need be." :
	    "The plan fits.");
}

static void print_json(const struct doctor_plan *p,
    const struct doctor_finding *findings, size_t worst)
{
	struct buf out = BUF_INIT(64 * 1024);
	struct jsonw j;

	jsonw_init(&j, &out, 2);
	jsonw_object(&j);
	jsonw_put_string(&j, "schema", "swarm-doctor/1");
	jsonw_put_int(&j, "users", p->users);
	jsonw_put_int(&j, "workers", p->processes);
	jsonw_put_bool(&j, "fits", worst != DOCTOR_LACKS);
	jsonw_key(&j, "findings");
	jsonw_array(&j);
	for (size_t i = 0; i < DOCTOR_CHECKS; i++) {
		const struct doctor_finding *f = &findings[i];

		jsonw_object(&j);
		jsonw_put_string(&j, "name", f->name);
		jsonw_put_string(&j, "verdict", f->verdict == DOCTOR_LACKS ?
		    "lacks" : verdict_names[f->verdict]);
		jsonw_put_string(&j, "text", f->text);
		jsonw_put_string(&j, "mend", f->mend[0] ? f->mend : NULL);
		jsonw_end(&j);
	}
	jsonw_end_array(&j);
	jsonw_end(&j);
	puts(buf_str(&out));
	buf_release(&out);
}

static void usage(FILE *out)
{
	fprintf(out, "usage: swarm doctor [-u USERS] [--processes N] "
	    "[--user-memory SIZE] [--json]\n\n"
	    "Says whether this machine can bear that load, and what to run "
	    "where it cannot.\nWithout options: 1000 users, a worker for "
	    "each core, %d KiB a user.\nExit code 0: the plan fits; 1: it "
	    "does not.\n", DOCTOR_USER_BYTES / 1024);
}

static int bad(const char *option, const char *value, const char *what)
{
	if (value)
		log_error("doctor: %s %s: give %s", option, value, what);
	else
		log_error("doctor: %s: give %s", option, what);
	return -1;
}

/* One option and its value; how many words they were, or -1. */
static int take_option(struct doctor_plan *p, char **at, bool *json)
{
	const char *value = at[1];

	if (strcmp(at[0], "--json") == 0) {
		*json = true;
		return 1;
	}
	if (strcmp(at[0], "-u") == 0 || strcmp(at[0], "--users") == 0) {
		if (value && parse_int64(value, 1, USERS_MAX, &p->users) == 0)
			return 2;
		return bad(at[0], value, "a number of users, at least 1");
	}
	if (strcmp(at[0], "--processes") == 0) {
		if (value && parse_int64(value, 1, 4096, &p->processes) == 0)
			return 2;
		return bad(at[0], value, "a number from 1 to 4096");
	}
	if (strcmp(at[0], "--user-memory") == 0) {
		if (value && parse_size(value, &p->user_bytes) == 0 &&
		    p->user_bytes >= 1024 && p->user_bytes <= 1 << 30)
			return 2;
		return bad(at[0], value, "bytes, from 1k to 1g");
	}
	log_error("doctor: no option \"%s\"; see swarm doctor --help", at[0]);
	return -1;
}

int doctor_main(int argc, char **argv)
{
	struct doctor_plan plan = { 1000, sysconf(_SC_NPROCESSORS_ONLN),
		DOCTOR_USER_BYTES };
	struct doctor_finding findings[DOCTOR_CHECKS];
	enum doctor_verdict worst = DOCTOR_FINE;
	struct doctor_machine machine;
	bool json = false;

	for (int i = 1; i < argc;) {
		int words;

		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			usage(stdout);
			return EXIT_PASSED;
		}
		words = take_option(&plan, &argv[i], &json);
		if (words == -1)
			return EXIT_USAGE;
		i += words;
	}
	doctor_gather(&machine);
	doctor_examine(&machine, &plan, findings);
	for (size_t i = 0; i < DOCTOR_CHECKS; i++)
		if (findings[i].verdict > worst)
			worst = findings[i].verdict;
	if (json)
		print_json(&plan, findings, worst);
	else
		print(&plan, findings, worst);
	fflush(stdout);
	return worst == DOCTOR_LACKS ? EXIT_FAILED_REQUESTS : EXIT_PASSED;
}
