/* The hand-over: one pointer under a mutex, held for a few instructions. */
#include "web/context.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct context context;
static struct snapshot *newest;

const struct context *context_get(void)
{
	return &context;
}

void context_set(const struct context *c)
{
	context = *c;
}

struct snapshot *context_snapshot(void)
{
	struct snapshot *s;

	pthread_mutex_lock(&lock);
	s = newest ? snapshot_ref(newest) : NULL;
	pthread_mutex_unlock(&lock);
	return s;
}

void context_publish(struct snapshot *s)
{
	struct snapshot *old;

	pthread_mutex_lock(&lock);
	old = newest;
	newest = s;
	pthread_mutex_unlock(&lock);
	snapshot_unref(old);
}

const struct web_class *context_classes(const struct snapshot *s)
{
	return s->classes ? s->classes : context_get()->options->classes;
}

const struct web_setting *context_settings(const struct snapshot *s)
{
	return s->settings ? s->settings : context_get()->options->settings;
}
