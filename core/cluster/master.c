/*
 * The master: its sockets, the clock that tells who is silent, the local
 * worker processes, and the end.  What it sends is master_send.c's.
 *
 * Local workers have a socket of their own in a private folder, so that no
 * stranger on the network can speak in their name, and so that encryption,
 * which a socket has or has not, is only paid for where it is needed.
 */
#include "cluster/master_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/child.h"
#include "cluster/crash.h"
#include "cluster/inbox.h"
#include "cluster/inbox_door.h"
#include "cluster/rundir.h"
#include "cluster/shelf.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"

#define TICK_NS NS_PER_S
/* A worker sends a heartbeat a second. */
#define SILENCE_NS (4 * NS_PER_S)
/* What a process sent before it died is on its way for so long at most. */
#define LAST_WORDS_NS (30 * NS_PER_MS)

/* A local worker's process. */
struct local {
	struct child *child;
	struct wheel_timer last_words;
	bool joined;
	bool renew;                     /* another is to take its place */
};

struct master_shared master_shared;

static struct {
	struct zsock *remote;
	struct zsock *near;
	struct rundir *dir;
	struct local **locals;
	size_t local_count;
	struct wheel_timer tick;
	struct member *lost;            /* to be freed */
	struct wheel_timer quit_timer;
	void (*quit_done)(void *);
	void *quit_arg;
} master;

static void free_lost(struct loop_item *item);

/* The loop may hold it when the rest is released. */
static struct loop_item free_lost_item = { .run = free_lost };

static void check_quit(void);

/* ---- losing ---- */

static void free_lost(struct loop_item *item)
{
	struct member *m = master.lost;

	(void)item;
	master.lost = NULL;
	while (m != NULL) {
		struct member *next = m->next;

		member_free(m);
		m = next;
	}
}

void master_lose(struct member *m, const char *why, bool crashed)
{
	m->peer.state = PEER_MISSING;
	if (m->record != NULL && !m->record->gone)
		m->record->lost_at = m->peer.last_seen;
	/* For the users that are started elsewhere in this event. */
	for (size_t i = 0; i < master_shared.o.class_count; i++)
		numbers_free(&m->peer.numbers[i]);
	if (master_shared.o.lost != NULL)
		master_shared.o.lost(&m->peer, why, crashed,
		    master_shared.o.arg);
	member_remove(m);
	/* The caller may still be looking at it. */
	m->next = master.lost;
	master.lost = m;
	loop_defer(&free_lost_item);
	check_quit();
}

static struct local *local_of(const char *id)
{
	for (size_t i = 0; i < master.local_count; i++) {
		if (strcmp(child_id(master.locals[i]->child), id) == 0)
			return master.locals[i];
	}
	return NULL;
}

void master_child_of(struct peer *p)
{
	struct local *l = local_of(p->id);

	if (l == NULL)
		return;
	l->joined = true;
	p->pid = child_pid(l->child);
	p->begun = child_begun(l->child);
}

static void lose_silent(struct member *m, int64_t silence)
{
	const struct local *l = local_of(m->peer.id);
	char why[128];

	snprintf(why, sizeof why, "no heartbeat for %.0f s%s",
	    (double)silence / (double)NS_PER_S,
	    l != NULL && child_alive(l->child) ?
	    " (something in it does not give way)" : "");
	master_lose(m, why, false);
}

static void on_tick(struct wheel_timer *t)
{
	int64_t now = clock_now();
	int64_t late = now - t->when;

	wheel_add(t, now + TICK_NS);
	/* What is waiting to be read is no silence, nor is our own sleep. */
	if (master.near != NULL)
		zsock_drain(master.near);
	if (master.remote != NULL)
		zsock_drain(master.remote);
	for (size_t i = member_count(); i-- > 0; ) {
		struct member *m = member_at(i);
		int64_t silence;

		if (late > TICK_NS)
			m->peer.last_seen += late;
		silence = now - m->peer.last_seen;
		if (silence > SILENCE_NS)
			lose_silent(m, silence);
		else if (orders_stuck(m))
			master_lose(m, "it takes no orders", false);
	}
}

/* ---- local workers ---- */

static const char *signal_hint(int sig)
{
	return sig == SIGKILL ? " (by hand, or memory ran out)" : "";
}

