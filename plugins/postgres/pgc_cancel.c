/*
 * libpq (before 17) sends such a request by a call that blocks until the
 * server has closed the connection it came on; a server that takes connections
 * but does not serve them blocks it for ever.  So each runs in a thread that
 * can be left behind, and not in the few that swarm_offload() has for
 * everybody; a gate keeps their number small.
 */
#include "pgc_cancel.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <swarm/fiber.h>
#include <swarm/log.h>
#include <swarm/loop.h>

#include "pgc_thread.h"
#include "pgc_turn.h"

#define AT_ONCE 32

struct cancel {
	PGcancel *request;
	bool sent;
	char error[256];
	/* The loop's. */
	bool done;
	struct swarm_waker *waker;      /* NULL: nobody waits for it */
};

static struct pgc_gate gate = { .limit = AT_ONCE };

/* Whether there is a loop to tell. */
static struct {
	pthread_mutex_t mutex;
	bool runs;
} loop = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void cancel_free(struct cancel *c)
{
	PQfreeCancel(c->request);
	free(c);
}

static void finish(void *arg)
{
	struct cancel *c = arg;

	pgc_gate_leave(&gate);
	if (c->waker == NULL) {
		cancel_free(c);
		return;
	}
	c->done = true;
	swarm_wake(c->waker);
}

static void *run(void *arg)
{
	struct cancel *c = arg;

	c->sent = PQcancel(c->request, c->error, sizeof(c->error)) == 1;
	pthread_mutex_lock(&loop.mutex);
	if (loop.runs)
		swarm_post(finish, c);
	else
		cancel_free(c);
	pthread_mutex_unlock(&loop.mutex);
	return NULL;
}

/* Under way, or NULL with errno. */
static struct cancel *start(PGconn *pq)
{
	struct cancel *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return NULL;
	c->request = PQgetCancel(pq);
	rc = c->request != NULL ? pgc_thread_start(run, c) : ENOTCONN;
	if (rc == 0)
		return c;
	cancel_free(c);
	errno = rc;
	return NULL;
}

/* Until it is done: 0, or as the wait. */
static int await(struct cancel *c, int64_t deadline)
{
	int rc = 0;
	int error;

	c->waker = swarm_waker();
	while (rc == 0 && !c->done)
		rc = swarm_park(deadline);
	error = errno;
	swarm_waker_free(c->waker);
	c->waker = NULL;
	errno = error;
	return c->done ? 0 : -1;
}

int pgc_cancel_send(PGconn *pq, int64_t deadline)
{
	struct cancel *c;
	bool sent;

	if (pgc_gate_enter(&gate, deadline) == -1)
		return -1;
	c = start(pq);
	if (c == NULL) {
		int error = errno;

		pgc_gate_leave(&gate);
		errno = error;
		return -1;
	}
	if (await(c, deadline) == -1)
		return -1;
	sent = c->sent;
	if (!sent)
		swarm_debug("cancel request: %s", c->error);
	cancel_free(c);
	errno = EIO;
	return sent ? 0 : -1;
}

static void set_runs(bool runs)
{
	pthread_mutex_lock(&loop.mutex);
	loop.runs = runs;
	pthread_mutex_unlock(&loop.mutex);
}

void pgc_cancel_init(void)
{
	set_runs(true);
}

void pgc_cancel_release(void)
{
	set_runs(false);
}
