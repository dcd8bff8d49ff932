/*
 * The verdicts.  Each names the figure it went by, and a command that mends
 * it as it stands: people paste it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"

/* Descriptors a worker needs beside its users': loop, wire, logs, modules. */
#define DESCRIPTORS_BESIDE 64
/* The master's, which holds a handful for each worker and viewer. */
#define DESCRIPTORS_MASTER 256
/* libevent's, ZeroMQ's, the offload pool's and a library's own. */
#define THREADS_BESIDE 16
#define EMPTY (24 << 20)                /* bytes of a process without users */
#define FIBERS_AT_ONCE 4                /* one user in so many is in a task */

typedef void check(const struct doctor_machine *, const struct doctor_plan *,
    struct doctor_finding *);

static void find(struct doctor_finding *f, enum doctor_verdict verdict,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void mend(struct doctor_finding *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void find(struct doctor_finding *f, enum doctor_verdict verdict,
    const char *fmt, ...)
{
	va_list ap;

	f->verdict = verdict;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
}

/* A figure that is fine, if this machine tells it. */
static void find_number(struct doctor_finding *f, int64_t n, const char *of)
{
	if (n < 0)
		find(f, DOCTOR_FINE, "not said here");
	else
		find(f, DOCTOR_FINE, "%lld%s", (long long)n, of);
}

static void mend(struct doctor_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->mend, sizeof f->mend, fmt, ap);
	va_end(ap);
}

static const char *sudo(const struct doctor_machine *m)
{
	return m->not_root ? "sudo " : "";
}

/* Of this shell.  Only root may raise a hard limit. */
static void mend_limit(struct doctor_finding *f, const struct doctor_machine *m,
    char option, const char *name, long long value)
{
	char number[32];

	snprintf(number, sizeof number, value < 0 ? "unlimited" : "%lld",
	    value);
	if (m->not_root)
		mend(f, "sudo prlimit --pid $$ --%s=%s:%s", name, number,
		    number);
	else
		mend(f, "ulimit -%c %s", option, number);
}

static void mend_setting(struct doctor_finding *f,
    const struct doctor_machine *m, const char *name, long long value)
{
	mend(f, "%ssysctl -w %s=%lld", sudo(m), name, value);
}

static void mend_file(struct doctor_finding *f, const struct doctor_machine *m,
    const char *text, const char *path)
{
	mend(f, "echo %s | %stee %s", text, sudo(m), path);
}

/* The power of two that holds n and a quarter more. */
static long long roomy(int64_t n)
{
	int64_t p = 1024;

	while (p < n + n / 4)
		p *= 2;
	return p;
}

static int64_t users_of_worker(const struct doctor_plan *p)
{
	return (p->users + p->processes - 1) / p->processes;
}

static void check_descriptors(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	int64_t need = users_of_worker(p) + DESCRIPTORS_BESIDE;

	if (m->at.nofile >= 0 && m->at.nofile < need) {
		find(f, DOCTOR_LACKS, "%lld users need %lld descriptors in "
		    "each of %lld workers, the limit is %lld",
		    (long long)p->users, (long long)need,
		    (long long)p->processes, (long long)m->at.nofile);
		mend_limit(f, m, 'n', "nofile", roomy(need));
		if (m->at.nofile_most > 0 &&
		    m->at.nofile_most < roomy(need)) {
			char rest[sizeof f->mend];

			snprintf(rest, sizeof rest, "%s", f->mend);
			mend(f, "%ssysctl -w fs.nr_open=%lld && %.120s",
			    sudo(m), roomy(need), rest);
		}
		return;
	}
	if (m->at.nofile < 0)
		find(f, DOCTOR_FINE, "no limit; %lld needed",
		    (long long)need);
	else
		find(f, DOCTOR_FINE, "%lld for each worker; %lld needed",
		    (long long)m->at.nofile, (long long)need);
}

static void check_files(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	int64_t need = p->users + DESCRIPTORS_MASTER +
	    p->processes * DESCRIPTORS_BESIDE;

	if (m->at.file_room >= 0 && m->at.file_room < need) {
		find(f, DOCTOR_LACKS, "%lld more files may be open in the "
		    "whole system; %lld needed", (long long)m->at.file_room,
		    (long long)need);
		mend_setting(f, m, "fs.file-max", roomy(need) * 2);
		return;
	}
	find(f, DOCTOR_FINE, "%lld needed in the whole system",
	    (long long)need);
}

static void check_threads(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	int64_t need = (p->processes + 1) * THREADS_BESIDE;

	if (m->at.processes_max >= 0 && m->at.processes_max < need) {
		find(f, DOCTOR_LACKS, "%lld workers need %lld threads, the "
		    "limit is %lld", (long long)p->processes,
		    (long long)need, (long long)m->at.processes_max);
		mend_limit(f, m, 'u', "nproc", roomy(need));
		return;
	}
	find(f, DOCTOR_FINE, "%lld needed", (long long)need);
}

static void check_ports(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	if (m->at.ports >= 0 && m->at.ports < p->users) {
		find(f, DOCTOR_LACKS, "%lld users with a connection each to "
		    "one address need as many ports, there are %lld",
		    (long long)p->users, (long long)m->at.ports);
		mend(f, "%ssysctl -w net.ipv4.ip_local_port_range=\"1024 "
		    "65535\"%s", sudo(m), p->users <= 64000 ? "" :
		    "   # and more source addresses or machines");
		return;
	}
	find_number(f, m->at.ports, " ephemeral");
}

static void check_time_wait(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	(void)p;
	if (m->at.ports > 0 && m->at.time_wait > m->at.ports / 2) {
		find(f, DOCTOR_SLOWS, "%lld closed connections wait to be "
		    "forgotten, each with a port of %lld",
		    (long long)m->at.time_wait, (long long)m->at.ports);
		mend(f, "sleep 60   # and keep connections alive in the "
		    "scenario");
	} else if (m->at.tw_reuse == 0) {
		find(f, DOCTOR_SLOWS, "ports of closed connections are not "
		    "used again for a minute");
		mend_setting(f, m, "net.ipv4.tcp_tw_reuse", 1);
	} else {
		find(f, DOCTOR_FINE, "%lld connections, ports are used again",
		    (long long)(m->at.time_wait > 0 ? m->at.time_wait : 0));
	}
}

static void check_somaxconn(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	int64_t need = p->users < 4096 ? p->users : 4096;

	if (m->at.somaxconn >= 0 && m->at.somaxconn < need) {
		find(f, DOCTOR_SLOWS, "a server on this machine takes %lld "
		    "new connections at once, %lld users may come together",
		    (long long)m->at.somaxconn, (long long)p->users);
		mend_setting(f, m, "net.core.somaxconn", roomy(need));
		return;
	}
	find_number(f, m->at.somaxconn, "");
}

static void check_conntrack(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	if (m->at.conntrack_room >= 0 && m->at.conntrack_room < p->users * 2) {
		find(f, DOCTOR_LACKS, "the packet filter follows %lld more "
		    "connections; %lld needed", (long long)m->at.conntrack_room,
		    (long long)p->users * 2);
		mend_setting(f, m, "net.netfilter.nf_conntrack_max",
		    roomy(p->users * 2));
		return;
	}
	find(f, DOCTOR_FINE, m->at.conntrack_room < 0 ? "not followed" :
	    "room enough");
}

/* As many as there is memory for, besides what a worker and the master take
 * with no user at all; at least 1. */
static int64_t users_for(const struct doctor_machine *m,
    const struct doctor_plan *p)
{
	int64_t n = (m->at.memory - (p->processes + 1) * EMPTY) /
	    p->user_bytes;

	return n > 0 ? n : 1;
}

static void check_memory(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	int64_t need = p->users * p->user_bytes + (p->processes + 1) * EMPTY;
	double wanted = (double)need / (1 << 20);
	double room = (double)m->at.memory / (1 << 20);

	if (m->at.memory >= 0 && m->at.memory < need) {
		find(f, DOCTOR_LACKS, "%lld users of %lld KiB need %.0f MiB, "
		    "%s leaves %.0f", (long long)p->users,
		    (long long)p->user_bytes / 1024, wanted, m->at.memory_of,
		    room);
		if (strcmp(m->at.memory_of, "ulimit -v") == 0)
			mend_limit(f, m, 'v', "as", -1);
		else
			mend(f, "swarm --worker on more machines, or -u %lld",
			    (long long)users_for(m, p));
		return;
	}
	if (m->at.memory < 0)
		find(f, DOCTOR_FINE, "not said here; about %.0f MiB needed",
		    wanted);
	else
		find(f, DOCTOR_FINE, "%.0f MiB; about %.0f needed at %lld KiB "
		    "a user", room, wanted, (long long)p->user_bytes / 1024);
}

static void check_cores(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	if (m->at.quota >= 0 && m->at.quota < (double)p->processes) {
		find(f, DOCTOR_SLOWS, "%lld workers share %.1f cores by a "
		    "quota: they are stopped when it is used up",
		    (long long)p->processes, m->at.quota);
		mend(f, "swarm --processes %lld", m->at.quota < 2 ? 1LL :
		    (long long)m->at.quota);
	} else if (m->at.cores < p->processes) {
		find(f, DOCTOR_SLOWS, "%lld workers share %lld cores",
		    (long long)p->processes, (long long)m->at.cores);
		mend(f, "swarm --processes %lld", (long long)m->at.cores);
	} else {
		find(f, DOCTOR_FINE, "%lld for %lld workers",
		    (long long)m->at.cores, (long long)p->processes);
	}
}

static void check_timer_slack(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	(void)p;
	if (m->at.timer_slack_ns > 100000) {
		find(f, DOCTOR_SLOWS, "the kernel may fire timers %.1f ms "
		    "late", (double)m->at.timer_slack_ns / 1e6);
		mend(f, "echo 50000 > /proc/$$/timerslack_ns");
		return;
	}
	find_number(f, m->at.timer_slack_ns < 0 ? -1 :
	    m->at.timer_slack_ns / 1000, " us");
}

static void check_clock(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	static const char *const slow[] = { "hpet", "acpi_pm", "jiffies",
		"refined-jiffies", "pit" };

	(void)p;
	for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
		if (strcmp(m->at.clock_source, slow[i]) != 0)
			continue;
		find(f, DOCTOR_SLOWS, "clock source %s: a reading is a call "
		    "into the kernel (%lld ns)", m->at.clock_source,
		    (long long)m->at.clock_ns);
		mend_file(f, m, "tsc", "/sys/devices/system/clocksource/"
		    "clocksource0/current_clocksource");
		return;
	}
	find(f, DOCTOR_FINE, "%s, %lld ns a reading", m->at.clock_source[0] ?
	    m->at.clock_source : "unknown source", (long long)m->at.clock_ns);
}

