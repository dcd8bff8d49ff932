/*
 * A worker's own health, cheap enough to be asked every second in the loop
 * that it is about: a few small files of /proc, no walk over descriptors or
 * connections.
 *
 * The loop's delay is measured, not derived: a hundred times a second a timer
 * falls due and queues an item; how long after the due time the item runs is
 * what any answer of the target has to wait, too.  A loop that misses its
 * probes gets those counted that it would have seen, or a stall of a second
 * would weigh as much as one of a millisecond.
 */
#include "cluster/worker_sample.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "stats/histogram.h"

#define PROBE_NS (10 * NS_PER_MS)       /* a multiple of the wheel's tick */
#define PROC_MAX 16384
/* So many segments in a second before their losses are a share. */
#define SEGMENTS_ENOUGH 20

/* Words of the lines in /proc/net/snmp and after the colon in /proc/net/dev. */
enum { SNMP_SENT = 11, SNMP_RESENT = 12, DEV_RECEIVED = 0, DEV_SENT = 8 };

static struct {
	int64_t at;
	int64_t cpu_ns;
	int64_t busy_ns;
	uint64_t segments;
	uint64_t resent;
	bool has_network;
	double link_bytes;
	char link[32];
} last;

static struct {
	bool on;
	struct wheel_timer timer;
	struct loop_item item;
	int64_t due;
	struct histogram delays;
} probe;

/* ---- the loop's delay ---- */

static void probe_ran(struct loop_item *item)
{
	int64_t late = clock_now() - probe.due;

	(void)item;
	/* Queued before worker_sample_stop(). */
	if (!probe.on)
		return;
	for (int64_t d = late; d >= 0; d -= PROBE_NS)
		histogram_record(&probe.delays, d);
	probe.due += (late / PROBE_NS + 1) * PROBE_NS;
	wheel_add(&probe.timer, probe.due);
}

static void probe_fired(struct wheel_timer *t)
{
	(void)t;
	loop_defer(&probe.item);
}

void worker_sample_start(void)
{
	histogram_init(&probe.delays);
	probe.on = true;
	probe.timer.fire = probe_fired;
	probe.item.run = probe_ran;
	probe.due = (clock_now() / PROBE_NS + 1) * PROBE_NS;
	wheel_add(&probe.timer, probe.due);
}

void worker_sample_stop(void)
{
	if (!probe.on)
		return;
	probe.on = false;
	wheel_del(&probe.timer);
	histogram_release(&probe.delays);
}

struct histogram *worker_sample_delays(void)
{
	return &probe.delays;
}

/* ---- files of /proc ---- */

