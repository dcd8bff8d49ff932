/*
 * The life of a socket: connect, lose, connect again, close, free.
 *
 * Connecting is a fiber that walks through the phases and waits for the
 * state; once open, a socket is served by the loop and no fiber belongs to
 * it.  One alarm, made when first needed, serves pings, the end of a close and
 * the time to connect again.
 */
#include "client.h"

#include "engine.h"
#include "inbox.h"
#include "rows.h"

#include <swarm/fiber.h>
#include <swarm/log.h>
#include <swarm/net.h>
#include <swarm/stats.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE_WAIT_S  5.0
#define GOING_AWAY    1001
#define NORMAL        1000
#define REASON_MAX    120u
#define ADDRESSES     8               /* of a name, tried in turn */

/* Of connects in one pass of the loop. */
#define CONNECT_PASS_NS 10000000

struct args_defaults client_defaults;
int client_queue;
int client_slot;

int client_fail(struct ws *w, int error, const char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	vsnprintf(w->text, sizeof w->text, fmt, list);
	va_end(list);
	errno = error;
	return -1;
}

int64_t client_deadline(const struct ws *w, double seconds)
{
	if (seconds <= 0)
		seconds = w->args ? w->args->a.timeout :
		    client_defaults.timeout;
	return swarm_in(seconds);
}

void client_ref(struct ws *w)
{
	w->refs++;
}

void client_unref(struct ws *w)
{
	if (--w->refs > 0)
		return;
	free(w->protocol);
	free(w->reason);
	free(w->args);
	free(w);
}

/* ---- the alarm ---- */

static void connect_again_fiber(void *arg);

static void on_alarm(void *arg)
{
	struct ws *w = arg;

	if (w->state == CLIENT_CLOSING) {
		engine_kill(w);
		return;
	}
	if (w->state == CLIENT_DOWN) {
		if (w->retrying && !w->connecting) {
			client_ref(w);
			swarm_spawn(w->user, connect_again_fiber, w);
		}
		return;
	}
	if (w->state != CLIENT_OPEN)
		return;
	if (w->ping_owed) {
		client_fail(w, ETIMEDOUT, "a ping was not answered");
		engine_kill(w);
		return;
	}
	swarm_alarm_set(w->alarm, swarm_in(w->args->a.ping_interval));
	send_ping_now(w);
}

static void set_alarm(struct ws *w, double seconds)
{
	if (w->freed)
		return;
	if (!w->alarm)
		w->alarm = swarm_alarm_new(on_alarm, w);
	swarm_alarm_set(w->alarm, swarm_in(seconds));
}

static void settle_ping(struct ws *w)
{
	if (!w->ping_owed)
		return;
	w->ping_owed = false;
	rows_add(ROWS_PINGS_OUT, -1);
}

void client_ponged(struct ws *w, const void *payload, size_t len)
{
	if (!w->ping_owed || len != sizeof w->ping_id ||
	    memcmp(payload, &w->ping_id, len) != 0)
		return;
	settle_ping(w);
	w->ponged = swarm_now();
	w->ping_ns = w->ponged - w->pinged;
	rows_phase(ROWS_PING, w->ping_ns);
	swarm_waiters_wake(&w->changed);
}

void client_opened(struct ws *w)
{
	w->asked = w->server_said = false;
	if (w->args->a.ping_interval > 0)
		set_alarm(w, w->args->a.ping_interval);
}

void client_closing(struct ws *w)
{
	set_alarm(w, CLOSE_WAIT_S);
	swarm_waiters_wake(&w->changed);
	inbox_wake(w);
}

static void plan_retry(struct ws *w)
{
	const struct ws_connect_args *a = &w->args->a;
	double most = a->reconnect_min;

	w->retrying = false;
	if (most <= 0 || w->freed || w->asked ||
	    (w->server_said && w->code == NORMAL))
		return;
	for (unsigned i = 1; i < w->failures && most < a->reconnect_max; i++)
		most *= 2;
	if (most > a->reconnect_max)
		most = a->reconnect_max;
	w->retrying = true;
	set_alarm(w, most * (double)((uint64_t)swarm_now() * 0x9e3779b97f4a7c15u
	    >> 40) / (double)(1 << 24));
}

void client_ended(struct ws *w)
{
	bool was_open = w->state >= CLIENT_OPEN;

	w->state = CLIENT_DOWN;
	settle_ping(w);
	inbox_cut(w);
	if (w->alarm)
		swarm_alarm_set(w->alarm, SWARM_FOREVER);
	if (was_open && !w->connecting)
		plan_retry(w);
	swarm_waiters_wake(&w->changed);
	inbox_wake(w);
}

