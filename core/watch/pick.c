/*
 * Sums over samples of an answer, and figures of two of them.
 */
#include "watch/pick.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

enum slot { CPU, CPU_IDLE, LOAD, MEMORY, MEMORY_FREE, NET_IN, NET_OUT,
	DISK_READ, DISK_WRITE, OPEN, OWN_CPU, OWN_MEMORY, OWN_OPEN, SLOTS };

struct sum {
	double value;
	bool seen;
};

struct group {
	char name[64];
	struct sum cpu;
	struct sum memory;
	struct sum open;
};

struct reading {
	double at;
	struct sum sums[SLOTS];
	struct group groups[PICK_GROUPS];
	size_t group_count;
	struct sum wanted[PICK_WANTED];
	bool counter[PICK_WANTED];
};

struct pick {
	const struct pick_wanted *wanted;
	size_t wanted_count;
	bool any;                       /* `before` is one */
	struct reading before;
	struct reading now;
};

static const struct {
	const char *metric;
	enum slot slot;
} names[] = {
	{ "node_cpu_seconds_total", CPU },
	{ "node_load1", LOAD },
	{ "node_memory_MemTotal_bytes", MEMORY },
	{ "node_memory_MemAvailable_bytes", MEMORY_FREE },
	{ "node_network_receive_bytes_total", NET_IN },
	{ "node_network_transmit_bytes_total", NET_OUT },
	{ "node_disk_read_bytes_total", DISK_READ },
	{ "node_disk_written_bytes_total", DISK_WRITE },
	{ "node_filefd_allocated", OPEN },
	{ "process_cpu_seconds_total", OWN_CPU },
	{ "process_resident_memory_bytes", OWN_MEMORY },
	{ "process_open_fds", OWN_OPEN },
};

static void add(struct sum *s, double value)
{
	s->value += value;
	s->seen = true;
}

/* What would count the same bytes twice, or none that left the machine. */
static bool left_out(enum slot slot, const char *device)
{
	if (slot == NET_IN || slot == NET_OUT)
		return strcmp(device, "lo") == 0;
	if (slot == DISK_READ || slot == DISK_WRITE)
		return strncmp(device, "dm-", 3) == 0 ||
		    strncmp(device, "md", 2) == 0;
	return false;
}

static void take_known(struct reading *r, const struct exposition_sample *s)
{
	const char *mode;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(s->name, names[i].metric) != 0)
			continue;
		if (left_out(names[i].slot, exposition_label(s, "device")))
			return;
		add(&r->sums[names[i].slot], s->value);
		if (names[i].slot != CPU)
			return;
		mode = exposition_label(s, "mode");
		if (strcmp(mode, "idle") == 0 || strcmp(mode, "iowait") == 0)
			add(&r->sums[CPU_IDLE], s->value);
		return;
	}
}

static struct group *group_of(struct reading *r, const char *name)
{
	struct group *g;

	if (strlen(name) >= sizeof r->groups[0].name || name[0] == '\0')
		return NULL;
	for (size_t i = 0; i < r->group_count; i++) {
		if (strcmp(r->groups[i].name, name) == 0)
			return &r->groups[i];
	}
	if (r->group_count == PICK_GROUPS)
		return NULL;
	g = &r->groups[r->group_count++];
	*g = (struct group){ 0 };
	snprintf(g->name, sizeof g->name, "%s", name);
	return g;
}

static void take_group(struct reading *r, const struct exposition_sample *s)
{
	static const char prefix[] = "namedprocess_namegroup_";
	const char *what = s->name + sizeof prefix - 1;
	struct group *g;

	if (strncmp(s->name, prefix, sizeof prefix - 1) != 0)
		return;
	g = group_of(r, exposition_label(s, "groupname"));
	if (g == NULL)
		return;
	if (strcmp(what, "cpu_seconds_total") == 0)
		add(&g->cpu, s->value);
	else if (strcmp(what, "memory_bytes") == 0 &&
	    strcmp(exposition_label(s, "memtype"), "resident") == 0)
		add(&g->memory, s->value);
	else if (strcmp(what, "open_filedesc") == 0)
		add(&g->open, s->value);
}

static bool matches(const struct exposition_sample *selector,
    const struct exposition_sample *s)
{
	if (strcmp(selector->name, s->name) != 0)
		return false;
	for (size_t i = 0; i < selector->label_count; i++) {
		if (strcmp(exposition_label(s, selector->labels[i].name),
		    selector->labels[i].value) != 0)
			return false;
	}
	return true;
}

static void take(const struct exposition_sample *s, void *arg)
{
	struct pick *p = arg;

	take_known(&p->now, s);
	take_group(&p->now, s);
	for (size_t i = 0; i < p->wanted_count; i++) {
		if (!matches(&p->wanted[i].selector, s))
			continue;
		add(&p->now.wanted[i], s->value);
		p->now.counter[i] = s->counter;
	}
}

/* ---- figures ---- */

