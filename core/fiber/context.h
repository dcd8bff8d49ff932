/*
 * The two calls that everything rests on: make a context on a stack, and jump
 * into one.  Boost.Context's assembly (its C linkage, from the static archive)
 * does a pair of switches in about 12 ns; ucontext, for machines without it,
 * needs two system calls each way (about 560 ns a pair).
 */
#ifndef FIBER_CONTEXT_H
#define FIBER_CONTEXT_H

#include <stddef.h>

/* A suspended flow of control; it lives on its own stack. */
typedef void *context_t;

/* What a jump arrives with: whom it came from, and what was passed. */
struct context_from {
	context_t context;
	void *data;
};

typedef void context_fn(struct context_from);

/* The portable pair, always built so that it is always tested. */
context_t context_ucontext_make(void *top, size_t size, context_fn *fn);
struct context_from context_ucontext_jump(context_t to, void *data);

#ifdef SWARM_UCONTEXT

static inline context_t context_make(void *top, size_t size, context_fn *fn)
{
	return context_ucontext_make(top, size, fn);
}

static inline struct context_from context_jump(context_t to, void *data)
{
	return context_ucontext_jump(to, data);
}

#else

/* Boost's declarations are C++; these say the same in C. */
context_t make_fcontext(void *top, size_t size, context_fn *fn);
struct context_from jump_fcontext(context_t to, void *data);

static inline context_t context_make(void *top, size_t size, context_fn *fn)
{
	return make_fcontext(top, size, fn);
}

static inline struct context_from context_jump(context_t to, void *data)
{
	return jump_fcontext(to, data);
}

#endif
#endif
