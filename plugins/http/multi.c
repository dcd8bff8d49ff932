/*
 * libcurl on swarm's loop by curl_multi_socket_action(), with three habits
 * that make it cheap:
 *
 * A descriptor stays registered for reading when libcurl says that it has lost
 * interest, which it does after every transfer, and is unregistered only when
 * it turns readable while nobody is interested: two epoll_ctl fewer for each
 * request.
 *
 * A timer of zero, which libcurl sets when a transfer is added and on several
 * other occasions, is served right after the call that set it and not by the
 * loop; but only once a call, since a fast server could keep libcurl busy for
 * ever.
 *
 * A transfer starts on the stack of the fiber that asks for it, and goes on
 * from the loop's.
 *
 * And one that makes it work: over HTTP/2, libcurl 7.88 may read more than it
 * hands out at once (CURLOPT_BUFFERSIZE), and then waits for a descriptor that
 * has nothing more to say.  A transfer that was given a part of its answer is
 * therefore looked at once more.
 */
#include "multi.h"

#include "settings.h"

#include <swarm/fiber.h>
#include <swarm/log.h>
#include <swarm/loop.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 64                        /* of answers that come in parts */

struct registration {
	struct swarm_watch *watch;
	unsigned want;
	bool active;                    /* libcurl is interested */
	bool sends;                     /* and only in sending */
};

static CURLM *multi;
static struct swarm_alarm *alarm_clock;
static struct registration *registrations;      /* by descriptor */
static size_t registration_count;
static bool due;                        /* libcurl's timer is at zero */
static bool driving;
static struct multi_job *fed;           /* in this call into libcurl */

/* ---- driving ---- */

static void collect(void)
{
	struct multi_job *job;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
		    &job) != CURLE_OK || !job)
			continue;
		job->result = msg->data.result;
		job->ended = swarm_now();
		swarm_wake(job->waker);
	}
}

void multi_fed(struct multi_job *job)
{
	if (job->is_fed)
		return;
	job->is_fed = true;
	job->next_fed = fed;
	fed = job;
}

/* Those that got something and are not done are to be looked at again, which
 * libcurl does when sending goes on after a pause: whether there are any. */
static bool call_again(void)
{
	struct multi_job *job;
	bool any = false;

	while ((job = fed) != NULL) {
		fed = job->next_fed;
		job->is_fed = false;
		if (job->ended || job->paused)
			continue;
		curl_easy_pause(job->easy, CURLPAUSE_SEND);
		curl_easy_pause(job->easy, CURLPAUSE_CONT);
		any = true;
	}
	return any;
}

/* What follows from a call into libcurl.  After some turns other users go
 * first; the timer that has been set goes on. */
static void see_to(void)
{
	unsigned turns = 0;
	int running;

	collect();
	while (call_again() && due && turns++ < TURNS) {
		due = false;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0,
		    &running);
		collect();
	}
}

static void act(curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(multi, fd, what, &running);
	see_to();
}

/* The end of every call into libcurl. */
static void leave(void)
{
	driving = false;
	if (!due)
		return;
	due = false;
	swarm_alarm_set(alarm_clock, swarm_now());
}

static void drive(curl_socket_t fd, int what)
{
	driving = true;
	act(fd, what);
	if (due) {
		due = false;
		act(CURL_SOCKET_TIMEOUT, 0);
	}
	leave();
}