static void put(struct pick_figures *out, const char *unit, double value,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void put(struct pick_figures *out, const char *unit, double value,
    const char *fmt, ...)
{
	struct pick_figure *f;
	va_list ap;

	if (out->count == PICK_FIGURES || !isfinite(value))
		return;
	f = &out->at[out->count++];
	va_start(ap, fmt);
	vsnprintf(f->name, sizeof f->name, fmt, ap);
	va_end(ap);
	f->unit = unit;
	f->value = value;
}

/* What a counter gained; NAN where that is not known. */
static double gain(const struct sum *before, const struct sum *now)
{
	if (!before->seen || !now->seen || now->value < before->value)
		return NAN;
	return now->value - before->value;
}

static void put_machine(struct pick_figures *out, const struct sum *b,
    const struct sum *n, double seconds)
{
	double all = gain(&b[CPU], &n[CPU]);
	double idle = gain(&b[CPU_IDLE], &n[CPU_IDLE]);

	if (all > 0)
		put(out, "share", fmin(1, fmax(0, 1 - idle / all)), "cpu");
	if (n[MEMORY].value > 0 && n[MEMORY_FREE].seen)
		put(out, "share", 1 - n[MEMORY_FREE].value /
		    n[MEMORY].value, "memory");
	if (n[LOAD].seen)
		put(out, "", n[LOAD].value, "load");
	put(out, "bytes/s", gain(&b[NET_IN], &n[NET_IN]) / seconds, "net.in");
	put(out, "bytes/s", gain(&b[NET_OUT], &n[NET_OUT]) / seconds,
	    "net.out");
	put(out, "bytes/s", gain(&b[DISK_READ], &n[DISK_READ]) / seconds,
	    "disk.read");
	put(out, "bytes/s", gain(&b[DISK_WRITE], &n[DISK_WRITE]) / seconds,
	    "disk.write");
	if (n[OPEN].seen)
		put(out, "open", n[OPEN].value, "descriptors");
}

static void put_process(struct pick_figures *out, const struct group *b,
    const struct group *n, double seconds)
{
	put(out, "cores", gain(&b->cpu, &n->cpu) / seconds, "%s.cpu",
	    n->name);
	if (n->memory.seen)
		put(out, "bytes", n->memory.value, "%s.memory", n->name);
	if (n->open.seen)
		put(out, "open", n->open.value, "%s.descriptors", n->name);
}

/* The exporter's own, where it is what is under test. */
static struct group own_of(const struct sum *sums)
{
	return (struct group){ "process", sums[OWN_CPU], sums[OWN_MEMORY],
		sums[OWN_OPEN] };
}

static void put_processes(struct pick_figures *out, struct reading *before,
    const struct reading *now, double seconds)
{
	for (size_t i = 0; i < now->group_count; i++) {
		struct group none = { 0 };
		const struct group *n = &now->groups[i], *b = &none;

		for (size_t k = 0; k < before->group_count; k++) {
			if (strcmp(before->groups[k].name, n->name) == 0)
				b = &before->groups[k];
		}
		put_process(out, b, n, seconds);
	}
	if (!now->sums[CPU].seen) {
		struct group b = own_of(before->sums), n = own_of(now->sums);

		put_process(out, &b, &n, seconds);
	}
}

static bool ends(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len > n && strcmp(text + len - n, end) == 0;
}

static void put_wanted(struct pick_figures *out, const struct pick *p,
    double seconds)
{
	for (size_t i = 0; i < p->wanted_count; i++) {
		const struct sum *n = &p->now.wanted[i];
		const struct pick_wanted *w = &p->wanted[i];

		if (!n->seen)
			continue;
		if (p->now.counter[i] || ends(w->selector.name, "_total"))
			put(out, "/s", gain(&p->before.wanted[i], n) /
			    seconds, "%s", w->text);
		else
			put(out, "", n->value, "%s", w->text);
	}
}

int pick_take(struct pick *p, char *text, double now,
    struct pick_figures *out)
{
	struct exposition_count count;
	double seconds;

	out->count = 0;
	memset(&p->now, 0, sizeof p->now);
	p->now.at = now;
	exposition_parse(text, &count, take, p);
	if (count.samples == 0 || count.bad > count.samples)
		return -1;
	seconds = p->any ? now - p->before.at : 0;
	if (!(seconds > 0))
		memset(&p->before, 0, sizeof p->before);
	put_machine(out, p->before.sums, p->now.sums, seconds);
	put_processes(out, &p->before, &p->now, seconds);
	put_wanted(out, p, seconds);
	p->before = p->now;
	p->any = true;
	return 0;
}

struct pick *pick_new(const struct pick_wanted *wanted, size_t count)
{
	struct pick *p = xcalloc(1, sizeof *p);

	p->wanted = wanted;
	p->wanted_count = count;
	return p;
}

void pick_free(struct pick *p)
{
	free(p);
}

int pick_wanted_init(struct pick_wanted *w, const char *text)
{
	*w = (struct pick_wanted){ xstrdup(text), xstrdup(text), { 0 } };
	if (strlen(text) < PICK_NAME / 2 &&
	    exposition_selector(w->split, &w->selector) == 0)
		return 0;
	pick_wanted_release(w);
	return -1;
}

void pick_wanted_release(struct pick_wanted *w)
{
	free(w->text);
	free(w->split);
	*w = (struct pick_wanted){ 0 };
}
