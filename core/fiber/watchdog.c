/*
 * The watchdog.  Every switch publishes a turn number, odd while a fiber runs:
 * two plain stores, and nothing else on the hot path.  A thread samples it;
 * the same odd number twice, a limit apart, is a fiber that blocks.  It marks
 * that turn, and the loop thread itself reports when the fiber has given way,
 * because only there is its user sure to be alive.  If it never does, the
 * thread speaks up by itself.
 */
#include "fiber/fiber_impl.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

/* Times the limit until the thread reports on its own. */
#define WATCHDOG_STUCK 10
#define WATCHDOG_STACK (256 * 1024)

_Atomic uint64_t watchdog_turn;
_Atomic uint64_t watchdog_late;

static struct {
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t end;
	bool ending;                    /* under the lock */
	int64_t limit;
	void (*report)(struct swarm_user *, int64_t);
	_Atomic int64_t since;          /* when the late turn was first seen */
} watchdog = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A real clock, also where a test has frozen the other. */
static int64_t watchdog_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Whether it is time to end, after half a limit. */
static bool watchdog_pause(void)
{
	int64_t until = watchdog_clock() + watchdog.limit / 2;
	struct timespec ts = { .tv_sec = until / NS_PER_S,
		.tv_nsec = until % NS_PER_S };
	bool ending;

	pthread_mutex_lock(&watchdog.lock);
	while (!watchdog.ending)
		if (pthread_cond_timedwait(&watchdog.end, &watchdog.lock,
		        &ts) == ETIMEDOUT)
			break;
	ending = watchdog.ending;
	pthread_mutex_unlock(&watchdog.lock);
	return ending;
}

static void *watchdog_thread(void *arg)
{
	int64_t since = watchdog_clock();
	uint64_t seen = 0;
	bool told = false;

	while (!watchdog_pause()) {
		uint64_t turn = atomic_load(&watchdog_turn);
		int64_t now = watchdog_clock();

		if (turn != seen) {
			seen = turn;
			since = now;
			told = false;
			continue;
		}
		if (turn % 2 == 0 || now - since < watchdog.limit)
			continue;
		if (atomic_load(&watchdog_late) != turn) {
			atomic_store(&watchdog.since, since);
			atomic_store(&watchdog_late, turn);
		}
		if (!told && now - since >= WATCHDOG_STUCK * watchdog.limit) {
			told = true;
			watchdog.report(NULL, now - since);
		}
	}
	return arg;
}

void watchdog_report(struct swarm_user *user)
{
	int64_t ran = watchdog_clock() - atomic_load(&watchdog.since);

	watchdog.report(user, ran);
}

static void watchdog_stop(void)
{
	if (!watchdog.running)
		return;
	pthread_mutex_lock(&watchdog.lock);
	watchdog.ending = true;
	pthread_cond_signal(&watchdog.end);
	pthread_mutex_unlock(&watchdog.lock);
	pthread_join(watchdog.thread, NULL);
	pthread_cond_destroy(&watchdog.end);
	watchdog.running = false;
	/* No turn is this one: turns are counted from 0 and odd when late. */
	atomic_store(&watchdog_late, 0);
}

void fiber_watchdog(
    int64_t limit_ns, void (*report)(struct swarm_user *, int64_t))
{
	pthread_condattr_t cond;
	pthread_attr_t attr;
	sigset_t all, old;

	watchdog_stop();
	if (limit_ns <= 0)
		return;
	watchdog.limit = limit_ns < NS_PER_MS ? NS_PER_MS : limit_ns;
	watchdog.report = report;
	watchdog.ending = false;
	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&watchdog.end, &cond);
	pthread_condattr_destroy(&cond);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WATCHDOG_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	watchdog.running = pthread_create(&watchdog.thread, &attr,
	    watchdog_thread, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!watchdog.running)
		pthread_cond_destroy(&watchdog.end);
}
