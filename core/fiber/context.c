/*
 * The two calls of context.h over ucontext.  A suspended context is a struct
 * on the stack of whoever jumped away; what a jump carries goes through one
 * static variable, because makecontext() passes only ints and one thread runs
 * all the fibers.
 */
#include "fiber/context.h"

#include <stdint.h>
#include <ucontext.h>

struct suspended {
	ucontext_t uc;
	context_fn *fn;
};

static struct {
	struct suspended *from;
	struct suspended *to;
	void *data;
} jump;

static void context_enter(void)
{
	jump.to->fn((struct context_from){ jump.from, jump.data });
}

context_t context_ucontext_make(void *top, size_t size, context_fn *fn)
{
	char *low = (char *)top - size;
	uintptr_t at = ((uintptr_t)top - sizeof(struct suspended)) & ~63ul;
	struct suspended *s = (struct suspended *)at;

	getcontext(&s->uc);
	s->fn = fn;
	s->uc.uc_stack.ss_sp = low;
	s->uc.uc_stack.ss_size = (size_t)((char *)at - low);
	s->uc.uc_link = NULL;
	makecontext(&s->uc, context_enter, 0);
	return s;
}

struct context_from context_ucontext_jump(context_t to, void *data)
{
	struct suspended self;

	jump.from = &self;
	jump.to = to;
	jump.data = data;
	swapcontext(&self.uc, &jump.to->uc);
	return (struct context_from){ jump.from, jump.data };
}
