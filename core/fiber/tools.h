/*
 * What AddressSanitizer, ThreadSanitizer and valgrind must be told about
 * fibers.  Each of them keeps its own idea of the running stack and reports
 * nonsense when it changes unannounced.  Everything here is empty in a plain
 * build, except valgrind's registration: about 1.4 ns once for each stack, so
 * it is always in when the header was there at build time.
 */
#ifndef FIBER_TOOLS_H
#define FIBER_TOOLS_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TOOLS_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define TOOLS_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define TOOLS_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define TOOLS_TSAN 1
#endif
#ifndef TOOLS_ASAN
#define TOOLS_ASAN 0
#endif
#ifndef TOOLS_TSAN
#define TOOLS_TSAN 0
#endif

/* One side of a switch: a fiber, or the loop's own stack. */
struct tools {
#if TOOLS_ASAN
	const void *low;
	size_t size;
	void *fake;
#endif
#if TOOLS_TSAN
	void *tsan;
#endif
	unsigned valgrind;
};

#if TOOLS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>

#define TOOLS_NO_ASAN __attribute__((no_sanitize("address")))

static inline void tools_poison(void *p, size_t n)
{
	ASAN_POISON_MEMORY_REGION(p, n);
}

static inline void tools_unpoison(void *p, size_t n)
{
	ASAN_UNPOISON_MEMORY_REGION(p, n);
}

/* Memory in which pointers to the heap may lie, for the leak check. */
static inline void tools_root(void *p, size_t n)
{
	__lsan_register_root_region(p, n);
}

static inline void tools_unroot(void *p, size_t n)
{
	__lsan_unregister_root_region(p, n);
	ASAN_UNPOISON_MEMORY_REGION(p, n);
}

static inline void tools_asan_stack(struct tools *t, void *low, size_t size)
{
	t->low = low;
	t->size = size;
	t->fake = NULL;
}

static inline void tools_asan_leave(struct tools *from, const struct tools *to)
{
	__sanitizer_start_switch_fiber(&from->fake, to->low, to->size);
}

/* Back on `self`; `other` learns its bounds when it is the loop's stack. */
static inline void tools_asan_back(struct tools *self, struct tools *other)
{
	const void *low;
	size_t size;

	__sanitizer_finish_switch_fiber(self->fake, &low, &size);
	if (!other->low) {
		other->low = low;
		other->size = size;
	}
}
#else
#define TOOLS_NO_ASAN

static inline void tools_poison(void *p, size_t n)
{
	(void)p;
	(void)n;
}

static inline void tools_unpoison(void *p, size_t n)
{
	(void)p;
	(void)n;
}

static inline void tools_root(void *p, size_t n)
{
	(void)p;
	(void)n;
}

static inline void tools_unroot(void *p, size_t n)
{
	(void)p;
	(void)n;
}

static inline void tools_asan_stack(struct tools *t, void *low, size_t size)
{
	(void)t;
	(void)low;
	(void)size;
}

static inline void tools_asan_leave(struct tools *from, const struct tools *to)
{
	(void)from;
	(void)to;
}

static inline void tools_asan_back(struct tools *self, struct tools *other)
{
	(void)self;
	(void)other;
}
#endif

#if TOOLS_TSAN
#include <sanitizer/tsan_interface.h>

static inline void tools_tsan_new(struct tools *t)
{
	t->tsan = __tsan_create_fiber(0);
}

static inline void tools_tsan_free(struct tools *t)
{
	__tsan_destroy_fiber(t->tsan);
}

static inline void tools_tsan_here(struct tools *t)
{
	t->tsan = __tsan_get_current_fiber();
}

static inline void tools_tsan_switch(const struct tools *to)
{
	__tsan_switch_to_fiber(to->tsan, 0);
}
#else
static inline void tools_tsan_new(struct tools *t)
{
	(void)t;
}

static inline void tools_tsan_free(struct tools *t)
{
	(void)t;
}

static inline void tools_tsan_here(struct tools *t)
{
	(void)t;
}

static inline void tools_tsan_switch(const struct tools *to)
{
	(void)to;
}
#endif

#if defined(__has_include) && __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>

static inline void tools_valgrind_new(struct tools *t, void *low, size_t size)
{
	t->valgrind =
	    (unsigned)VALGRIND_STACK_REGISTER(low, (char *)low + size);
}

static inline void tools_valgrind_free(struct tools *t)
{
	VALGRIND_STACK_DEREGISTER(t->valgrind);
}

static inline int tools_on_valgrind(void)
{
	return RUNNING_ON_VALGRIND != 0;
}
#else
static inline void tools_valgrind_new(struct tools *t, void *low, size_t size)
{
	(void)low;
	(void)size;
	t->valgrind = 0;
}

static inline void tools_valgrind_free(struct tools *t)
{
	(void)t;
}

static inline int tools_on_valgrind(void)
{
	return 0;
}
#endif

/* A new stack; the loop's own stack; the end of a stack. */
static inline void tools_stack(struct tools *t, void *low, size_t size)
{
	tools_asan_stack(t, low, size);
	tools_tsan_new(t);
	tools_valgrind_new(t, low, size);
}

static inline void tools_thread(struct tools *t)
{
	tools_asan_stack(t, NULL, 0);
	tools_tsan_here(t);
}

static inline void tools_stack_end(struct tools *t)
{
	tools_tsan_free(t);
	tools_valgrind_free(t);
}

/* Immediately before and after each jump. */
static inline void tools_leave(struct tools *from, const struct tools *to)
{
	tools_asan_leave(from, to);
	tools_tsan_switch(to);
}

static inline void tools_back(struct tools *self, struct tools *other)
{
	tools_asan_back(self, other);
}

#endif
