/*
 * What the kernel says of this machine, under the names that node_exporter
 * and process-exporter have for it: whoever reads those reads this.
 */
#include "watch/agent.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/xalloc.h"

#define MAX_ROWS 4000
#define SECTOR   512.0
#define BLANKS   " \t\n"

/* NULL: there is no room for more. */
static struct agent_row *add(struct agent_sample *s, const char *name,
    const char *help, double value)
{
	struct agent_row *row;

	if (s->count == MAX_ROWS)
		return NULL;
	if (s->rows == NULL)
		s->rows = xcalloc(MAX_ROWS, sizeof *s->rows);
	row = &s->rows[s->count++];
	*row = (struct agent_row){ .name = name, .help = help,
		.value = value };
	return row;
}

static void label(struct agent_row *row, int i, const char *name,
    const char *value)
{
	if (row == NULL)
		return;
	row->label[i] = name;
	snprintf(row->value_of[i], sizeof row->value_of[i], "%s", value);
}

/* The words of a line, which is changed; how many there are. */
static size_t split(char *line, const char *between, char **words, size_t most)
{
	size_t n = 0;

	for (char *p = line + strspn(line, between); *p != '\0' && n < most;
	    p += strspn(p, between)) {
		words[n++] = p;
		p += strcspn(p, between);
		if (*p != '\0')
			*p++ = '\0';
	}
	return n;
}

/* 0 where the kernel wrote no number. */
static double number(const char *word)
{
	double value = 0;

	parse_double(word, -1e300, 1e300, &value);
	return value;
}

static void read_cpu(struct agent_sample *s)
{
	static const char *const modes[] = { "user", "nice", "system", "idle",
		"iowait", "irq", "softirq", "steal" };
	double ticks = (double)sysconf(_SC_CLK_TCK);
	FILE *file = fopen("/proc/stat", "re");
	char line[1024], *words[9];

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		/* The first line is of all together. */
		if (split(line, BLANKS, words, 9) != 9 ||
		    strncmp(words[0], "cpu", 3) != 0 || words[0][3] == '\0')
			continue;
		for (int i = 0; i < 8; i++) {
			struct agent_row *row = add(s,
			    "node_cpu_seconds_total",
			    "Seconds the processors spent in each mode.",
			    number(words[i + 1]) / ticks);

			label(row, 0, "cpu", words[0] + 3);
			label(row, 1, "mode", modes[i]);
		}
	}
	if (file != NULL)
		fclose(file);
}

static void read_load(struct agent_sample *s)
{
	FILE *file = fopen("/proc/loadavg", "re");
	double load[3];

	if (file == NULL)
		return;
	if (fscanf(file, "%lf %lf %lf", &load[0], &load[1], &load[2]) == 3) {
		add(s, "node_load1", "Load of the last minute.", load[0]);
		add(s, "node_load5", "Load of 5 minutes.", load[1]);
		add(s, "node_load15", "Load of 15 minutes.", load[2]);
	}
	fclose(file);
}

static void read_memory(struct agent_sample *s)
{
	static const struct {
		const char *key;
		const char *name;
		const char *help;
	} kept[] = {
		{ "MemTotal", "node_memory_MemTotal_bytes",
		  "Memory of the machine." },
		{ "MemFree", "node_memory_MemFree_bytes",
		  "Memory that nothing uses." },
		{ "MemAvailable", "node_memory_MemAvailable_bytes",
		  "Memory that may still be taken." },
	};
	FILE *file = fopen("/proc/meminfo", "re");
	char line[256], *words[2];

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		if (split(line, BLANKS ":", words, 2) != 2)
			continue;
		for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
			if (strcmp(words[0], kept[i].key) == 0)
				add(s, kept[i].name, kept[i].help,
				    number(words[1]) * 1024);
		}
	}
	if (file != NULL)
		fclose(file);
}

/* Once for what came in and once for what went out: rows of a name stand
 * together. */
static void read_network(struct agent_sample *s, bool out)
{
	FILE *file = fopen("/proc/net/dev", "re");
	char line[512], *words[10];

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		/* Two lines are the table's head. */
		if (strchr(line, '|') != NULL ||
		    split(line, BLANKS ":", words, 10) != 10)
			continue;
		label(add(s, out ? "node_network_transmit_bytes_total" :
		    "node_network_receive_bytes_total", out ?
		    "Bytes sent." : "Bytes received.", number(words[out ? 9 :
		    1])), 0, "device", words[0]);
	}
	if (file != NULL)
		fclose(file);
}

/* Whole disks alone: not partitions, nor what stands on other disks. */
static bool whole_disk(const char *device)
{
	char path[128];

	if (strncmp(device, "loop", 4) == 0 || strncmp(device, "ram", 3) == 0)
		return false;
	snprintf(path, sizeof path, "/sys/block/%.63s", device);
	return access(path, F_OK) == 0;
}

