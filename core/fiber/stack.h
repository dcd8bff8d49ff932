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
	struct stack *next;             /* in the pool */
	char *low;                      /* lowest usable byte */
	uint32_t index;
};

/* `size` usable bytes each, `head` bytes of head.  `guard` forces a kind
 * ("madvise", "mprotect", "canary"; NULL: the best that works here).  0, or
 * -1 after log_error(). */
int stack_init(size_t size, size_t head, const char *guard);
/* Unmaps everything. */
void stack_release(void);

/* The stack last put back, else a new one whose head beyond struct stack is
 * zero.  Never NULL: ends the process when memory runs out. */
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

#endif
