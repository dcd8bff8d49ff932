/*
 * The sampler.  One connection in the whole run: it is made by the master,
 * which has no users to disturb, on a thread of its own, so that neither names
 * nor a slow server can hold up the master's loop.
 *
 * The first look is waited for before the users start, and the last one is
 * taken when their sessions have gone: a server publishes what a session did
 * when it ends, at the latest.  Both waits have a limit, after which the run
 * goes on without.
 */
#include "pgo_server.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <swarm/hooks.h>
#include <swarm/log.h>
#include <swarm/measure.h>
#include <swarm/stats.h>
#include <swarm/user.h>

#include "pgc_target.h"
#include "pgo_look.h"

#define START_WAIT 6.0          /* seconds for the first look */
#define OTHERS_WAIT 1.0         /* for the sessions to go */
#define STOP_WAIT 3.0           /* for the last look */
#define TOP 5                   /* statements shown */

/* Shared by the two threads under its mutex, but for what is marked.  The last
 * of them to let go frees it. */
struct server {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pthread_t thread;
	char *conninfo;                 /* not changed */
	double interval;                /* not changed */
	struct pgo_look *look;          /* the thread's */
	int fd;                         /* its connection's, or -1 */
	bool started;                   /* the first look is there, or not */
	bool stopping;
	bool cut;                       /* its connections are of no more use */
	bool ended;
	bool abandoned;                 /* the thread frees this */
	char error[PGO_ERROR_MAX];      /* of the last try; "" */
	struct pgo_figures *first;      /* taken, to be reported */
	struct pgo_figures **last;
};

static struct {
	const char *conninfo;
	double interval;                /* 0: not wanted */
	struct server *server;
	bool warned;
	uint32_t looks;                 /* counter */
} watch;

void pgo_server_watch(const char *conninfo, double interval)
{
	watch.conninfo = conninfo;
	watch.interval = interval;
}

/* ---- shared ---- */

static void server_free(struct server *s)
{
	pgo_look_free(s->look);
	while (s->first != NULL) {
		struct pgo_figures *f = s->first;

		s->first = f->next;
		pgo_figures_release(f);
		free(f);
	}
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->mutex);
	free(s->conninfo);
	free(s);
}

static struct timespec in(double seconds)
{
	struct timespec ts;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ns = ts.tv_nsec + (int64_t)(seconds * 1e9);
	ts.tv_sec += ns / 1000000000;
	ts.tv_nsec = ns % 1000000000;
	return ts;
}

/* With the mutex held: until *flag, false when the time is over first. */
static bool wait_for(struct server *s, const bool *flag, double seconds)
{
	struct timespec until = in(seconds);
	int rc = 0;

	while (!*flag && rc == 0)
		rc = pthread_cond_timedwait(&s->changed, &s->mutex, &until);
	return *flag;
}

/* ---- the thread ---- */

/* With the mutex held.  A descriptor of our own: libpq closes its own when it
 * likes, and the number may then be another's. */
static void set_fd(struct server *s, int fd)
{
	if (s->fd != -1)
		close(s->fd);
	s->fd = fd;
}

static bool connect_look(struct server *s)
{
	char error[PGO_ERROR_MAX] = "";
	int rc = pgo_look_connect(s->look, s->conninfo, error);

	pthread_mutex_lock(&s->mutex);
	set_fd(s, rc == 0 ? fcntl(pgo_look_socket(s->look), F_DUPFD_CLOEXEC,
	    0) : -1);
	snprintf(s->error, sizeof(s->error), "%s", error);
	if (s->cut)
		rc = -1;
	pthread_mutex_unlock(&s->mutex);
	return rc == 0;
}

/* One look, and the statements after the last: false when it must connect
 * again. */
static bool take(struct server *s, bool is_last)
{
	struct pgo_figures *f = calloc(1, sizeof(*f));
	char error[PGO_ERROR_MAX] = "";
	int rc;

	if (f == NULL)
		return true;
	rc = pgo_look_take(s->look, f, error);
	f->complete = rc == 0;
	if (rc == 0 && is_last)
		pgo_look_statements(s->look, f, TOP);
	pthread_mutex_lock(&s->mutex);
	if (rc == -1)
		set_fd(s, -1);
	snprintf(s->error, sizeof(s->error), "%s", error);
	*s->last = f;
	s->last = &f->next;
	pthread_mutex_unlock(&s->mutex);
	return rc == 0;
}

/* Until the users' sessions have ended. */
static void await_others(struct server *s)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct timespec until = in(OTHERS_WAIT);
	struct timespec now = until;

	while (pgo_look_others(s->look) > 0) {
		nanosleep(&pause, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > until.tv_sec || (now.tv_sec ==
		    until.tv_sec && now.tv_nsec >= until.tv_nsec))
			return;
	}
}

