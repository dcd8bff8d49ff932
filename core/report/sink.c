/*
 * A sink and its thread.
 *
 * The loop puts deltas into a queue and never waits.  When the queue is full
 * the newest delta in it takes the next one up, so that memory is bounded and
 * no count is lost.  The thread keeps rows: what came in the interval and in
 * the whole test.  A refused interval is simply not cleared, so that the next
 * one adds to it.
 *
 * A sink that never comes back from a call can't be ended: it is left with
 * its memory when the process ends, and its module is not unloaded.
 */
#include "report/sink.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "report/sink_view.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_TRIES 4            /* for what was refused, at the end */
#define LAST_PAUSE_MS 500

enum item_kind { ITEM_DELTA, ITEM_EVENT, ITEM_END };

struct item {
	struct item *next;
	enum item_kind kind;
	struct delta *delta;
	struct swarm_sink_event event;
	struct swarm_sink_end end;
	char *text;                     /* of the event; the verdict */
	char *reason;
};

struct sink {
	struct swarm_sink def;
	void *handle;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;            /* in the queue */
	pthread_cond_t over;            /* the thread has ended */
	struct item *first;
	struct item *last;
	unsigned deltas;                /* in the queue */
	unsigned events;
	bool ended;
	/* The thread's, and after it has ended anybody's. */
	struct sink_view view;
	struct sink_account account;
	bool failing;
	char error[512];
	char shown_error[512];
};

static _Thread_local struct sink *current;

