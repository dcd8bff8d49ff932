/*
 * Commands; see the header.  The list of finished ones is shared by the two
 * threads under a mutex, everything else belongs to one of them at a time.
 */
#include "web/command.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "module/hooks.h"
#include "report/report.h"
#include "stats/history.h"
#include "stats/stats.h"
#include "web/context.h"
#include "web/feed.h"
#include "web/runs.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct command *done, **done_end = &done;
static struct command *stopping;        /* loop: waiting for the end */
static struct command *trying;          /* loop: waiting for its outcome */
static struct stats *before_reset;      /* loop: for the undo */
static bool closed;                     /* loop: nobody listens any more */

void command_init(void)
{
	closed = false;
}

static void command_free(struct command *c)
{
	load_form_free(c->load);
	free(c->text);
	buf_release(&c->body);
	free(c);
}

void command_collect(void)
{
	struct command *c;

	for (;;) {
		pthread_mutex_lock(&lock);
		c = done;
		if (c) {
			done = c->next;
			if (!done)
				done_end = &done;
		}
		pthread_mutex_unlock(&lock);
		if (!c)
			return;
		snapshot_unref(c->call->snapshot);
		c->call->snapshot = context_snapshot();
		c->finish(c, c->call);
		command_free(c);
	}
}

/* Loop: hands the outcome back. */
static void complete(struct command *c)
{
	c->next = NULL;
	if (c->kind < COMMAND_PLAN)
		web_changed();
	pthread_mutex_lock(&lock);
	*done_end = c;
	done_end = &c->next;
	pthread_mutex_unlock(&lock);
	context_get()->transport->wake();
}

static int do_reset(struct command *c)
{
	struct stats *live = context_get()->options->stats;

	if (c->kind == COMMAND_RESET) {
		stats_free(before_reset);
		before_reset = stats_new(live->max_series, live->max_errors);
		stats_merge(before_reset, live);
		web_keep();
		stats_reset(live);
		hooks_reset_stats();
		runs_split(clock_wall(), "statistics reset");
		feed_event("reset", "statistics reset");
		return 0;
	}
	if (!before_reset) {
		snprintf(c->error, sizeof(c->error), "there is no reset to "
		    "take back");
		return -1;
	}
	web_keep();
	stats_merge(live, before_reset);
	history_skip(context_get()->history, live);
	report_skip();
	stats_free(before_reset);
	before_reset = NULL;
	runs_join();
	feed_event("reset", "reset taken back");
	return 0;
}

static void describe_load(const char *what, const struct web_load *load)
{
	char text[300];
	int n = snprintf(text, sizeof(text), "%s%s%.60s", what,
	    load->executor ? " " : "", load->executor ? load->executor : "");

	if (load->users > 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		    ": %lld users", (long long)load->users);
	if (load->spawn_rate > 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		    ", %g users a second", load->spawn_rate);
	if (load->rate > 0)
		snprintf(text + n, sizeof(text) - (size_t)n,
		    ", %g arrivals a second", load->rate);
	feed_event("load", text);
}

static int cannot(struct command *c)
{
	snprintf(c->error, sizeof(c->error), "this run cannot do that");
	return -1;
}

/* Nobody waits for it any more when the server has ended. */
static void tried(struct buf *json)
{
	struct command *c = trying;

	trying = NULL;
	if (!c)
		return;
	buf_add(&c->body, json->data, json->len);
	complete(c);
}

static int get(struct command *c, int (*action)(struct buf *, void *))
{
	return action ? action(&c->body, context_get()->options->arg) :
	    cannot(c);
}

static int set_load(struct command *c)
{
	const struct web_options *o = context_get()->options;
	const struct web_load *load = &c->load->load;
	bool starts = c->kind == COMMAND_START;

	c->rc = (starts ? o->actions.start : o->actions.edit)(load, c->error,
	    sizeof(c->error), o->arg);
	if (c->rc < 0)
		return c->rc;
	if (starts) {
		stats_free(before_reset);
		before_reset = NULL;
	}
	describe_load(starts ? "started" : "edited", load);
	return 0;
}

static int make_note(struct command *c)
{
	const struct web_options *o = context_get()->options;

	feed_event("note", c->text);
	if (o->actions.note)
		o->actions.note(c->text, o->arg);
	return 0;
}