/* Why it ended, in words; logs the stack of a crash. */
static void describe_end(struct child *c, char *why, size_t size,
    bool *crashed)
{
	struct crash_report *report = crash_parse(child_crash_text(c));
	int status = child_status(c);
	char who[64];

	*crashed = report != NULL;
	if (report != NULL) {
		snprintf(why, size, "crashed: %s", crash_summary(report));
		snprintf(who, sizeof who, "worker process %d",
		    (int)child_pid(c));
		crash_log(report, who);
	} else if (WIFSIGNALED(status)) {
		snprintf(why, size, "killed by signal %d, %s%s",
		    WTERMSIG(status), strsignal(WTERMSIG(status)),
		    signal_hint(WTERMSIG(status)));
	} else if (WEXITSTATUS(status) != 0) {
		snprintf(why, size, "ended with status %d",
		    WEXITSTATUS(status));
	} else {
		snprintf(why, size, "ended");
	}
}

static void lose_stillborn(struct child *c, const char *why, bool crashed)
{
	struct member *m = member_add(child_id(c), NULL, master.near,
	    master_shared.o.class_count);

	m->peer.pid = child_pid(c);
	master_lose(m, why, crashed);
}

static void forget_local(struct local *l)
{
	size_t i = 0;

	while (master.locals[i] != l)
		i++;
	master.locals[i] = master.locals[--master.local_count];
	wheel_del(&l->last_words);
	child_free(l->child);
	free(l);
}

static int start_local(const char *endpoint);

static char *near_endpoint(void)
{
	return xasprintf("ipc://%s/master", rundir_path(master.dir));
}

static void renew_local(void)
{
	char *endpoint = near_endpoint();

	if (!master_shared.quitting)
		start_local(endpoint);
	free(endpoint);
}

static void on_last_words(struct wheel_timer *t)
{
	struct local *l = (struct local *)((char *)t -
	    offsetof(struct local, last_words));
	struct member_record *record = member_recall(child_id(l->child));
	int status = child_status(l->child);
	bool failed = WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
	bool renew = l->renew;
	struct member *m;
	bool crashed;
	char why[512];

	zsock_drain(master.near);
	m = member_find(child_id(l->child));
	describe_end(l->child, why, sizeof why, &crashed);
	if (record != NULL)
		record->gone = true;
	if (m != NULL) {
		m->peer.ended = true;
		master_lose(m, why, crashed);
	} else if (!l->joined && !renew &&
	    (failed || !master_shared.quitting)) {
		lose_stillborn(l->child, why, crashed);
	} else if (failed) {
		log_error("worker process %d, after it had left: %s",
		    (int)child_pid(l->child), why);
	}
	forget_local(l);
	if (renew)
		renew_local();
	check_quit();
}

static void on_child_ended(struct child *c, void *arg)
{
	struct local *l = arg;

	(void)c;
	wheel_add(&l->last_words, clock_now() + LAST_WORDS_NS);
}

static int start_local(const char *endpoint)
{
	struct local *l = xcalloc(1, sizeof *l);
	char id[WIRE_MAX_NODE_ID + 1];

	zsock_new_identity(id, sizeof id);
	l->last_words.fire = on_last_words;
	l->child = child_start(id, endpoint, master_shared.o.worker_argv,
	    on_child_ended, l);
	if (l->child == NULL) {
		free(l);
		return -1;
	}
	master.locals = xreallocarray(master.locals, master.local_count + 1,
	    sizeof(struct local *));
	master.locals[master.local_count++] = l;
	return 0;
}

static int start_locals(int count)
{
	char *endpoint;
	int rc;

	master.dir = rundir_new(sizeof "master");
	if (master.dir == NULL)
		return -1;
	endpoint = near_endpoint();
	rc = zsock_bind(master.near, endpoint);
	for (int i = 0; rc == 0 && i < count; i++)
		rc = start_local(endpoint);
	free(endpoint);
	return rc;
}

void master_restart_locals(char *const *argv)
{
	master_options_set_argv(&master_shared.o, argv);
	for (size_t i = 0; i < master.local_count; i++) {
		struct local *l = master.locals[i];
		struct member *m = member_find(child_id(l->child));

		l->renew = true;
		if (m != NULL)
			master_dismiss(&m->peer);
		else
			child_kill(l->child, SIGKILL);
	}
}

/* ---- the end ---- */

static void finish_quit(void)
{
	void (*done)(void *) = master.quit_done;

	wheel_del(&master.quit_timer);
	master.quit_done = NULL;
	if (done != NULL)
		done(master.quit_arg);
}

static void check_quit(void)
{
	if (master.quit_done != NULL && member_count() == 0 &&
	    master.local_count == 0)
		wheel_add(&master.quit_timer, clock_now());
}

static void kill_locals(void)
{
	while (master.local_count > 0)
		forget_local(master.locals[master.local_count - 1]);
}

