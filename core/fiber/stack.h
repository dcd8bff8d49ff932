/*
 * Pooled stacks.  Each begins, at its highest addresses, with a head that
 * belongs to the fiber room: the page is resident anyway, so a parked fiber
 * costs one page and nothing beside it.
 */
#ifndef FIBER_STACK_H
#define FIBER_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member of the head; the stack grows down from its address. */
struct stack {
	char *low;                      /* lowest usable byte */
	uint32_t index;
};

struct stack_options {
	size_t size;                    /* usable bytes of each */
	size_t head;                    /* bytes of head */
	const char *guard;              /* "madvise", "mprotect", "canary" or
	                                 * NULL: the best that works here */
	/* The memory of a pooled stack, head and all, is about to be given
	 * back. */
	void (*forget)(struct stack *);
};

/* 0, or -1 after log_error(). */
int stack_init(const struct stack_options *);
/* Unmaps everything. */
void stack_release(void);

/* The stack last put back, else a new one.  The head beyond struct stack is
 * as it was left, or zero when the memory is new.  Never NULL: ends the
 * process when memory runs out. */
struct stack *stack_get(void);
void stack_put(struct stack *);

/* Stacks made so far are 0 .. count-1. */
uint32_t stack_count(void);
struct stack *stack_at(uint32_t index);

/* Where only a canary can tell, false when something ran over the low end. */
extern bool stack_has_canary;
bool stack_intact(const struct stack *);
/* Bytes ever used, to the word; reads the whole stack. */
size_t stack_high_water(const struct stack *);
/* Gives the pages below `sp` back to the kernel when there are any. */
void stack_trim(struct stack *, const void *sp);

const char *stack_guard(void);
/* Whether guard pages cost no mapping on this kernel; before stack_init()
 * too. */
bool stack_guard_is_free(void);

#endif
