/*
 * The loop.  libevent waits for descriptors and signals; those of fibers are
 * one descriptor to it (io.c).  Everything else is ours: timers are on the
 * wheel (wheel.c), and what an event makes ready is not run inside libevent's
 * callback but put in a queue, so that callbacks stay flat and one budget keeps
 * a busy queue from starving descriptors and timers.
 *
 * A pass: poll (blocking only when nothing is to be done), fire the timers
 * that are due, run up to LOOP_BUDGET items.  The clock is read twice in a
 * pass, never for each item.
 *
 * Other threads have one door: a mutex-guarded array and an eventfd.  Both
 * the eventfd and the timerfd are edge-triggered, so neither is ever read.
 */
#include "fiber/loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/io.h"
#include "fiber/wheel.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Items run in one pass.  A poll costs about a microsecond, an item often
 * five: small enough that a due timer waits for a fraction of a millisecond,
 * large enough that the polls do not count. */
#define LOOP_BUDGET 64

#define CACHE_LINE 64
#define HINT_LINES 4

struct post {
	void (*fn)(void *);
	void *arg;
};

struct posts {
	struct post *at;
	size_t count;
	size_t cap;
};

static struct {
	struct event_base *base;
	struct event *timer_event;
	struct event *door_event;
	int timer_fd;
	int64_t armed;                  /* when timer_fd fires; INT64_MAX */
	struct loop_item *first;
	struct loop_item **last;
	int budget;                     /* items left in this pass */
	bool stopped;
	int64_t woke;                   /* when this pass began to work; 0 */
	int64_t ended;                  /* when the last pass did */
	struct loop_health health;
} loop = { .timer_fd = -1, .last = &loop.first };

static struct {
	pthread_mutex_t lock;
	int fd;                         /* eventfd, -1 when closed */
	struct posts in;                /* under the lock */
	struct posts out;               /* the loop's */
} door = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static _Thread_local bool here;

bool loop_here(void)
{
	return here;
}

/* Readiness alone ends the poll; the pass itself looks at the wheel. */
static void loop_on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop.armed = INT64_MAX;
}

static void loop_on_door(evutil_socket_t fd, short what, void *arg)
{
	struct posts todo;

	(void)fd;
	(void)what;
	(void)arg;
	loop_woke();
	pthread_mutex_lock(&door.lock);
	todo = door.in;
	door.in = door.out;
	door.in.count = 0;
	pthread_mutex_unlock(&door.lock);
	door.out = (struct posts){ .at = NULL };
	for (size_t i = 0; i < todo.count; i++)
		todo.at[i].fn(todo.at[i].arg);
	/* Kept for the next turn; a nested turn may have left one there. */
	free(door.out.at);
	door.out = todo;
}

/* Its warnings repeat what a caller is told by errno. */
static void loop_on_libevent(int severity, const char *text)
{
	if (severity == EVENT_LOG_ERR)
		log_error("libevent: %s", text);
	else
		log_debug("libevent: %s", text);
}

