/*
 * Stacks come from slabs of 256, mapped without reserve: virtual size is
 * free, only touched pages count, and an unpooled mmap and munmap would cost
 * 8 us against 17 ns for a whole pooled fiber.  Last in, first out, so that
 * the next fiber runs on a warm stack.
 *
 * Huge pages are refused: one would make the whole virtual size resident.
 *
 * A page below each stack is its guard.  MADV_GUARD_INSTALL (Linux 6.13)
 * makes one without splitting the mapping, so a million are possible.
 * Elsewhere mprotect() does, two mappings for each stack, up to what
 * vm.max_map_count allows.  Beyond that the last words of a stack are its
 * canary: they are zero as long as nothing was pushed so deep, and looking at
 * them costs no memory, for reading maps the kernel's zero page.
 *
 * What a burst leaves in the pool is given back: the stacks at its cold end,
 * as many as were not needed for some seconds, a few at a time; by a timer,
 * since after a burst there may be nothing else to do it.
 *
 * The page between two stacks also makes their distance an odd number of
 * pages, and the tops are staggered within a page: stacks a power of two
 * apart would all fall into the same sets of the caches.
 */
#include "fiber/stack.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/tools.h"
#include "fiber/wheel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define SLAB_STACKS 256
#define STAGGER_BYTES 64
#define STAGGER_STEPS 8
#define CANARY_WORDS 8
#define CACHE_LINE 64

/* The pool: what it keeps in any case, how long the rest must have been idle,
 * and in what portions it goes (a portion takes about a millisecond). */
#define POOL_KEEP 1024
#define POOL_IDLE_NS (3 * NS_PER_S)
#define POOL_PORTION 256
#define POOL_PAUSE_NS (5 * NS_PER_MS)   /* between two portions */
#define POOL_LOOK 1024                  /* puts between two looks */

enum guard { GUARD_MADVISE, GUARD_MPROTECT, GUARD_CANARY };

static const char *const guard_names[] = { "madvise", "mprotect", "canary" };

static struct {
	size_t page;
	size_t size;                    /* usable, without the guard */
	size_t stride;
	size_t head;
	enum guard guard;
	uint32_t guarded;               /* by mprotect */
	uint32_t guarded_max;
	char **slabs;
	uint32_t slab_count;
	uint32_t made;
	uint32_t *pool;                 /* indices, the coldest first */
	uint32_t pooled;
	uint32_t pool_cap;
	uint32_t cold;                  /* pool[0 .. cold-1] hold no memory */
	uint32_t least;                 /* pooled, since `since` */
	int64_t since;
	uint32_t puts;
	struct wheel_timer timer;
	void (*forget)(struct stack *);
} stacks;

bool stack_has_canary;

