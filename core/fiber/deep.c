/*
 * One large stack, for calls that need more of it than a fiber has: parsers
 * that recurse, interpreters.  It is not pooled and there is only one: what
 * runs on it may not wait, so it is empty again before any other fiber runs,
 * and a million users need no more than one of them.
 *
 * Its suspended context waits in deep_main()'s loop, as a fiber's does, so
 * that a call costs two jumps.
 */
#include "fiber/fiber_impl.h"

#include <swarm/fiber.h>

#include "base/log.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEEP_BYTES (2 * 1024 * 1024)
/* Sanitized frames are several times as large. */
#define DEEP_SANITIZED (16 * 1024 * 1024)

struct call {
	void (*fn)(void *);
	void *arg;
	struct fiber *fiber;
};

bool deep_running;

static struct {
	char *low;                      /* of the mapping: the guard */
	size_t size;                    /* of the mapping */
	context_t context;
	struct tools tools;
} deep;

static void deep_main(struct context_from from)
{
	for (;;) {
		struct call *call = from.data;

		tools_back(&deep.tools, &call->fiber->tools);
		call->fn(call->arg);
		tools_leave(&deep.tools, &call->fiber->tools);
		from = context_jump(from.context, NULL);
	}
}

static void deep_prepare(void)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = TOOLS_ASAN || TOOLS_TSAN ? DEEP_SANITIZED : DEEP_BYTES;
	char *top;

	deep.size = size + guard;
	deep.low = mmap(NULL, deep.size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (deep.low == MAP_FAILED ||
	    mprotect(deep.low, guard, PROT_NONE) == -1) {
		log_error("no memory for a stack of %zu bytes: %m", size);
		abort();
	}
	top = deep.low + deep.size;
	tools_stack(&deep.tools, deep.low + guard, size);
	deep.context = context_make(top, size, deep_main);
}

void deep_release(void)
{
	if (!deep.context)
		return;
	tools_stack_end(&deep.tools);
	munmap(deep.low, deep.size);
	deep.context = NULL;
}

void deep_refuse(void)
{
	log_error("a function that swarm_deep() runs has called one that "
	          "waits; it must return first, and its caller wait");
	abort();
}

SWARM_API void swarm_deep(void (*fn)(void *), void *arg)
{
	struct call call = { fn, arg, fiber_self() };
	struct context_from from;

	/* The loop's own stack is deep enough, and so is this one. */
	if (!call.fiber || deep_running) {
		fn(arg);
		return;
	}
	if (!deep.context)
		deep_prepare();
	deep_running = true;
	tools_leave(&call.fiber->tools, &deep.tools);
	from = context_jump(deep.context, &call);
	deep.context = from.context;
	tools_back(&call.fiber->tools, &deep.tools);
	deep_running = false;
}
