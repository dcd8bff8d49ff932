/*
 * A client's life: connecting, reconnecting, losing its connection, the end.
 *
 * Connecting needs a fiber (the user's, or a helper's for a reconnect).  A
 * client outlives its connections, and is freed when nobody uses it any more:
 * the user that holds it, a helper fiber, a callback under way.
 */
#include "client.h"

#include "reason.h"
#include "rows.h"

#include <swarm/fiber.h>
#include <swarm/log.h>
#include <swarm/user.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a disconnect waits for acknowledgements under way. */
#define LINGER 1.0

static int slot;
static unsigned clients;                /* of this worker */

unsigned client_count(void)
{
	return clients;
}

int client_fail(struct mqtt *m, int error, int reason, const char *fmt, ...)
{
	struct client *c = client_of(m);
	va_list ap;

	c->reason = reason;
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof c->text, fmt, ap);
	va_end(ap);
	errno = error;
	return -1;
}

int client_refuse(struct mqtt *m, struct swarm_timer *t, int error,
    const char *why)
{
	swarm_fail(t, "%s", why);
	return client_fail(m, error, 0, "%s", why);
}

void client_limits_release(struct client_limits *l)
{
	free(l->assigned_id);
	free(l->response_information);
	free(l->server_reference);
	*l = (struct client_limits){ .assigned_id = NULL };
}

void client_unref(struct mqtt *m)
{
	struct client *c = client_of(m);

	if (--c->refs > 0)
		return;
	/* What came while a connect ended. */
	inbox_release(&c->inbox);
	client_limits_release(&c->limits);
	free(c->settings);
	free(m);
}

int client_flush(struct mqtt *m, int64_t deadline)
{
	while (m && provider.busy(m)) {
		if (swarm_waiters_wait(&client_of(m)->changed, deadline) == -1)
			return -1;
	}
	return 0;
}

/* ---- the end of a connection ---- */

static void plan_retry(struct mqtt *m)
{
	struct client *c = client_of(m);
	const struct mqtt_connect_args *a = &c->settings->args;
	double most = a->reconnect_min;

	c->retrying = a->reconnect_min > 0 && !c->closing && !c->freed &&
	    (a->reconnect_limit == 0 || c->failures < a->reconnect_limit);
	if (!c->retrying) {
		/* Who waits for messages waits in vain. */
		swarm_waiters_wake(&c->inbox.waiters);
		return;
	}
	for (unsigned i = 0; i < c->failures && most < a->reconnect_max; i++)
		most *= 2;
	if (most > a->reconnect_max)
		most = a->reconnect_max;
	c->retry_at = swarm_in(most * swarm_uniform(c->user));
	client_arm(m);
}

void client_lost(struct mqtt *m, int reason, const char *why)
{
	struct client *c = client_of(m);
	bool was_up = c->connected;

	c->connected = false;
	if (reason)
		client_fail(m, ENOTCONN, reason, "%s: %s", why,
		    reason_name(reason));
	else
		client_fail(m, ENOTCONN, 0, "%s", why);
	if (was_up && !c->closing) {
		rows_count(ROWS_LOST);
		plan_retry(m);
	}
	if (was_up)
		provider.abandon(m, c->settings->args.keep_session &&
		    c->retrying, c->closing && swarm_stopping(c->user) ?
		    ECANCELED : ENOTCONN, why);
	swarm_waiters_wake(&c->changed);
	swarm_waiters_wake(&c->inbox.waiters);
}

/* ---- the alarm ---- */

void client_arm(struct mqtt *m)
{
	struct client *c = client_of(m);
	int64_t at = provider.next(m);

	if (c->retrying && !c->connecting && c->retry_at < at)
		at = c->retry_at;
	swarm_alarm_set(c->alarm, at);
}

static int connect_again(struct mqtt *m);

static void retry_fiber(void *arg)
{
	struct mqtt *m = arg;
	struct client *c = arg;

	if (!c->freed && !c->connected && !c->connecting &&
	    connect_again(m) == -1 && errno != ECANCELED)
		plan_retry(m);
	client_unref(m);
}

static void tick(void *arg)
{
	struct mqtt *m = arg;
	struct client *c = arg;
	int64_t now = swarm_now();

	c->refs++;
	provider.tick(m, now);
	if (c->retrying && !c->connecting && c->retry_at <= now) {
		c->retry_at = SWARM_FOREVER;
		c->refs++;
		swarm_spawn(c->user, retry_fiber, m);
	}
	if (!c->freed)
		client_arm(m);
	client_unref(m);
}

/* ---- connecting ---- */

/* The end of a failed connect; reason and text say why. */
static int connect_failed(struct mqtt *m, struct swarm_timer *t, int64_t when,
    int error)
{
	if (error == ECANCELED)
		swarm_drop(t);
	else
		swarm_fail_at(t, when, "%s", client_of(m)->text);
	if (error == ECONNREFUSED)
		rows_count(ROWS_REFUSED);
	else if (error == ETIMEDOUT)
		rows_count(ROWS_TIMEOUT);
	else if (error == EHOSTUNREACH || error == ENETUNREACH)
		rows_count(ROWS_UNREACHABLE);
	errno = error;
	return -1;
}

static void connected(struct mqtt *m)
{
	struct client *c = client_of(m);

	c->retrying = false;
	c->failures = 0;
	c->reason = 0;
	c->text[0] = 0;
	client_arm(m);
}