/* ---- connecting ---- */

static void record_phases(const struct ws *w)
{
	rows_phase(ROWS_TCP, w->connected - w->tcp_start);
	if (w->args->url.tls)
		rows_phase(ROWS_TLS, w->secured - w->connected);
	rows_phase(ROWS_UPGRADE, w->opened - w->secured);
}

static const char *phase_name(const struct ws *w)
{
	switch (w->state) {
	case CLIENT_TCP:
		return "connect: timed out";
	case CLIENT_TLS:
		return "TLS: timed out";
	default:
		return "upgrade: timed out";
	}
}

/* One address; 0 or -1 with errno. */
static int try_address(struct ws *w, const char *address, int64_t deadline)
{
	int error;

	if (engine_connect(w, address) == -1) {
		w->state = CLIENT_DOWN;
		return -1;
	}
	while (w->state > CLIENT_DOWN && w->state < CLIENT_OPEN) {
		if (swarm_waiters_wait(&w->changed, deadline) == 0)
			continue;
		error = errno;
		const char *late = phase_name(w);

		engine_kill(w);
		w->state = CLIENT_DOWN;
		return client_fail(w, error, "%s", late);
	}
	/* Opened, and perhaps closed since. */
	if (w->opened)
		return 0;
	errno = w->error_number ? w->error_number : EPROTO;
	return -1;
}

static int try_all(struct ws *w, int64_t deadline)
{
	char found[ADDRESSES][SWARM_ADDRESS_SIZE], why[sizeof w->text];
	int64_t start = swarm_now();
	int n, rc = -1;

	/* The library would look it up on the loop. */
	n = swarm_resolve(w->args->url.host, found, ADDRESSES, deadline, why,
	    sizeof why);
	if (n == -1)
		return client_fail(w, errno, "%s", why);
	rows_phase(ROWS_RESOLVE, swarm_now() - start);
	for (int i = 0; i < n && rc == -1 && !w->freed; i++) {
		w->status = 0;
		rc = try_address(w, found[i], deadline);
		if (rc == -1 && (w->status || errno == ECANCELED ||
		    errno == ETIMEDOUT))
			break;
	}
	return rc;
}

/* Thousands of users may begin at once, and a connect() takes milliseconds when
 * the machine is short of ports: what else the loop has to do comes between. */
static int take_turn(void)
{
	static int64_t until;

	while (swarm_now() >= until) {
		int64_t seen = until;

		if (swarm_sleep(0) == -1)
			return -1;
		/* The first one of this pass. */
		if (until == seen)
			until = swarm_now() + CONNECT_PASS_NS;
	}
	return 0;
}

static int attempt(struct ws *w, const char *name)
{
	struct swarm_timer t = swarm_begin_at(w->user, rows_series(name),
	    swarm_now());
	int error, rc;

	w->connecting = true;
	w->asked = w->server_said = false;
	w->text[0] = 0;
	w->opened = 0;
	client_ref(w);
	rc = take_turn();
	if (rc == 0)
		rc = try_all(w, client_deadline(w, 0));
	error = errno;
	w->connecting = false;
	if (rc == 0) {
		record_phases(w);
		swarm_done_at(&t, w->opened, 0);
		w->failures = 0;
		w->retrying = false;
	} else if (error == ECANCELED || w->freed) {
		swarm_drop(&t);
	} else {
		swarm_fail(&t, "%s", w->text);
		rows_add(ROWS_CONNECT_FAIL, 1);
		if (w->status && w->status != 101)
			rows_refused(w->status);
		w->failures++;
	}
	if (w->state == CLIENT_DOWN && error != ECANCELED)
		plan_retry(w);
	swarm_waiters_wake(&w->changed);
	inbox_wake(w);
	client_unref(w);
	errno = error;
	return rc;
}

static void connect_again_fiber(void *arg)
{
	struct ws *w = arg;

	if (!w->freed && w->retrying && w->state == CLIENT_DOWN &&
	    attempt(w, "reconnect") == 0)
		w->reconnects++;
	client_unref(w);
}

int client_reconnect(struct ws *w)
{
	int rc;

	if (!w || !w->args) {
		errno = ENOTCONN;
		return -1;
	}
	while (w->connecting || w->state == CLIENT_CLOSING) {
		if (swarm_waiters_wait(&w->changed, SWARM_FOREVER) == -1)
			return -1;
	}
	if (w->state == CLIENT_OPEN)
		return 0;
	w->retrying = false;
	rc = attempt(w, "reconnect");
	if (rc == 0)
		w->reconnects++;
	return rc;
}

struct ws *client_connect(struct swarm_user *u, const struct ws_connect_args *a)
{
	struct ws **list = swarm_slot(u, client_slot);
	struct ws *w = calloc(1, sizeof *w);
	const char *why;