static struct event_base *loop_new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config)
		return NULL;
	/* The environment must not switch epoll, and with it edges, off. */
	event_config_set_flag(
	    config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	event_config_require_features(config, EV_FEATURE_ET);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static struct event *loop_new_edge(int fd, event_callback_fn fn)
{
	struct event *ev = event_new(
	    loop.base, fd, EV_READ | EV_ET | EV_PERSIST, fn, NULL);

	if (ev && event_add(ev, NULL) == -1) {
		event_free(ev);
		return NULL;
	}
	return ev;
}

int loop_init(void)
{
	int door_fd;

	signal(SIGPIPE, SIG_IGN);
	event_set_log_callback(loop_on_libevent);
	loop.base = loop_new_base();
	if (!loop.base) {
		log_error("cannot make an event loop: libevent found no "
		          "edge-triggered method (epoll) on this system");
		return -1;
	}
	door_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop.timer_fd =
	    timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (door_fd == -1 || loop.timer_fd == -1)
		goto fail;
	loop.timer_event = loop_new_edge(loop.timer_fd, loop_on_timer);
	loop.door_event = loop_new_edge(door_fd, loop_on_door);
	if (!loop.timer_event || !loop.door_event || io_init() == -1)
		goto fail;
	pthread_mutex_lock(&door.lock);
	door.fd = door_fd;
	pthread_mutex_unlock(&door.lock);
	loop.armed = INT64_MAX;
	loop.stopped = false;
	loop.woke = 0;
	loop.ended = 0;
	loop.health = (struct loop_health){ 0 };
	here = true;
	return 0;

fail:
	log_error("cannot make an event loop: %m (is the limit of open files, "
	          "ulimit -n, reached?)");
	if (door_fd != -1)
		close(door_fd);
	loop_release();
	return -1;
}

void loop_release(void)
{
	int door_fd;

	pthread_mutex_lock(&door.lock);
	door_fd = door.fd;
	door.fd = -1;
	free(door.in.at);
	door.in = (struct posts){ .at = NULL };
	pthread_mutex_unlock(&door.lock);
	free(door.out.at);
	door.out = (struct posts){ .at = NULL };
	io_release();
	if (loop.timer_event)
		event_free(loop.timer_event);
	if (loop.door_event)
		event_free(loop.door_event);
	if (loop.base)
		event_base_free(loop.base);
	if (loop.timer_fd != -1)
		close(loop.timer_fd);
	if (door_fd != -1)
		close(door_fd);
	loop.timer_event = NULL;
	loop.door_event = NULL;
	loop.base = NULL;
	loop.timer_fd = -1;
	loop.first = NULL;
	loop.last = &loop.first;
	here = false;
}

struct event_base *loop_base(void)
{
	return loop.base;
}

void loop_defer(struct loop_item *item)
{
	if (item->queued)
		return;
	item->queued = true;
	item->next = NULL;
	*loop.last = item;
	loop.last = &item->next;
}

/* Any address will do, also none. */
static void loop_prefetch(const void *p, unsigned lines)
{
	for (unsigned i = 0; i < lines; i++)
		__builtin_prefetch(
		    (const void *)((uintptr_t)p + i * CACHE_LINE));
}

/* Takes the first item, and fetches ahead for the next: items are fibers
 * mostly, each on a page of its own and, when there are many, long out of the
 * caches. */
static struct loop_item *loop_take(void)
{
	struct loop_item *item = loop.first;
	struct loop_item *next = item->next;

	loop.budget--;
	loop.first = next;
	item->queued = false;
	if (!next) {
		loop.last = &loop.first;
		return item;
	}
	loop_prefetch(next->next, 2);
	loop_prefetch(next->hint, HINT_LINES);
	return item;
}

struct loop_item *loop_more(void (*run)(struct loop_item *))
{
	if (loop.budget <= 0 || !loop.first || loop.first->run != run)
		return NULL;
	return loop_take();
}

static void loop_run_queue(void)
{
	loop.budget = LOOP_BUDGET;
	while (loop.budget > 0 && loop.first) {
		struct loop_item *item = loop_take();

		item->run(item);
	}
}

/* Makes the timerfd fire no later than the wheel needs it.  One that fires
 * earlier, for a timer deleted since, is left: re-arming would cost more than
 * the idle pass it causes. */
static void loop_arm(int64_t next)
{
	struct itimerspec when = { .it_value.tv_sec = 0 };

	if (next >= loop.armed)
		return;
	if (next < 1)
		next = 1;               /* 0 would disarm */
	when.it_value.tv_sec = next / NS_PER_S;
	when.it_value.tv_nsec = next % NS_PER_S;
	timerfd_settime(loop.timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	loop.armed = next;
}

void loop_woke(void)
{
	if (loop.woke == 0)
		loop.woke = clock_now();
}

static void loop_account(void)
{
	int64_t ns;

	loop.ended = clock_now();
	ns = loop.ended - loop.woke;
	loop.health.passes++;
	if (ns <= 0)
		return;
	loop.health.busy_ns += ns;
	if (ns > loop.health.longest_pass_ns)
		loop.health.longest_pass_ns = ns;
}

void loop_once(bool wait)
{
	int flags = EVLOOP_ONCE;
	int64_t next = wheel_next();
	int64_t now;

	if (!wait || loop.first || io_pending() || loop.stopped ||
	    next <= loop.ended)
		flags |= EVLOOP_NONBLOCK;
	else if (next != INT64_MAX)
		loop_arm(next);
	loop.woke = 0;
	event_base_loop(loop.base, flags);
	io_poll();
	now = clock_now();
	if (loop.woke != 0 || loop.first || wheel_next() <= now)
		loop.health.worked++;
	if (loop.woke == 0)
		loop.woke = now;
	if (wheel_next() <= now)
		wheel_advance(now);
	loop_run_queue();
	loop_account();
}

void loop_run(void)
{
	loop.stopped = false;
	while (!loop.stopped)
		loop_once(true);
}

void loop_stop(void)
{
	loop.stopped = true;
}

bool loop_idle(void)
{
	return !loop.first && !io_pending();
}

void loop_health(struct loop_health *h)
{
	*h = loop.health;
	loop.health.longest_pass_ns = 0;
}

void loop_post(void (*fn)(void *), void *arg)
{
	static const uint64_t one = 1;
	bool first;

	pthread_mutex_lock(&door.lock);
	if (door.fd == -1) {
		pthread_mutex_unlock(&door.lock);
		return;
	}
	first = door.in.count == 0;
	if (door.in.count == door.in.cap) {
		door.in.cap = door.in.cap ? door.in.cap * 2 : 64;
		door.in.at = xreallocarray(
		    door.in.at, door.in.cap, sizeof(*door.in.at));
	}
	door.in.at[door.in.count++] = (struct post){ fn, arg };
	/* Under the lock, so that the door cannot be closed in between.  The
	 * counter cannot overflow, so the write cannot fail. */
	while (first && write(door.fd, &one, sizeof(one)) == -1 &&
	       errno == EINTR)
		;
	pthread_mutex_unlock(&door.lock);
}