SWARM_API int swarm_sink_fail(const char *fmt, ...)
{
	va_list ap;

	if (!current)
		return -1;
	va_start(ap, fmt);
	vsnprintf(current->error, sizeof(current->error), fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- the queue ---- */

static void item_free(struct item *item)
{
	delta_free(item->delta);
	free(item->text);
	free(item->reason);
	free(item);
}

static void append(struct sink *s, struct item *item)
{
	if (s->last)
		s->last->next = item;
	else
		s->first = item;
	s->last = item;
	s->deltas += item->kind == ITEM_DELTA;
	s->events += item->kind == ITEM_EVENT;
	pthread_cond_signal(&s->more);
}

/* The newest waiting delta. */
static struct delta *newest(const struct sink *s)
{
	struct delta *found = NULL;

	for (struct item *i = s->first; i; i = i->next)
		if (i->kind == ITEM_DELTA)
			found = i->delta;
	return found;
}

void sink_put(struct sink *s, struct delta *d)
{
	struct item *item;
	struct delta *before = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->deltas >= SINK_QUEUE)
		before = newest(s);
	if (before && before->test == d->test) {
		delta_merge(before, d);
		delta_free(d);
	} else {
		item = xcalloc(1, sizeof(*item));
		item->kind = ITEM_DELTA;
		item->delta = d;
		append(s, item);
	}
	pthread_mutex_unlock(&s->lock);
}

void sink_event(struct sink *s, unsigned test, double time, double elapsed,
    const char *text)
{
	struct item *item;

	if (!s->def.event)
		return;
	pthread_mutex_lock(&s->lock);
	if (s->events >= SINK_EVENTS) {
		s->account.events_dropped++;
	} else {
		item = xcalloc(1, sizeof(*item));
		item->kind = ITEM_EVENT;
		item->text = xstrdup(text);
		item->event = (struct swarm_sink_event){ sizeof(item->event),
			test, time, elapsed, item->text };
		append(s, item);
	}
	pthread_mutex_unlock(&s->lock);
}

void sink_end(struct sink *s, double time, const char *verdict,
    const char *reason, int exit_code)
{
	struct item *item = xcalloc(1, sizeof(*item));

	item->kind = ITEM_END;
	item->text = xstrdup(verdict);
	item->reason = xstrdup(reason ? reason : "");
	item->end = (struct swarm_sink_end){ sizeof(item->end), time,
		item->text, item->reason, exit_code };
	pthread_mutex_lock(&s->lock);
	append(s, item);
	pthread_mutex_unlock(&s->lock);
}

static struct item *take(struct sink *s)
{
	struct item *item;

	pthread_mutex_lock(&s->lock);
	while (!s->first)
		pthread_cond_wait(&s->more, &s->lock);
	item = s->first;
	s->first = item->next;
	if (!s->first)
		s->last = NULL;
	s->deltas -= item->kind == ITEM_DELTA;
	s->events -= item->kind == ITEM_EVENT;
	pthread_mutex_unlock(&s->lock);
	return item;
}

/* ---- the thread ---- */

/* Says a failure when it begins or changes, and its end. */
static int judge(struct sink *s, int rc, const char *what)
{
	if (rc == 0) {
		if (s->failing)
			log_info("output %s: works again", s->def.name);
		s->failing = false;
		s->shown_error[0] = '\0';
		return 0;
	}
	if (!s->failing || strcmp(s->error, s->shown_error) != 0)
		log_warn("output %s: %s%s", s->def.name, s->error[0] ?
		    s->error : "failed without saying why", what);
	s->failing = true;
	snprintf(s->shown_error, sizeof(s->shown_error), "%s", s->error);
	return -1;
}

static int call_interval(struct sink *s)
{
	unsigned intervals = s->view.shown.intervals;
	int rc;

	sink_view_arrays(&s->view);
	s->error[0] = '\0';
	rc = judge(s, s->def.interval(s->handle, &s->view.shown),
	    "; what was not taken goes with the next second");
	s->view.pending = rc == -1;
	if (rc == 0) {
		s->account.intervals += intervals;
		s->account.joined += intervals - 1;
		sink_view_clear(&s->view);
	}
	return rc;
}

static void give_up(struct sink *s)
{
	s->account.lost += s->view.shown.intervals;
	s->account.lost_requests += s->view.total.shown.requests;
	sink_view_clear(&s->view);
}

static void show_delta(struct sink *s, const struct delta *d)
{
	struct sink_view *v = &s->view;

	if (v->test != 0 && v->test != d->test) {
		if (v->pending && call_interval(s) == -1)
			give_up(s);
		sink_view_release(v);
	}
	sink_view_add(v, d);
	call_interval(s);
}

static void show_end(struct sink *s, const struct swarm_sink_end *end)
{
	struct timespec pause = { .tv_nsec = LAST_PAUSE_MS * 1000000L };

	for (int i = 0; s->view.pending && i < LAST_TRIES; i++) {
		nanosleep(&pause, NULL);
		call_interval(s);
	}
	if (s->view.pending)
		give_up(s);
	s->error[0] = '\0';
	if (s->def.end && judge(s, s->def.end(s->handle, end), "") == -1)
		s->account.end_failed = true;
}

static void *serve(void *arg)
{
	struct sink *s = arg;
	bool ended = false;

	current = s;
	while (!ended) {
		struct item *item = take(s);

		s->error[0] = '\0';
		if (item->kind == ITEM_DELTA)
			show_delta(s, item->delta);
		else if (item->kind == ITEM_EVENT)
			judge(s, s->def.event(s->handle, &item->event),
			    "; an event is not repeated");
		else
			show_end(s, &item->end);
		ended = item->kind == ITEM_END;
		item_free(item);
	}
	if (s->def.stop)
		s->def.stop(s->handle);
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_cond_signal(&s->over);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- its life ---- */

struct sink *sink_start(const struct swarm_sink *def,
    const struct swarm_sink_start *start)
{
	struct sink *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t attr;
	int rc;

	memcpy(&s->def, def, def->head.size < sizeof(*def) ? def->head.size :
	    sizeof(*def));
	s->handle = s->def.start(start);
	if (!s->handle)
		goto free_sink;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->over, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&s->thread, NULL, serve, s);
	if (rc == 0)
		return s;
	errno = rc;
	log_error("output %s: cannot start its thread: %m", s->def.name);
	if (s->def.stop)
		s->def.stop(s->handle);
free_sink:
	free(s);
	return NULL;
}

static void release(struct sink *s)
{
	while (s->first) {
		struct item *next = s->first->next;

		item_free(s->first);
		s->first = next;
	}
	sink_view_release(&s->view);
	pthread_cond_destroy(&s->more);
	pthread_cond_destroy(&s->over);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* What a thread that never came back holds, and what waits behind it. */
static void count_stuck(const struct sink *s, struct sink_account *account)
{
	account->stuck = true;
	for (const struct item *i = s->first; i; i = i->next) {
		if (i->kind != ITEM_DELTA)
			continue;
		account->lost += i->delta->intervals;
		account->lost_requests += i->delta->total.requests;
	}
}

void sink_finish(struct sink *s, const struct timespec *deadline,
    struct sink_account *account)
{
	bool ended;
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->ended && rc == 0)
		rc = pthread_cond_timedwait(&s->over, &s->lock, deadline);
	ended = s->ended;
	if (!ended) {
		memset(account, 0, sizeof(*account));
		count_stuck(s, account);
	}
	pthread_mutex_unlock(&s->lock);
	if (!ended) {
		pthread_detach(s->thread);
		return;
	}
	pthread_join(s->thread, NULL);
	*account = s->account;
	release(s);
}
