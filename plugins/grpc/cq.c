/*
 * gRPC's core has neither a descriptor that could be watched nor a callback
 * that would end up on our loop: somebody must sit in
 * grpc_completion_queue_next(), which is also where the library reads its
 * sockets.  That is this thread's whole work: it stamps each event, and hangs
 * those that are there into a list that the loop empties as a whole.  Only what
 * finds the list empty pays for waking the loop, so that the answers that one
 * read from a socket brings cost one wake-up together.
 *
 * The list has no lock: one thread adds, one takes everything at once.
 */
#include "cq.h"

#include <swarm/fiber.h>
#include <swarm/log.h>
#include <swarm/loop.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#define SLICE    64u                    /* events run at once */
#define BATCH    256u                   /* events handed over at once */
#define PATIENCE 10.0                   /* seconds for canceled calls */

static grpc_completion_queue *queue;
static pthread_t thread;
static _Atomic(struct cq_event *) arrived;      /* the newest first */
static struct cq_event *first;                  /* loop only */
static struct cq_event **last = &first;

/* What has arrived, the oldest first, behind what was there. */
static void take_arrived(void)
{
	struct cq_event *e = atomic_exchange_explicit(&arrived, NULL,
	    memory_order_acquire);
	struct cq_event *oldest = NULL, *newest = e;

	if (!e)
		return;
	while (e) {
		struct cq_event *older = e->next;

		e->next = oldest;
		oldest = e;
		e = older;
	}
	*last = oldest;
	last = &newest->next;
}

/*
 * Runs events in the order they came in, a slice at a time: the fibers that
 * they wake, and the calls that those begin, find it all still in the
 * processor's caches.
 */
static void drain(void *arg)
{
	take_arrived();
	for (unsigned i = 0; first && (i < SLICE || !arg); i++) {
		struct cq_event *e = first;

		first = e->next;
		if (!first)
			last = &first;
		e->run(e);
	}
	if (first)
		swarm_post(drain, &first);
}

/* Hands over `newest` and the `oldest` that it leads to. */
static void push(struct cq_event *newest, struct cq_event *oldest)
{
	struct cq_event *head = atomic_load_explicit(&arrived,
	    memory_order_relaxed);

	do
		oldest->next = head;
	while (!atomic_compare_exchange_weak_explicit(&arrived, &head, newest,
	    memory_order_release, memory_order_relaxed));
	if (!head)
		swarm_post(drain, &first);
}

/* Takes what there is, then sleeps for more. */
static void *serve(void *arg)
{
	const gpr_timespec never = gpr_inf_future(GPR_CLOCK_MONOTONIC);
	const gpr_timespec past = gpr_inf_past(GPR_CLOCK_MONOTONIC);
	struct cq_event *newest = NULL, *oldest = NULL;
	unsigned count = 0;

	(void)arg;
	for (;;) {
		grpc_event ev = grpc_completion_queue_next(queue,
		    count > 0 ? past : never, NULL);
		struct cq_event *e = ev.tag;

		if (ev.type == GRPC_QUEUE_SHUTDOWN)
			return NULL;
		if (ev.type == GRPC_OP_COMPLETE) {
			e->when = swarm_now();
			e->ok = ev.success;
			e->next = newest;
			newest = e;
			if (count == 0)
				oldest = e;
			if (++count < BATCH)
				continue;
		}
		push(newest, oldest);
		newest = NULL;
		count = 0;
	}
}

int cq_start(void)
{
	sigset_t all, before;
	int rc;

	queue = grpc_completion_queue_create_for_next(NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, NULL, serve, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return 0;
	swarm_error("cannot start a thread for gRPC's completion queue");
	grpc_completion_queue_shutdown(queue);
	grpc_completion_queue_destroy(queue);
	queue = NULL;
	return -1;
}

/* Users have gone and with them what they asked for: canceled, it comes back
 * within moments.  Ending the queue before it has would be an error. */
void cq_stop(bool (*owed)(void))
{
	const struct timespec moment = { 0, 200000 };
	int64_t end = swarm_in(PATIENCE);

	if (!queue)
		return;
	while (drain(NULL), owed() && swarm_now() < end)
		nanosleep(&moment, NULL);
	if (owed()) {
		swarm_warn("gRPC has not given back all that was canceled");
		return;
	}
	grpc_completion_queue_shutdown(queue);
	pthread_join(thread, NULL);
	drain(NULL);
	grpc_completion_queue_destroy(queue);
	queue = NULL;
}

grpc_completion_queue *cq_queue(void)
{
	return queue;
}
