/*
 * Paho calls back on its own threads, with its locks held; users live on the
 * loop.  A wake-up costs about 10 us of both threads' time, so only the first
 * event of a batch pays for one.  A batch is worked off in slices, because a
 * flood of messages must not keep the loop from its timers.
 */
#include "door.h"

#include <swarm/loop.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define SLICE 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct door_event *first;
static struct door_event **last = &first;
static bool scheduled;                  /* a drain() is on its way */

static void drain(void *arg)
{
	static struct door_event *batch;        /* loop only */
	bool more;

	(void)arg;
	if (!batch) {
		pthread_mutex_lock(&lock);
		batch = first;
		first = NULL;
		last = &first;
		pthread_mutex_unlock(&lock);
	}
	for (int i = 0; i < SLICE && batch; i++) {
		struct door_event *e = batch;

		batch = e->next;
		e->run(e);
	}
	pthread_mutex_lock(&lock);
	more = batch || first;
	scheduled = more;
	pthread_mutex_unlock(&lock);
	if (more)
		swarm_post(drain, NULL);
}

void door_push(struct door_event *e)
{
	bool post;

	e->next = NULL;
	pthread_mutex_lock(&lock);
	post = !scheduled;
	scheduled = true;
	*last = e;
	last = &e->next;
	pthread_mutex_unlock(&lock);
	if (post)
		swarm_post(drain, NULL);
}