	if (!w) {
		swarm_error("out of memory");
		abort();
	}
	w->user = u;
	w->refs = 1;
	w->next = *list;
	*list = w;
	inbox_init(w);
	w->args = args_new(u, a, &client_defaults, &why);
	if (!w->args) {
		/* A failed sample too: a run must not pass with it. */
		struct swarm_timer t = swarm_begin(u, "WS", "connect");

		client_fail(w, errno, "%s", why);
		swarm_fail(&t, "%s", why);
		return w;
	}
	attempt(w, w->args->a.name);
	return w;
}

/* ---- closing ---- */

static bool may_send(int code)
{
	return (code >= 1000 && code <= 1003) ||
	    (code >= 1007 && code <= 1011) || (code >= 3000 && code <= 4999);
}

/* The close frame; the socket's buffer must be empty for it. */
static int say_goodbye(struct ws *w, int code, const char *reason,
    int64_t deadline)
{
	while (w->state == CLIENT_OPEN && (w->wants_write || w->sending)) {
		if (swarm_waiters_wait(&w->changed, deadline) == -1)
			return -1;
	}
	if (w->state != CLIENT_OPEN) {
		errno = ENOTCONN;
		return -1;
	}
	w->asked = true;
	w->code = code;
	w->state = CLIENT_CLOSING;
	engine_close(w, code, reason, strlen(reason));
	return 0;
}

static int close_and_wait(struct ws *w, int code, const char *reason,
    int64_t deadline)
{
	int rc = say_goodbye(w, code, reason, deadline);

	while (rc == 0 && w->state != CLIENT_DOWN)
		rc = swarm_waiters_wait(&w->changed, deadline);
	if (rc == -1 && w->state != CLIENT_DOWN) {
		int error = errno;

		w->asked = true;
		w->code = code;
		engine_kill(w);
		errno = error;
	}
	return rc;
}

int client_close(struct ws *w, const struct ws_close_args *from)
{
	struct ws_close_args a;
	struct swarm_timer t;
	int rc, error;

	if (!w) {
		errno = ENOTCONN;
		return -1;
	}
	sized_copy(&a, sizeof a, from, from->size);
	if (a.code == 0)
		a.code = NORMAL;
	if (!a.reason)
		a.reason = "";
	w->retrying = false;
	if (!may_send(a.code) || strlen(a.reason) > REASON_MAX)
		return client_fail(w, EINVAL, "the close code or reason "
		    "cannot be sent");
	if (w->state != CLIENT_OPEN)
		return client_fail(w, ENOTCONN, "not connected");
	client_ref(w);
	t = swarm_begin_at(w->user, rows_series(a.name ? a.name : "close"),
	    swarm_now());
	rc = close_and_wait(w, a.code, a.reason,
	    swarm_in(a.timeout > 0 ? a.timeout : CLOSE_WAIT_S));
	error = errno;
	if (rc == 0) {
		w->text[0] = 0;
		swarm_done(&t, 0);
	} else if (error == ECANCELED) {
		swarm_drop(&t);
	} else {
		if (error == ETIMEDOUT)
			client_fail(w, error, "the close was not answered in "
			    "time");
		swarm_fail(&t, "%s", w->text);
	}
	client_unref(w);
	errno = error;
	return rc;
}

static void leave(struct ws *w)
{
	if (w->state == CLIENT_OPEN && !w->wants_write && !w->sending) {
		w->asked = true;
		w->code = GOING_AWAY;
		w->state = CLIENT_CLOSING;
		engine_close(w, GOING_AWAY, "", 0);
	}
	if (w->state == CLIENT_OPEN) {
		w->asked = true;
		w->code = GOING_AWAY;
	}
	engine_kill(w);
	w->state = CLIENT_DOWN;
}

static void take_off_list(struct ws *w)
{
	struct ws **at = swarm_slot(w->user, client_slot);

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
}

void client_let_go(struct ws *w)
{
	leave(w);
	swarm_alarm_free(w->alarm);
	w->alarm = NULL;
	inbox_release(w);
	swarm_waiters_wake(&w->changed);
	inbox_wake(w);
	client_unref(w);
}

void client_free(struct ws *w)
{
	if (!w || w->freed)
		return;
	take_off_list(w);
	w->freed = true;
	w->retrying = false;
	w->handler = NULL;
	w->filter = NULL;
	if (!engine_defer(w))
		client_let_go(w);
}

void client_free_all(struct swarm_user *u, void *slot)
{
	struct ws **list = slot;

	(void)u;
	while (*list)
		client_free(*list);
}
