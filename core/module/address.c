/*
 * Which module an address belongs to: asked by every log line of a module and
 * by the crash report.  A signal handler may ask at any moment, so the table
 * is sorted, never changed once published, and replaced as a whole; the few
 * outgrown ones are kept, as a handler may still be reading one.
 */
#include "module/internal.h"

#include "base/xalloc.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct range {
	uintptr_t start;
	uintptr_t end;
	struct module *module;
};

struct table {
	struct table *older;
	size_t count;
	struct range ranges[];
};

static struct table *_Atomic current;

struct search {
	struct module *module;
	struct table *table;
};

/* dlpi_addr is the object's load address, as in its link map. */
static int note_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;

	(void)size;
	if (info->dlpi_addr != s->module->base)
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		size_t count = s->table->count;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		s->table = xrealloc(s->table, sizeof(*s->table) +
		    (count + 1) * sizeof(s->table->ranges[0]));
		s->table->ranges[count] = (struct range){
			info->dlpi_addr + p->p_vaddr,
			info->dlpi_addr + p->p_vaddr + p->p_memsz, s->module };
		s->table->count++;
	}
	return 1;
}

static int compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

void address_add(struct module *m)
{
	struct table *old = atomic_load(&current);
	struct search s = { .module = m };
	size_t count = old ? old->count : 0;

	s.table = xmalloc(sizeof(*s.table) + count * sizeof(struct range));
	s.table->older = old;
	s.table->count = count;
	if (old)
		memcpy(s.table->ranges, old->ranges,
		    count * sizeof(struct range));
	dl_iterate_phdr(note_object, &s);
	qsort(s.table->ranges, s.table->count, sizeof(struct range), compare);
	atomic_store(&current, s.table);
}

struct module *module_by_address(const void *address)
{
	const struct table *t = atomic_load(&current);
	uintptr_t at = (uintptr_t)address;
	size_t low = 0, high = t ? t->count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (at < t->ranges[middle].start)
			high = middle;
		else if (at >= t->ranges[middle].end)
			low = middle + 1;
		else
			return t->ranges[middle].module;
	}
	return NULL;
}

void address_forget(void)
{
	struct table *t = atomic_exchange(&current, NULL);

	while (t) {
		struct table *older = t->older;

		free(t);
		t = older;
	}
}