static void on_alarm(void *arg)
{
	(void)arg;
	drive(CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *m, long ms, void *arg)
{
	(void)m;
	(void)arg;
	due = ms == 0;
	if (ms == 0 && !driving)
		swarm_alarm_set(alarm_clock, swarm_now());
	else if (ms > 0)
		swarm_alarm_set(alarm_clock,
		    swarm_now() + (int64_t)ms * 1000000);
	else
		swarm_alarm_set(alarm_clock, SWARM_FOREVER);
	return 0;
}

/* ---- descriptors ---- */

static struct registration *registration_of(int fd)
{
	size_t count = registration_count ? registration_count : 256;
	struct registration *grown;

	if (fd < 0)
		return NULL;
	while (count <= (size_t)fd)
		count *= 2;
	if (count != registration_count) {
		grown = realloc(registrations, count * sizeof *grown);
		if (!grown)
			return NULL;
		memset(grown + registration_count, 0,
		    (count - registration_count) * sizeof *grown);
		registrations = grown;
		registration_count = count;
	}
	return &registrations[fd];
}

static void set_want(struct registration *r, unsigned want)
{
	if (r->want == want)
		return;
	swarm_watch_want(r->watch, want);
	r->want = want;
}

static void drop(struct registration *r)
{
	swarm_watch_free(r->watch);
	memset(r, 0, sizeof *r);
}

static void on_ready(int fd, unsigned ready, void *arg)
{
	struct registration *r = &registrations[fd];
	int what = 0;

	(void)arg;
	if (!r->active) {
		/* An idle connection was closed: libcurl will see when it
		 * takes it up again. */
		set_want(r, 0);
		return;
	}
	if (ready & SWARM_READ)
		what |= CURL_CSELECT_IN;
	if (ready & SWARM_WRITE)
		what |= CURL_CSELECT_OUT;
	drive(fd, what);
}

/* An answer that is whole before its request has gone ends no transfer: it
 * shows only in that libcurl reads no more. */
static void note_direction(CURL *easy, int what)
{
	struct multi_job *job = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &job) != CURLE_OK ||
	    !job)
		return;
	job->only_sends = what == CURL_POLL_OUT;
	if (job->only_sends && job->waker)
		swarm_wake(job->waker);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
    void *fd_arg)
{
	struct registration *r = registration_of(fd);
	unsigned want = 0;

	(void)arg;
	(void)fd_arg;
	if (!r)
		return -1;
	/* Most requests go out at once. */
	if (r->sends || what == CURL_POLL_OUT)
		note_direction(easy, what);
	r->sends = what == CURL_POLL_OUT;
	if (what == CURL_POLL_REMOVE) {
		/* Only what waits for the next request is worth keeping. */
		r->active = false;
		if (r->want != SWARM_READ)
			drop(r);
		return 0;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		want |= SWARM_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		want |= SWARM_WRITE;
	r->active = true;
	if (r->watch) {
		set_want(r, want);
		return 0;
	}
	r->watch = swarm_watch_new(fd, want, on_ready, NULL);
	r->want = want;
	return r->watch ? 0 : -1;
}

static int on_close(void *arg, curl_socket_t fd)
{
	struct registration *r = registration_of(fd);

	(void)arg;
	if (r)
		drop(r);
	return close(fd);
}

/* libcurl does not tell of every close (not when it gives up connecting): a
 * new descriptor starts without a past. */
static curl_socket_t on_open(void *arg, curlsocktype purpose,
    struct curl_sockaddr *a)
{
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	struct registration *r = registration_of(fd);

	(void)arg;
	(void)purpose;
	if (r)
		drop(r);
	return fd;
}

/* ---- for the rest of the plugin ---- */

int multi_start(void)
{
	multi = curl_multi_init();
	if (!multi) {
		swarm_error("libcurl cannot be set up: out of memory");
		return -1;
	}
	alarm_clock = swarm_alarm_new(on_alarm, NULL);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	/* Idle connections count against this, and those of all users are
	 * meant to stay. */
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1000000L);
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS,
	    (long)settings.streams);
	return 0;
}

void multi_stop(void)
{
	size_t i;

	curl_multi_cleanup(multi);
	multi = NULL;
	for (i = 0; i < registration_count; i++)
		swarm_watch_free(registrations[i].watch);
	free(registrations);
	registrations = NULL;
	registration_count = 0;
	swarm_alarm_free(alarm_clock);
	alarm_clock = NULL;
	due = false;
}

void multi_adopt(struct multi_job *job)
{
	CURL *easy = job->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, job);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

int multi_add(struct multi_job *job)
{
	job->ended = 0;
	job->only_sends = job->paused = false;
	driving = true;
	if (curl_multi_add_handle(multi, job->easy) != CURLM_OK) {
		driving = false;
		return -1;
	}
	due = false;
	act(CURL_SOCKET_TIMEOUT, 0);
	leave();
	return 0;
}

void multi_remove(struct multi_job *job)
{
	curl_multi_remove_handle(multi, job->easy);
}

void multi_unpause(struct multi_job *job)
{
	driving = true;
	job->paused = false;
	curl_easy_pause(job->easy, CURLPAUSE_CONT);
	see_to();
	leave();
}
