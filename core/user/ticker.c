/* See the header. */
#include "user/ticker.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/loop.h"

struct ticker {
	int fd;
	struct event *event;
	void (*fired)(void *);
	void *arg;
};

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct ticker *t = arg;
	uint64_t expired;

	(void)events;
	/* Iterations begin in it, and some never wait. */
	loop_woke();
	if (read(fd, &expired, sizeof expired) != -1)
		t->fired(t->arg);
}

struct ticker *ticker_new(void (*fired)(void *), void *arg)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct ticker *t;

	if (fd == -1) {
		log_error("cannot make a timer for arrivals: %m");
		return NULL;
	}
	t = xcalloc(1, sizeof *t);
	t->fd = fd;
	t->fired = fired;
	t->arg = arg;
	t->event = event_new(loop_base(), fd, EV_READ | EV_PERSIST, on_timer,
	    t);
	event_add(t->event, NULL);
	return t;
}

void ticker_free(struct ticker *t)
{
	if (t == NULL)
		return;
	event_free(t->event);
	close(t->fd);
	free(t);
}

void ticker_arm(struct ticker *t, int64_t at)
{
	int64_t soonest = clock_now() + TICKER_LATE;
	struct itimerspec spec = { 0 };

	at = at > soonest ? at : soonest;
	spec.it_value.tv_sec = at / NS_PER_S;
	spec.it_value.tv_nsec = at % NS_PER_S;
	timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void ticker_disarm(struct ticker *t)
{
	struct itimerspec spec = { 0 };

	timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}
