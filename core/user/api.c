/* <swarm/user.h>: what a task may ask of the user it runs as. */
#include "user/internal.h"

#include <swarm/fiber.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"

struct slot {
	size_t size;
	void (*destroy)(struct swarm_user *, void *);
};

static struct slot *slots;
static int slot_count;

void user_end_task(struct swarm_user *u)
{
	while (u->defers != NULL) {
		struct user_defer *d = u->defers;

		u->defers = d->next;
		d->fn(d->arg);
	}
	if (u->measure != NULL)
		measure_end_task(u, false);
	arena_clear(&u->arena);
}

void user_release_slots(struct swarm_user *u)
{
	if (u->slots == NULL)
		return;
	for (int i = slot_count - 1; i >= 0; i--) {
		if (u->slots[i] == NULL)
			continue;
		if (slots[i].destroy != NULL)
			slots[i].destroy(u, u->slots[i]);
		free(u->slots[i]);
	}
	free(u->slots);
	u->slots = NULL;
}

SWARM_API struct swarm_user *swarm_self(void)
{
	struct fiber *f = fiber_self();

	return f != NULL ? fiber_user(f) : NULL;
}

SWARM_API struct swarm_fiber *swarm_spawn(struct swarm_user *u,
    void (*fn)(void *), void *arg)
{
	return fiber_handle(fiber_start_soon(&u->group, u, fn, arg, NULL));
}

SWARM_API void *swarm_data(struct swarm_user *u)
{
	return u->data;
}

SWARM_API unsigned swarm_user_id(struct swarm_user *u)
{
	return u->id;
}

SWARM_API uint64_t swarm_user_number(struct swarm_user *u)
{
	return u->number;
}

SWARM_API const char *swarm_user_class_name(struct swarm_user *u)
{
	return u->class->name;
}

SWARM_API const char *swarm_task_name(struct swarm_user *u)
{
	return u->task != NULL ? u->task : "";
}

SWARM_API const void *swarm_task_data(struct swarm_user *u)
{
	return u->task_data;
}

SWARM_API const char *swarm_host(struct swarm_user *u)
{
	if (users.options.host != NULL)
		return users.options.host;
	return u != NULL && u->class->def.host != NULL ?
	    u->class->def.host : "";
}

SWARM_API void *swarm_alloc(struct swarm_user *u, size_t size)
{
	return arena_alloc(&u->arena, size);
}

SWARM_API char *swarm_printf(struct swarm_user *u, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(&u->arena, fmt, ap);
	va_end(ap);
	return s;
}

SWARM_API char *swarm_strdup(struct swarm_user *u, const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(arena_alloc(&u->arena, size), s, size);
}

SWARM_API void swarm_defer(struct swarm_user *u, void (*fn)(void *), void *arg)
{
	struct user_defer *d = arena_alloc(&u->arena, sizeof *d);

	d->fn = fn;
	d->arg = arg;
	d->next = u->defers;
	u->defers = d;
}

SWARM_API uint64_t swarm_random(struct swarm_user *u)
{
	return rng_next(&u->rng);
}

SWARM_API double swarm_uniform(struct swarm_user *u)
{
	return rng_uniform(&u->rng);
}

SWARM_API uint64_t swarm_below(struct swarm_user *u, uint64_t n)
{
	return rng_below(&u->rng, n);
}

SWARM_API void swarm_stop_user(struct swarm_user *u)
{
	u->stopping = true;
}

SWARM_API void swarm_stop_test(struct swarm_user *u, const char *why)
{
	(void)u;
	if (users.options.stop_test != NULL)
		users.options.stop_test(why != NULL ? why : "",
		    users.options.arg);
}

SWARM_API void swarm_raise_at(struct swarm_user *u, const char *file,
    int line, const char *fmt, ...)
{
	char message[256];
	char where[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	snprintf(where, sizeof where, "%s:%d, task %s of %s", file, line,
	    swarm_task_name(u), u->class->name);
	if (users.options.raised != NULL)
		users.options.raised(message, where, users.options.arg);
}

SWARM_API bool swarm_stopping(struct swarm_user *u)
{
	return u->stopping;
}

SWARM_API int swarm_slot_new(size_t size,
    void (*destroy)(struct swarm_user *, void *))
{
	slots = xreallocarray(slots, (size_t)slot_count + 1, sizeof slots[0]);
	slots[slot_count].size = size;
	slots[slot_count].destroy = destroy;
	/* From 1: a variable that nobody has set is no slot, where it would
	 * be that of another plugin. */
	return ++slot_count;
}

static void refuse_slot(int slot) __attribute__((noreturn));

static void refuse_slot(int slot)
{
	log_error("swarm_slot(): there is no slot %d; its number is what "
	    "swarm_slot_new() returns, called in load(), and load() must be "
	    "named in SWARM_MODULE()", slot);
	abort();
}

SWARM_API void *swarm_slot(struct swarm_user *u, int slot)
{
	int i = slot - 1;

	if (__builtin_expect((unsigned)i >= (unsigned)slot_count, 0))
		refuse_slot(slot);
	if (u->slots == NULL)
		u->slots = xcalloc((size_t)slot_count, sizeof u->slots[0]);
	if (u->slots[i] == NULL)
		u->slots[i] = xcalloc(1, slots[i].size);
	return u->slots[i];
}