static bool stack_probe_madvise(void)
{
	void *p = mmap(NULL, stacks.page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool works;

	if (p == MAP_FAILED)
		return false;
	works = madvise(p, stacks.page, MADV_GUARD_INSTALL) == 0;
	munmap(p, stacks.page);
	return works;
}

bool stack_guard_is_free(void)
{
	if (stacks.page == 0)
		stacks.page = (size_t)sysconf(_SC_PAGESIZE);
	return stack_probe_madvise();
}

/* How many mprotect() guards fit beside everything else's mappings. */
static uint32_t stack_mprotect_room(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	long max = 65530;

	if (f) {
		if (fscanf(f, "%ld", &max) != 1)
			max = 65530;
		fclose(f);
	}
	if (max > INT32_MAX)
		max = INT32_MAX;
	max -= 4096;
	return max > 0 ? (uint32_t)(max / 2) : 0;
}

static int stack_choose_guard(const char *wanted)
{
	stacks.guarded_max = stack_mprotect_room();
	stack_has_canary = false;
	if (!wanted) {
		stacks.guard =
		    stack_probe_madvise() ? GUARD_MADVISE : GUARD_MPROTECT;
		return 0;
	}
	for (int g = GUARD_MADVISE; g <= GUARD_CANARY; g++) {
		if (strcmp(wanted, guard_names[g]) != 0)
			continue;
		if (g == GUARD_MADVISE && !stack_probe_madvise())
			break;
		stacks.guard = (enum guard)g;
		stack_has_canary = g == GUARD_CANARY;
		return 0;
	}
	log_error("stack guard \"%s\" does not work here (madvise needs Linux "
	          "6.13; mprotect and canary always work)", wanted);
	errno = EINVAL;
	return -1;
}

static void stack_tidy(struct wheel_timer *);

int stack_init(const struct stack_options *o)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	stacks.page = page;
	stacks.size = (o->size + page - 1) / page * page;
	stacks.stride = stacks.size + page;
	stacks.head = (o->head + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	stacks.forget = o->forget;
	stacks.timer.fire = stack_tidy;
	return stack_choose_guard(o->guard);
}

void stack_release(void)
{
	wheel_del(&stacks.timer);
	for (uint32_t i = 0; i < stacks.slab_count; i++) {
		size_t size = stacks.stride * SLAB_STACKS;

		tools_unroot(stacks.slabs[i], size);
		munmap(stacks.slabs[i], size);
	}
	free(stacks.slabs);
	free(stacks.pool);
	memset(&stacks, 0, sizeof(stacks));
}

static void stack_new_slab(void)
{
	size_t size = stacks.stride * SLAB_STACKS;
	char *slab = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (slab == MAP_FAILED) {
		log_error("no memory for more than %u fiber stacks of %zu KiB "
		          "(mmap: %m); start fewer users on this machine, or "
		          "allow it more memory (vm.overcommit_memory, "
		          "ulimit -v)", stacks.made, stacks.size / 1024);
		abort();
	}
	/* Fails only where there are no huge pages to refuse. */
	madvise(slab, size, MADV_NOHUGEPAGE);
	tools_root(slab, size);
	stacks.slabs = xreallocarray(
	    stacks.slabs, stacks.slab_count + 1, sizeof(*stacks.slabs));
	stacks.slabs[stacks.slab_count++] = slab;
}

static void stack_guard_page(char *at)
{
	if (stacks.guard == GUARD_MADVISE) {
		if (madvise(at, stacks.page, MADV_GUARD_INSTALL) == 0)
			return;
		stacks.guard = GUARD_MPROTECT;
	}
	if (stacks.guard == GUARD_MPROTECT) {
		if (stacks.guarded < stacks.guarded_max &&
		    mprotect(at, stacks.page, PROT_NONE) == 0) {
			stacks.guarded++;
			return;
		}
		stacks.guard = GUARD_CANARY;
		stack_has_canary = true;
		log_warn("beyond %u fibers a stack overflow is found only at "
		         "the next wait, not at once: this kernel allows no "
		         "more guard pages (raise vm.max_map_count, or use "
		         "Linux 6.13 or later)", stacks.guarded);
	}
}

static char *stack_base(uint32_t index)
{
	return stacks.slabs[index / SLAB_STACKS] +
	    stacks.stride * (index % SLAB_STACKS);
}

struct stack *stack_at(uint32_t index)
{
	char *top = stack_base(index) + stacks.stride;

	if (index >= stacks.made)
		return NULL;
	top -= index % STAGGER_STEPS * STAGGER_BYTES;
	return (struct stack *)(void *)(top - stacks.head);
}

/* A stack whose memory is all zero. */
static struct stack *stack_fresh(uint32_t index)
{
	struct stack *s = stack_at(index);

	s->low = stack_base(index) + stacks.page;
	s->index = index;
	return s;
}

static struct stack *stack_new(void)
{
	uint32_t index = stacks.made;

	if (index == stacks.slab_count * SLAB_STACKS)
		stack_new_slab();
	stack_guard_page(stack_base(index));
	stacks.made++;
	return stack_fresh(index);
}

struct stack *stack_get(void)
{
	uint32_t index;

	if (stacks.pooled == 0)
		return stack_new();
	index = stacks.pool[--stacks.pooled];
	if (stacks.pooled < stacks.least)
		stacks.least = stacks.pooled;
	if (stacks.pooled < stacks.cold) {
		stacks.cold = stacks.pooled;
		return stack_fresh(index);
	}
	return stack_at(index);
}

/* The coldest of those that were not needed since `since`. */
static void stack_cool(void)
{
	int64_t now = clock_now();
	uint32_t end = stacks.cold + POOL_PORTION;
	uint32_t idle;

	if (now - stacks.since < POOL_IDLE_NS)
		return;
	idle = stacks.least > POOL_KEEP ? stacks.least - POOL_KEEP : 0;
	if (stacks.cold >= idle) {
		stacks.since = now;
		stacks.least = stacks.pooled;
		return;
	}
	if (end > idle)
		end = idle;
	while (stacks.cold < end) {
		struct stack *s = stack_at(stacks.pool[stacks.cold++]);
		char *low = s->low;

		stacks.forget(s);
		madvise(low, stacks.size, MADV_DONTNEED);
	}
}

static void stack_tidy(struct wheel_timer *t)
{
	uint32_t cold = stacks.cold;

	stack_cool();
	if (stacks.pooled - stacks.cold > POOL_KEEP)
		wheel_add(t, clock_now() + (stacks.cold > cold ? POOL_PAUSE_NS
		    : POOL_IDLE_NS));
}

void stack_put(struct stack *s)
{
	if (stacks.pooled == stacks.pool_cap) {
		stacks.pool_cap = stacks.pool_cap ? stacks.pool_cap * 2 : 256;
		stacks.pool = xreallocarray(
		    stacks.pool, stacks.pool_cap, sizeof(*stacks.pool));
	}
	stacks.pool[stacks.pooled++] = s->index;
	if (++stacks.puts % POOL_LOOK != 0)
		return;
	stack_cool();
	if (stacks.pooled > POOL_KEEP && !wheel_pending(&stacks.timer))
		wheel_add(&stacks.timer, clock_now() + POOL_IDLE_NS);
}

uint32_t stack_count(void)
{
	return stacks.made;
}

TOOLS_NO_ASAN bool stack_intact(const struct stack *s)
{
	const uint64_t *word = (const uint64_t *)(const void *)s->low;
	uint64_t any = 0;

	for (int i = 0; i < CANARY_WORDS; i++)
		any |= word[i];
	return any == 0;
}

/* The first page that was ever touched, so as not to touch the others. */
static const char *stack_first_page(const struct stack *s)
{
	unsigned char resident[256];
	char *page = s->low;
	char *end = s->low + stacks.size;

	while (page < end) {
		size_t n = (size_t)(end - page) / stacks.page;

		if (n > sizeof(resident))
			n = sizeof(resident);
		if (mincore(page, n * stacks.page, resident) == -1)
			break;
		for (size_t i = 0; i < n; i++, page += stacks.page)
			if (resident[i] & 1)
				return page;
	}
	return page;
}

TOOLS_NO_ASAN size_t stack_high_water(const struct stack *s)
{
	const uint64_t *word = (const void *)stack_first_page(s);
	const uint64_t *top = (const uint64_t *)(const void *)s;

	while (word < top && *word == 0)
		word++;
	return (size_t)((const char *)top - (const char *)word);
}

void stack_trim(struct stack *s, const void *sp)
{
	uintptr_t page = stacks.page;
	/* The red zone below sp is in use. */
	uintptr_t end = ((uintptr_t)sp - 128) / page * page;
	uintptr_t low = (uintptr_t)s->low;
	unsigned char resident;

	/* One page below is what a deep call leaves behind at least. */
	if (end < low + page)
		return;
	if (mincore((void *)(end - page), page, &resident) == -1 ||
	    !(resident & 1))
		return;
	madvise((void *)low, end - low, MADV_DONTNEED);
}

const char *stack_guard(void)
{
	return guard_names[stacks.guard];
}