static int attempt(struct mqtt *m, const char *name)
{
	struct client *c = client_of(m);
	struct swarm_timer t = swarm_begin_at(c->user,
	    rows_series("", 0, "", name), swarm_now());
	int64_t when = 0;
	int rc, error = 0;

	c->connecting = true;
	c->closing = false;
	rc = provider.open(m, swarm_in(c->settings->args.timeout), &when);
	c->connecting = false;
	if (c->freed) {
		provider.release(m);
		c->connected = false;
		swarm_drop(&t);
		rc = -1;
		error = ECANCELED;
	} else if (rc == -1) {
		error = errno;
		connect_failed(m, &t, when ? when : swarm_now(), error);
	} else {
		swarm_done_at(&t, when, 0);
		connected(m);
	}
	swarm_waiters_wake(&c->changed);
	errno = error;
	return rc;
}

static int connect_again(struct mqtt *m)
{
	struct client *c = client_of(m);
	int rc = attempt(m, "reconnect");

	if (rc == 0)
		c->reconnects++;
	else
		c->failures++;
	if (rc == 0 || errno != ECANCELED)
		rows_count(rc == 0 ? ROWS_RECONNECT_SUCC :
		    ROWS_RECONNECT_FAIL);
	return rc;
}

int client_reconnect(struct mqtt *m)
{
	struct client *c = client_of(m);

	if (!m || !c->settings) {
		errno = ENOTCONN;
		return -1;
	}
	while (c->connecting) {
		if (swarm_waiters_wait(&c->changed, SWARM_FOREVER) == -1)
			return -1;
	}
	if (c->freed) {
		errno = ENOTCONN;
		return -1;
	}
	if (c->connected)
		return 0;
	c->retrying = false;
	return connect_again(m);
}

static struct mqtt *make(struct swarm_user *u)
{
	struct mqtt **list = swarm_slot(u, slot);
	struct mqtt *m = calloc(1, provider.size);
	struct client *c = client_of(m);

	if (!m) {
		swarm_error("out of memory");
		abort();
	}
	c->user = u;
	c->refs = 1;
	c->next = *list;
	*list = m;
	c->alarm = swarm_alarm_new(tick, m);
	c->retry_at = SWARM_FOREVER;
	inbox_init(&c->inbox);
	clients++;
	return m;
}

/* A wrong argument is a failed sample too: a run must not pass with it. */
static struct mqtt *refuse(struct mqtt *m, const char *name, int error,
    const char *why)
{
	struct client *c = client_of(m);
	struct swarm_timer t = swarm_begin_at(c->user,
	    rows_series("", 0, "", name), swarm_now());

	client_fail(m, error, 0, "%s", why);
	connect_failed(m, &t, t.start, error);
	free(c->settings);
	c->settings = NULL;
	return m;
}

struct mqtt *client_connect(struct swarm_user *u,
    const struct mqtt_connect_args *a)
{
	struct mqtt *m = make(u);
	struct client *c = client_of(m);
	const char *why;
	int rc;

	c->settings = settings_new(u, a, &client_defaults, &why);
	if (!c->settings)
		return refuse(m, "connect", errno, why);
	why = provider.unsupported ? provider.unsupported(c->settings) : NULL;
	if (why)
		return refuse(m, c->settings->args.name, ENOTSUP, why);
	rc = attempt(m, c->settings->args.name);
	if (rc == 0 || errno != ECANCELED)
		rows_count(rc == 0 ? ROWS_CONNECT_SUCC : ROWS_CONNECT_FAIL);
	if (rc == -1 && errno != ECANCELED) {
		c->failures = 1;
		plan_retry(m);
	}
	return m;
}

/* ---- the end ---- */

int client_disconnect(struct mqtt *m, const struct mqtt_disconnect_args *from)
{
	struct client *c = client_of(m);
	struct mqtt_disconnect_args a;
	struct swarm_timer t;
	int64_t when = 0;

	if (!m || !c->settings) {
		errno = ENOTCONN;
		return -1;
	}
	sized_copy(&a, sizeof a, from, from->size);
	c->closing = true;
	c->retrying = false;
	if (c->connected && !a.abrupt)
		client_flush(m, swarm_in(LINGER));
	if (!c->connected)
		return client_fail(m, ENOTCONN, 0, "not connected");
	t = swarm_begin_at(c->user, rows_series("", 0, "",
	    a.name ? a.name : "disconnect"), swarm_now());
	if (provider.close(m, &a, swarm_in(c->settings->args.timeout),
	    &when) == -1) {
		int error = errno;

		swarm_fail(&t, "%s", c->text);
		errno = error;
		return -1;
	}
	swarm_done_at(&t, when, 0);
	c->text[0] = 0;
	return 0;
}

static void take_off_list(struct mqtt *m)
{
	struct mqtt **at = swarm_slot(client_of(m)->user, slot);

	while (*at != m)
		at = &client_of(*at)->next;
	*at = client_of(m)->next;
}

void client_free(struct mqtt *m)
{
	struct client *c = client_of(m);

	if (!m || c->freed)
		return;
	take_off_list(m);
	c->freed = true;
	c->closing = true;
	c->retrying = false;
	c->inbox.handler = NULL;
	/* A connect under way ends it itself: see attempt(). */
	if (!c->connecting)
		provider.release(m);
	c->connected = false;
	swarm_alarm_free(c->alarm);
	inbox_release(&c->inbox);
	swarm_waiters_wake(&c->changed);
	swarm_waiters_wake(&c->inbox.waiters);
	clients--;
	client_unref(m);
}

static void free_all(struct swarm_user *u, void *memory)
{
	struct mqtt **list = memory;
	int64_t deadline = swarm_in(LINGER);

	(void)u;
	for (struct mqtt *m = *list; m; m = client_of(m)->next) {
		if (client_of(m)->connected)
			client_flush(m, deadline);
	}
	while (*list)
		client_free(*list);
}

void client_start(void)
{
	slot = swarm_slot_new(sizeof(struct mqtt *), free_all);
}