static void read_disks(struct agent_sample *s, bool written)
{
	FILE *file = fopen("/proc/diskstats", "re");
	char line[512], *words[10];

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		if (split(line, BLANKS, words, 10) != 10 ||
		    !whole_disk(words[2]))
			continue;
		label(add(s, written ? "node_disk_written_bytes_total" :
		    "node_disk_read_bytes_total", written ?
		    "Bytes written." : "Bytes read.", number(words[written ?
		    9 : 5]) * SECTOR), 0, "device", words[2]);
	}
	if (file != NULL)
		fclose(file);
}

static void read_descriptors(struct agent_sample *s)
{
	FILE *file = fopen("/proc/sys/fs/file-nr", "re");
	double used, most;

	if (file == NULL)
		return;
	if (fscanf(file, "%lf %*f %lf", &used, &most) == 2) {
		add(s, "node_filefd_allocated", "Open files.", used);
		add(s, "node_filefd_maximum", "Open files at most.", most);
	}
	fclose(file);
}

/* ---- processes ---- */

struct process {
	const char *name;
	unsigned count;
	double cpu;
	double memory;
	double open;
	bool open_known;
};

static int count_open(const char *pid)
{
	char path[64];
	DIR *dir;
	int n = -2;                     /* . and .. */

	snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* "PID (name) S ...": the name may hold anything, brackets too. */
static char *read_stat(const char *pid, char *line, size_t size, char **name)
{
	char path[64], *end;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return NULL;
	line[fread(line, 1, size - 1, file)] = '\0';
	fclose(file);
	*name = strchr(line, '(');
	end = strrchr(line, ')');
	if (*name == NULL || end == NULL || end < *name)
		return NULL;
	++*name;
	*end = '\0';
	return end + 1;
}

static void take_process(struct process *all, size_t count, const char *pid)
{
	char line[1024], *name, *rest, *words[22];
	int open;

	rest = read_stat(pid, line, sizeof line, &name);
	/* From the state on, which proc(5) counts as the third. */
	if (rest == NULL || split(rest, BLANKS, words, 22) != 22)
		return;
	for (size_t i = 0; i < count; i++) {
		struct process *p = &all[i];

		/* The kernel keeps 15 bytes of a name. */
		if (strcmp(p->name, pid) != 0 &&
		    strncmp(p->name, name, 15) != 0)
			continue;
		p->count++;
		p->cpu += (number(words[11]) + number(words[12])) /
		    (double)sysconf(_SC_CLK_TCK);
		p->memory += number(words[21]) *
		    (double)sysconf(_SC_PAGESIZE);
		open = count_open(pid);
		p->open += open > 0 ? open : 0;
		p->open_known = p->open_known || open >= 0;
	}
}

static void add_processes(struct agent_sample *s, const struct process *all,
    size_t count)
{
	for (size_t i = 0; i < count; i++)
		label(add(s, "namedprocess_namegroup_num_procs",
		    "Processes of this name.", all[i].count), 0, "groupname",
		    all[i].name);
	for (size_t i = 0; i < count; i++) {
		if (all[i].count > 0)
			label(add(s, "namedprocess_namegroup_cpu_seconds_total",
			    "Seconds of processor time.", all[i].cpu), 0,
			    "groupname", all[i].name);
	}
	for (size_t i = 0; i < count; i++) {
		struct agent_row *row;

		if (all[i].count == 0)
			continue;
		row = add(s, "namedprocess_namegroup_memory_bytes",
		    "Memory.", all[i].memory);
		label(row, 0, "groupname", all[i].name);
		label(row, 1, "memtype", "resident");
	}
	for (size_t i = 0; i < count; i++) {
		if (all[i].open_known)
			label(add(s, "namedprocess_namegroup_open_filedesc",
			    "Open files.", all[i].open), 0, "groupname",
			    all[i].name);
	}
}

static void read_processes(struct agent_sample *s, char *const *names,
    size_t count)
{
	struct process all[AGENT_PROCESSES] = { 0 };
	struct dirent *entry;
	DIR *dir;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		all[i].name = names[i];
	dir = opendir("/proc");
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (isdigit((unsigned char)entry->d_name[0]))
			take_process(all, count, entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	add_processes(s, all, count);
}

void agent_read(struct agent_sample *s, char *const *processes, size_t count)
{
	*s = (struct agent_sample){ 0 };
	read_cpu(s);
	read_load(s);
	read_memory(s);
	read_network(s, false);
	read_network(s, true);
	read_disks(s, false);
	read_disks(s, true);
	read_descriptors(s);
	read_processes(s, processes, count);
}

void agent_release(struct agent_sample *s)
{
	free(s->rows);
	*s = (struct agent_sample){ 0 };
}
