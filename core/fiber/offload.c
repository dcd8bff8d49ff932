/*
 * Calls that really block (a name look-up in the C library, a slow file) run
 * in a few threads, started one by one as they are needed.  The job lies on
 * the stack of the fiber, which waits deaf to cancellation until it is done:
 * a call cannot be stopped half-way, and what it writes to must stay.
 */
#include <swarm/fiber.h>

#include "base/log.h"
#include "fiber/fiber_impl.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#define OFFLOAD_THREADS 8
#define OFFLOAD_STACK (512 * 1024)

struct job {
	struct job *next;
	int (*fn)(void *);
	void *arg;
	int result;
	int error;
	bool done;
	struct fiber *fiber;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first;
	struct job **last;
	pthread_t threads[OFFLOAD_THREADS];
	unsigned count;                 /* of threads */
	unsigned idle;
	unsigned queued;
	bool closing;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER, .last = &pool.first };

static void offload_done(void *arg)
{
	struct job *job = arg;

	job->done = true;
	fiber_ready(job->fiber);
}

static struct job *offload_take(void)
{
	struct job *job;

	pthread_mutex_lock(&pool.lock);
	pool.idle++;
	while (!pool.first && !pool.closing)
		pthread_cond_wait(&pool.more, &pool.lock);
	pool.idle--;
	job = pool.first;
	if (job) {
		pool.first = job->next;
		if (!pool.first)
			pool.last = &pool.first;
		pool.queued--;
	}
	pthread_mutex_unlock(&pool.lock);
	return job;
}

static void *offload_thread(void *arg)
{
	struct job *job;

	while ((job = offload_take()) != NULL) {
		errno = 0;
		job->result = job->fn(job->arg);
		job->error = errno;
		loop_post(offload_done, job);
	}
	return arg;
}

/* Under the lock.  Signals are the loop's, but for those of a fault, which
 * would end the process without a word when blocked. */
static int offload_start_thread(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP,
		SIGSYS };
	pthread_attr_t attr;
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&all, faults[i]);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, OFFLOAD_STACK);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(
	    &pool.threads[pool.count], &attr, offload_thread, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		pool.count++;
	return rc;
}

/* 0, or an error when there is no thread at all to run it. */
static int offload_submit(struct job *job)
{
	int rc = 0;

	pthread_mutex_lock(&pool.lock);
	if (pool.queued >= pool.idle && pool.count < OFFLOAD_THREADS)
		rc = offload_start_thread();
	if (pool.count == 0) {
		pthread_mutex_unlock(&pool.lock);
		return rc;
	}
	*pool.last = job;
	pool.last = &job->next;
	pool.queued++;
	pthread_cond_signal(&pool.more);
	pthread_mutex_unlock(&pool.lock);
	return 0;
}

int swarm_offload(int (*fn)(void *), void *arg)
{
	struct job job = { .fn = fn, .arg = arg, .fiber = fiber_self() };
	int rc;

	if (fiber_cancelled(job.fiber)) {
		errno = ECANCELED;
		return -1;
	}
	rc = offload_submit(&job);
	if (rc != 0) {
		errno = rc;
		log_error("cannot start a thread for a blocking call: %m (is "
		          "the limit of processes, ulimit -u, reached?)");
		return -1;
	}
	while (!job.done)
		fiber_wait_shielded(FIBER_OFFLOAD, SWARM_FOREVER);
	errno = job.error;
	return job.result;
}

void offload_release(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.closing = true;
	pthread_cond_broadcast(&pool.more);
	pthread_mutex_unlock(&pool.lock);
	for (unsigned i = 0; i < pool.count; i++)
		pthread_join(pool.threads[i], NULL);
	pool.count = 0;
	pool.closing = false;
}