/* What only the loop knows, into the body. */
static int look_up(struct command *c)
{
	const struct web_options *o = context_get()->options;
	const struct web_actions *a = &o->actions;

	switch (c->kind) {
	case COMMAND_PLAN:
		return a->plan ? a->plan(&c->load->load, &c->body, c->error,
		    sizeof(c->error), o->arg) : cannot(c);
	case COMMAND_RESOURCES:
		return a->resources ? a->resources(&c->body, o->arg) :
		    buf_puts(&c->body, "{\"at\":[],\"figures\":[]}");
	case COMMAND_HOLD:
		return get(c, a->hold);
	case COMMAND_CAPACITY:
		return get(c, a->capacity);
	case COMMAND_METRICS:
		return get(c, a->metrics);
	default:
		return get(c, a->report);
	}
}

static int carry_out(struct command *c)
{
	const struct web_options *o = context_get()->options;
	const struct web_actions *a = &o->actions;
	char *error = c->error;
	size_t size = sizeof(c->error);

	switch (c->kind) {
	case COMMAND_START:
	case COMMAND_EDIT:
		return set_load(c);
	case COMMAND_STOP:
		return a->stop(error, size, o->arg);
	case COMMAND_STOP_NOW:
		return a->stop_now ? a->stop_now(error, size, o->arg) :
		    cannot(c);
	case COMMAND_TRY:
		return a->try_once ? a->try_once(&c->load->load, tried, error,
		    size, o->arg) : cannot(c);
	case COMMAND_PAUSE:
	case COMMAND_RESUME:
		return a->pause ? a->pause(c->kind == COMMAND_PAUSE, error,
		    size, o->arg) : cannot(c);
	case COMMAND_RESET:
	case COMMAND_UNDO_RESET:
		return do_reset(c);
	case COMMAND_NOTE:
		return make_note(c);
	case COMMAND_USER:
		return a->change_user ? a->change_user(c->text, error, size,
		    o->arg) : cannot(c);
	case COMMAND_WORKER:
		return a->worker ? a->worker(c->text, c->act, error, size,
		    o->arg) : cannot(c);
	default:
		return look_up(c);
	}
}

/* With the request, which has no peer any more. */
static void command_drop(struct command *c)
{
	http_drop(c->call);
	command_free(c);
}

static bool ended(enum run_state state)
{
	return state == RUN_READY || state == RUN_STOPPED;
}

static void on_loop(void *arg)
{
	struct command *c = arg;
	const struct web_options *o = context_get()->options;
	struct web_state state = { 0 };

	if (closed) {
		command_drop(c);
		return;
	}
	c->rc = carry_out(c);
	if (c->kind == COMMAND_TRY && c->rc == 0) {
		trying = c;
		return;
	}
	o->state(&state, o->arg);
	if (c->kind == COMMAND_STOP && c->wait && c->rc == 0 &&
	    !ended(state.run.state)) {
		c->next = stopping;
		stopping = c;
		return;
	}
	complete(c);
}

struct command *command_new(struct http_call *call, enum command_kind kind,
    void (*finish)(struct command *, struct http_call *))
{
	struct command *c = xcalloc(1, sizeof(*c));

	c->kind = kind;
	c->finish = finish;
	c->call = call;
	buf_init(&c->body, HTTP_MAX_ANSWER);
	return c;
}

void command_give_body(struct command *c, struct http_call *call)
{
	buf_release(&call->body);
	call->body = c->body;
	buf_init(&c->body, 0);
}

void command_submit(struct command *c)
{
	loop_post(on_loop, c);
}

void command_check(enum run_state state)
{
	struct command *c;

	if (!ended(state) || !stopping)
		return;
	/* complete() comes back here by web_changed(). */
	c = stopping;
	stopping = c->next;
	complete(c);
}

void command_release(void)
{
	struct command *c;

	closed = true;
	while ((c = stopping)) {
		stopping = c->next;
		command_drop(c);
	}
	if (trying)
		command_drop(trying);
	trying = NULL;
	while ((c = done)) {
		done = c->next;
		command_drop(c);
	}
	done_end = &done;
	stats_free(before_reset);
	before_reset = NULL;
}