static void on_quit_timer(struct wheel_timer *t)
{
	(void)t;
	if (member_count() > 0 || master.local_count > 0)
		log_warn("%zu workers did not leave in time",
		    member_count() > master.local_count ? member_count() :
		    master.local_count);
	while (member_count() > 0)
		master_lose(member_at(member_count() - 1),
		    "did not leave in time", false);
	kill_locals();
	finish_quit();
}

void master_quit(double timeout, void (*done)(void *), void *arg)
{
	master_shared.quitting = true;
	master.quit_done = done;
	master.quit_arg = arg;
	wheel_add(&master.quit_timer, clock_now() +
	    (int64_t)(timeout * (double)NS_PER_S));
	for (size_t i = 0; i < member_count(); i++)
		master_order(member_at(i), "quit");
	for (size_t i = 0; i < master.local_count; i++) {
		/* Not here yet, so it can't be told. */
		if (!master.locals[i]->joined)
			child_kill(master.locals[i]->child, SIGTERM);
	}
	check_quit();
}

void master_abort(void)
{
	kill_locals();
	rundir_free(master.dir);
	master.dir = NULL;
}

void master_release(void)
{
	wheel_del(&master.tick);
	wheel_del(&master.quit_timer);
	kill_locals();
	crash_wait();
	zsock_free(master.remote, 0);
	zsock_free(master.near, 0);
	rundir_free(master.dir);
	free_lost(NULL);
	inbox_door_release();
	shelf_release();
	member_release();
	buf_release(&master_shared.out);
	numbers_release();
	master_options_release(&master_shared.o);
	free(master.locals);
	memset(&master, 0, sizeof master);
	memset(&master_shared, 0, sizeof master_shared);
}

/* ---- the start ---- */

static void on_remote_message(const char *from, const void *data, size_t len,
    void *arg)
{
	(void)arg;
	inbox_take(master.remote, from, data, len);
}

static void on_near_message(const char *from, const void *data, size_t len,
    void *arg)
{
	(void)arg;
	inbox_take(master.near, from, data, len);
}

static void on_garbage(void *arg)
{
	(void)arg;
	inbox_garbage();
}

static int open_remote(const struct master_options *o)
{
	const struct zsock_options options = { .router = true,
		.keys = o->keys, .message = on_remote_message,
		.garbage = on_garbage };

	master.remote = zsock_new(&options);
	if (master.remote == NULL)
		return -1;
	return zsock_bind(master.remote, o->bind);
}

static int open_near(void)
{
	const struct zsock_options options = { .router = true,
		.message = on_near_message, .garbage = on_garbage };

	master.near = zsock_new(&options);
	return master.near == NULL ? -1 : 0;
}

static void make_instance(void)
{
	if (getrandom(&master_shared.instance, 6, 0) != 6)
		abort();
}

int master_start(const struct master_options *o)
{
	master_options_copy(&master_shared.o, o);
	buf_init(&master_shared.out, WIRE_MAX_MESSAGE);
	make_instance();
	master.quit_timer.fire = on_quit_timer;
	master.tick.fire = on_tick;
	wheel_add(&master.tick, clock_now() + TICK_NS);
	if (o->bind != NULL && open_remote(o) == -1)
		goto release;
	if (o->processes > 0 && (open_near() == -1 ||
	    start_locals(o->processes) == -1))
		goto release;
	return 0;

release:
	master_release();
	return -1;
}

void master_open(int64_t first, int64_t count, const struct wire_ack *above)
{
	member_number_from(first, count);
	master_shared.o.report_interval = above->report_interval;
	master_shared.o.seed = above->seed;
	free((char *)(uintptr_t)master_shared.o.split_by);
	master_shared.o.split_by = xstrdup(above->split_by);
	master_shared.o.closed = false;
	inbox_door_open();
}

void master_reopen(int64_t first, int64_t count, const struct wire_ack *above)
{
	while (member_count() > 0)
		master_lose(member_at(member_count() - 1),
		    "it is given another number", false);
	member_forget();
	/* By which they see that what they had is nobody's. */
	make_instance();
	master_open(first, count, above);
}

const char *master_endpoint(void)
{
	return master.remote == NULL ? NULL : zsock_endpoint(master.remote);
}

size_t master_class_count(void)
{
	return master_shared.o.class_count;
}

size_t master_peer_count(void)
{
	return member_count();
}

struct peer *master_peer_at(size_t i)
{
	return &member_at(i)->peer;
}

void master_refused(struct master_refused *refused)
{
	*refused = master_shared.refused;
}