static void check_governor(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	(void)p;
	if (strcmp(m->at.governor, "powersave") == 0 ||
	    strcmp(m->at.governor, "ondemand") == 0 ||
	    strcmp(m->at.governor, "conservative") == 0) {
		find(f, DOCTOR_SLOWS, "the CPU governor is %s: cores slow "
		    "down between requests", m->at.governor);
		mend_file(f, m, "performance", "/sys/devices/system/cpu/cpu*/"
		    "cpufreq/scaling_governor");
		return;
	}
	find(f, DOCTOR_FINE, "%s", m->at.governor[0] ? m->at.governor :
	    "none here");
}

static void check_maps(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	int64_t need = users_of_worker(p) / FIBERS_AT_ONCE * 2 + 1024;

	if (m->guards_are_maps && m->at.map_max >= 0 && m->at.map_max < need) {
		find(f, DOCTOR_SLOWS, "%lld mappings for guard pages; about "
		    "%lld needed, stacks beyond them go without",
		    (long long)m->at.map_max, (long long)need);
		mend_setting(f, m, "vm.max_map_count", roomy(need));
		return;
	}
	find(f, DOCTOR_FINE, m->guards_are_maps ? "mappings enough" :
	    "guard pages cost no mapping");
}

static void check_compiler(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding *f)
{
	(void)p;
	if (!m->compiler) {
		find(f, DOCTOR_SLOWS, "no C compiler: -f x.c does not work, "
		    "-f x.so does");
		mend(f, "%sapt install gcc libc6-dev", sudo(m));
	} else if (!m->headers) {
		find(f, DOCTOR_SLOWS, "swarm's headers are not where this "
		    "swarm looks: -f x.c does not work");
		mend(f, "install swarm whole (cmake --install), or run the "
		    "swarm that was");
	} else {
		find(f, DOCTOR_FINE, "found, with swarm's headers");
	}
}

void doctor_examine(const struct doctor_machine *m,
    const struct doctor_plan *p, struct doctor_finding out[DOCTOR_CHECKS])
{
	static const struct {
		const char *name;
		check *check;
	} checks[DOCTOR_CHECKS] = {
		{ "descriptors", check_descriptors },
		{ "open files", check_files },
		{ "threads", check_threads },
		{ "memory", check_memory },
		{ "ports", check_ports },
		{ "TIME_WAIT", check_time_wait },
		{ "somaxconn", check_somaxconn },
		{ "conntrack", check_conntrack },
		{ "cores", check_cores },
		{ "governor", check_governor },
		{ "clock", check_clock },
		{ "timer slack", check_timer_slack },
		{ "guard pages", check_maps },
		{ "compiler", check_compiler },
	};

	for (size_t i = 0; i < DOCTOR_CHECKS; i++) {
		out[i] = (struct doctor_finding){ .name = checks[i].name };
		checks[i].check(m, p, &out[i]);
	}
}