/* A server that was away gets one more chance at once. */
static bool connect_and_take(struct server *s, bool connected, bool is_last)
{
	if (connected) {
		if (is_last)
			await_others(s);
		if (take(s, is_last))
			return true;
	}
	return connect_look(s) && take(s, is_last);
}

static void *look_on(void *arg)
{
	struct server *s = arg;
	bool connected = connect_and_take(s, false, false);
	bool last = false;
	bool abandoned;

	pthread_mutex_lock(&s->mutex);
	s->started = true;
	pthread_cond_broadcast(&s->changed);
	while (!last && !s->cut) {
		last = wait_for(s, &s->stopping, s->interval);
		pthread_mutex_unlock(&s->mutex);
		connected = connect_and_take(s, connected, last);
		pthread_mutex_lock(&s->mutex);
	}
	set_fd(s, -1);
	s->ended = true;
	abandoned = s->abandoned;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
	if (abandoned)
		server_free(s);
	return NULL;
}

/* ---- the master's loop ---- */

static void report(const struct pgo_figure *f)
{
	char name[PGO_NAME_MAX + 16];

	snprintf(name, sizeof(name), "pg_%s", f->name);
	if (f->is_level)
		swarm_record(swarm_metric(SWARM_GAUGE, name, NULL), f->value);
	else if (f->value != 0)
		swarm_count(swarm_counter(name), (int64_t)f->value);
}

/* What has been taken since the last time. */
static void drain(struct server *s)
{
	struct pgo_figures *all;
	char error[PGO_ERROR_MAX];
	size_t i;

	pthread_mutex_lock(&s->mutex);
	all = s->first;
	s->first = NULL;
	s->last = &s->first;
	snprintf(error, sizeof(error), "%s", s->error);
	pthread_mutex_unlock(&s->mutex);
	while (all != NULL) {
		struct pgo_figures *f = all;

		all = f->next;
		for (i = 0; i < f->count; i++)
			report(&f->at[i]);
		swarm_count(watch.looks, f->complete);
		pgo_figures_release(f);
		free(f);
	}
	if (error[0] == '\0') {
		watch.warned = false;
	} else if (!watch.warned) {
		swarm_warn("no figures from the server: %s", error);
		watch.warned = true;
	}
}

static struct server *server_new(void)
{
	struct server *s = calloc(1, sizeof(*s));
	const char *given = watch.conninfo;
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	if (given == NULL || given[0] == '\0')
		given = swarm_host(NULL);
	s->conninfo = pgc_target_string(given);
	s->look = pgo_look_new();
	if (s->conninfo == NULL || s->look == NULL) {
		free(s->conninfo);
		free(s->look);
		free(s);
		return NULL;
	}
	s->interval = watch.interval;
	s->fd = -1;
	s->last = &s->first;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

static void test_start(void)
{
	struct server *s;

	if (watch.interval <= 0 || swarm_is_worker() || watch.server != NULL)
		return;
	watch.warned = false;
	watch.looks = swarm_counter("pg_server_looks");
	s = server_new();
	if (s == NULL || pthread_create(&s->thread, NULL, look_on, s) != 0) {
		swarm_warn("no figures from the server: out of memory");
		if (s != NULL)
			server_free(s);
		return;
	}
	watch.server = s;
	pthread_mutex_lock(&s->mutex);
	wait_for(s, &s->started, START_WAIT);
	pthread_mutex_unlock(&s->mutex);
	drain(s);
}

static void tick(double seconds)
{
	(void)seconds;
	if (watch.server != NULL)
		drain(watch.server);
}

/* The last look; a server that does not answer is cut off. */
static void test_stop(void)
{
	struct server *s = watch.server;
	bool ended;
	bool cut;

	if (s == NULL)
		return;
	watch.server = NULL;
	pthread_mutex_lock(&s->mutex);
	s->stopping = true;
	pthread_cond_broadcast(&s->changed);
	ended = wait_for(s, &s->ended, STOP_WAIT);
	if (!ended) {
		s->cut = true;
		if (s->fd != -1)
			shutdown(s->fd, SHUT_RDWR);
		ended = wait_for(s, &s->ended, OTHERS_WAIT);
	}
	cut = s->cut;
	s->abandoned = !ended;
	if (!ended)
		pthread_detach(s->thread);
	pthread_mutex_unlock(&s->mutex);
	if (cut)
		swarm_warn("the server did not answer in time: its last "
		    "figures are missing");
	if (!ended)
		return;
	pthread_join(s->thread, NULL);
	watch.warned = watch.warned || cut;
	drain(s);
	server_free(s);
}

const struct swarm_hooks pgo_server_hooks = {
	SWARM_IFACE(struct swarm_hooks, 0),
	.test_start = test_start,
	.tick = tick,
	.test_stop = test_stop,
};