/* A whole small file as text; false when it can't be read. */
static bool slurp(const char *path, char text[PROC_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;

	if (fd == -1)
		return false;
	while (len < PROC_MAX - 1 && n > 0) {
		n = read(fd, text + len, PROC_MAX - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	text[len] = '\0';
	return len > 0;
}

static int64_t number_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at == NULL ? -1 : strtoll(at + strlen(word), NULL, 10);
}

/* Word `n` of a line, as a number; -1 when the line ends before. */
static int64_t word_at(const char *line, unsigned n)
{
	line += strspn(line, " \t");
	for (; n > 0; n--) {
		line += strcspn(line, " \t\n");
		line += strspn(line, " \t");
	}
	return *line >= '0' && *line <= '9' ? strtoll(line, NULL, 10) : -1;
}

static int64_t resident_bytes(void)
{
	char text[PROC_MAX];
	int64_t pages = slurp("/proc/self/statm", text) ? word_at(text, 1) :
	    -1;

	return pages < 0 ? 0 : pages * sysconf(_SC_PAGESIZE);
}

static int64_t free_bytes(void)
{
	char text[PROC_MAX];
	int64_t kib = slurp("/proc/meminfo", text) ?
	    number_after(text, "MemAvailable:") : -1;

	return kib < 0 ? -1 : kib * 1024;
}

/* Since Linux 6.2 the size of the folder is their number; before, the lowest
 * free one tells it but for holes, which are filled first. */
static int64_t open_descriptors(void)
{
	struct stat st;
	int fd;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return st.st_size;
	fd = fcntl(0, F_DUPFD_CLOEXEC, 0);
	if (fd != -1)
		close(fd);
	return fd;
}

static void sample_descriptors(struct health *h)
{
	struct rlimit limit;

	h->descriptors = open_descriptors();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		h->descriptors_max = (int64_t)limit.rlim_cur;
}

static void sample_ports(struct health *h)
{
	char text[PROC_MAX];
	const char *tcp;

	if (slurp("/proc/net/sockstat", text) &&
	    (tcp = strstr(text, "TCP: inuse ")) != NULL)
		h->ports = number_after(tcp, "inuse ") +
		    number_after(tcp, " tw ");
	if (slurp("/proc/sys/net/ipv4/ip_local_port_range", text) &&
	    word_at(text, 1) >= 0)
		h->ports_max = word_at(text, 1) - word_at(text, 0) + 1;
}

/* Columns are named in one line and follow in the next. */
static bool read_segments(uint64_t *out, uint64_t *again)
{
	char text[PROC_MAX];
	const char *tcp;

	if (!slurp("/proc/net/snmp", text) ||
	    (tcp = strstr(text, "\nTcp: ")) == NULL ||
	    (tcp = strstr(tcp + 1, "\nTcp: ")) == NULL ||
	    word_at(tcp + 1, SNMP_RESENT) < 0)
		return false;
	*out = (uint64_t)word_at(tcp + 1, SNMP_SENT);
	*again = (uint64_t)word_at(tcp + 1, SNMP_RESENT);
	return true;
}

/* Loopback counts each segment once where a network would lose it anywhere on
 * the way: what was sent again is what tells. */
static void sample_segments(struct health *h)
{
	uint64_t segments, resent;

	if (!read_segments(&segments, &resent))
		return;
	if (last.has_network && segments - last.segments >= SEGMENTS_ENOUGH)
		h->resent = (double)(resent - last.resent) /
		    (double)(segments - last.segments);
	else if (last.has_network)
		h->resent = 0;
	if (h->resent > 1)
		h->resent = 1;
	last.segments = segments;
	last.resent = resent;
	last.has_network = true;
}

/* Bytes a second that a link carries in one direction; 0 when it does not
 * say, as loopback and most virtual ones. */
static double link_speed(const char *name)
{
	char path[80], text[PROC_MAX];
	double megabits;

	snprintf(path, sizeof path, "/sys/class/net/%s/speed", name);
	if (!slurp(path, text))
		return 0;
	megabits = strtod(text, NULL);
	return megabits > 0 ? megabits * 125e3 : 0;
}

/* The link that carries most: its fuller direction so far. */
static double busiest_link(char name[32])
{
	char text[PROC_MAX], *save = NULL;
	int64_t most = -1;

	if (!slurp("/proc/net/dev", text))
		return -1;
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');
		int64_t in, out;

		if (colon == NULL)
			continue;
		*colon = '\0';
		line += strspn(line, " ");
		in = word_at(colon + 1, DEV_RECEIVED);
		out = word_at(colon + 1, DEV_SENT);
		out = in > out ? in : out;
		if (strcmp(line, "lo") == 0 || out <= most)
			continue;
		most = out;
		snprintf(name, 32, "%s", line);
	}
	return (double)most;
}

static void sample_link(struct health *h, double seconds)
{
	char name[32] = "";
	double bytes = busiest_link(name);
	double speed = bytes < 0 ? 0 : link_speed(name);

	if (speed > 0 && seconds > 0 && strcmp(name, last.link) == 0 &&
	    bytes >= last.link_bytes)
		h->link = (bytes - last.link_bytes) / seconds / speed;
	if (h->link > 1)
		h->link = 1;
	last.link_bytes = bytes;
	memcpy(last.link, name, sizeof name);
}

/* ---- all of it ---- */

static int64_t cpu_time(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NS_PER_S +
	    (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * NS_PER_US;
}

static void sample_loop(struct health *h, double passed)
{
	struct loop_health health;

	loop_health(&health);
	h->loop_busy = 0;
	if (passed > 0)
		h->loop_busy = (double)(health.busy_ns - last.busy_ns) /
		    passed;
	if (h->loop_busy > 1)
		h->loop_busy = 1;
	h->loop_delay_ms = (double)health.longest_pass_ns / NS_PER_MS;
	last.busy_ns = health.busy_ns;
	if (!probe.on || probe.delays.count == 0)
		return;
	h->delay_p50_ms = (double)histogram_quantile(&probe.delays, 0.5) /
	    NS_PER_MS;
	h->delay_p99_ms = (double)histogram_quantile(&probe.delays, 0.99) /
	    NS_PER_MS;
}

void worker_sample(struct health *h)
{
	int64_t now = clock_now();
	int64_t cpu = cpu_time();
	double passed = last.at != 0 ? (double)(now - last.at) : 0;

	health_init(h);
	if (passed > 0)
		h->cpu = 100 * (double)(cpu - last.cpu_ns) / passed;
	sample_loop(h, passed);
	h->memory = resident_bytes();
	h->memory_free = free_bytes();
	sample_descriptors(h);
	sample_ports(h);
	sample_segments(h);
	sample_link(h, passed / (double)NS_PER_S);
	last.at = now;
	last.cpu_ns = cpu;
}
