/* See the header. */
#include "user/gate.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "stats/stats.h"
#include "user/internal.h"
#include "user/plan.h"
#include "user/replay.h"

/* Between two words to the master about how far we are. */
#define TELL_GAP (10 * NS_PER_MS)

struct gate {
	char *name;
	struct arrivals *arrivals;      /* NULL: closed, or: */
	struct replay *replay;          /* arrivals of a trace */
	int64_t granted;                /* -1: no limit */
	int64_t ask_at;                 /* started when more are asked for */
	unsigned lease;
	int64_t each;
	int64_t started;
	int64_t done;
	struct user_list waiting;       /* for more to be granted */
	uint32_t series;
};

static struct {
	struct gate **gates;
	size_t count;
	struct gate **of_class;         /* by index; NULL: no executor's */
	bool paused;
	int64_t shift;
	struct user_list waiting;       /* for the end of a pause */
	struct wheel_timer tell;
	int64_t told;
} all;

static void tell_fired(struct wheel_timer *t)
{
	(void)t;
	all.told = clock_now();
	if (users.options.progressed != NULL)
		users.options.progressed(users.options.arg);
}

void gate_tell(void)
{
	int64_t now = clock_now();
	int64_t at = all.told + TELL_GAP > now ? all.told + TELL_GAP : now;

	if (!wheel_pending(&all.tell) || all.tell.when > at)
		wheel_add(&all.tell, at);
}

void gate_tell_soon(void)
{
	if (!wheel_pending(&all.tell))
		wheel_add(&all.tell, clock_now() + GATE_SOON);
}

void gate_init(void)
{
	free(all.of_class);
	memset(&all, 0, sizeof all);
	all.of_class = xcalloc(user_class_count() + 1,
	    sizeof all.of_class[0]);
	all.tell.fire = tell_fired;
	user_list_init(&all.waiting);
}

static void gate_free(struct gate *g)
{
	while (user_list_take(&g->waiting) != NULL)
		;
	arrivals_free(g->arrivals);
	replay_free(g->replay);
	free(g->name);
	free(g);
}

void gate_clear(void)
{
	wheel_del(&all.tell);
	for (size_t i = 0; i < all.count; i++)
		gate_free(all.gates[i]);
	free(all.gates);
	all.gates = NULL;
	all.count = 0;
	all.paused = false;
	all.shift = 0;
	while (user_list_take(&all.waiting) != NULL)
		;
	memset(all.of_class, 0, user_class_count() * sizeof all.of_class[0]);
}

void gate_stop(void)
{
	for (size_t i = 0; i < all.count; i++) {
		if (all.gates[i]->arrivals != NULL)
			arrivals_stop(all.gates[i]->arrivals);
		if (all.gates[i]->replay != NULL)
			replay_stop(all.gates[i]->replay);
	}
}

static struct gate *find(const char *name)
{
	for (size_t i = 0; i < all.count; i++) {
		if (strcmp(all.gates[i]->name, name) == 0)
			return all.gates[i];
	}
	return NULL;
}

static struct gate *add(const struct plan_executor *e)
{
	struct gate *g = xcalloc(1, sizeof *g);

	g->name = xstrdup(e->name);
	g->granted = -1;
	g->series = UINT32_MAX;
	if (e->name[0] != '\0') {
		struct series *s = stats_series(users.options.stats,
		    "executor", e->name);

		/* Its samples are in the total as themselves. */
		s->transaction = true;
		g->series = s->id;
	}
	user_list_init(&g->waiting);
	all.gates = xreallocarray(all.gates, all.count + 1,
	    sizeof all.gates[0]);
	all.gates[all.count++] = g;
	return g;
}

static void take_classes(struct gate *g, const struct plan_executor *e)
{
	for (size_t i = 0; i < user_class_count(); i++) {
		for (size_t k = 0; k < e->class_count; k++) {
			if (strcmp(user_class_at(i)->name, e->classes[k]) == 0)
				all.of_class[i] = g;
		}
	}
}

/* Asks for more when half of what came last is begun. */
static void take_grant(struct gate *g, const struct plan_executor *e)
{
	int64_t had = g->granted > 0 ? g->granted : 0;

	if (e->lease != g->lease) {
		g->started = 0;
		g->done = 0;
		had = 0;
	}
	g->lease = e->lease;
	if (e->granted == g->granted && had > 0)
		return;
	g->granted = e->granted;
	g->ask_at = g->granted - (g->granted - had) / 2;
	for (int64_t n = g->granted - g->started; n > 0 &&
	    g->waiting.first != NULL && !all.paused; n--)
		user_run_at(user_list_take(&g->waiting), 0);
}

/* Its beginning does not change. */
static int apply_replay(struct gate *g, const struct arrivals_plan *plan)
{
	if (g->replay != NULL)
		return 0;
	g->replay = replay_new(plan);
	if (g->replay == NULL)
		return -1;
	replay_pause(g->replay, all.paused, all.shift);
	return 0;
}

static int apply_one(const struct plan_executor *e)
{
	struct gate *g = find(e->name);

	if (g == NULL)
		g = add(e);
	take_classes(g, e);
	g->each = e->each;
	if (e->granted >= 0)
		take_grant(g, e);
	if (!e->open)
		return 0;
	if (strncmp(e->arrivals.schedule, REPLAY_SCHEDULE,
	    strlen(REPLAY_SCHEDULE)) == 0)
		return apply_replay(g, &e->arrivals);
	if (g->arrivals != NULL)
		return arrivals_update(g->arrivals, &e->arrivals);
	g->arrivals = arrivals_new(&e->arrivals);
	if (g->arrivals == NULL)
		return -1;
	arrivals_pause(g->arrivals, all.paused, all.shift);
	return 0;
}

static void apply_pause(bool paused, int64_t shift)
{
	if (paused == all.paused && shift == all.shift)
		return;
	all.paused = paused;
	all.shift = shift;
	for (size_t i = 0; i < all.count; i++) {
		struct gate *g = all.gates[i];

		if (g->arrivals != NULL)
			arrivals_pause(g->arrivals, paused, shift);
		if (g->replay != NULL)
			replay_pause(g->replay, paused, shift);
	}
	while (!paused && all.waiting.first != NULL)
		user_run_at(user_list_take(&all.waiting), 0);
}

int gate_apply(const struct plan *p)
{
	int rc = 0;

	apply_pause(p->paused, p->shift);
	for (size_t i = 0; i < p->count; i++) {
		if (apply_one(&p->executors[i]) == -1)
			rc = -1;
	}
	return rc;
}

enum gate_answer gate_enter(struct swarm_user *u)
{
	struct gate *g = all.of_class[u->class_index];

	/* The arrival was the permission. */
	if (gate_open(u)) {
		g->started++;
		return GATE_GO;
	}
	if (all.paused) {
		user_list_add(&all.waiting, u);
		u->intended = 0;
		return GATE_WAIT;
	}
	if (g == NULL)
		return GATE_GO;
	if (g->each > 0 && u->iterations >= g->each) {
		gate_tell();
		return GATE_END;
	}
	if (g->granted >= 0 && g->started >= g->granted) {
		user_list_add(&g->waiting, u);
		u->intended = 0;
		gate_tell();
		return GATE_WAIT;
	}
	if (++g->started == g->ask_at)
		gate_tell();
	u->lease = g->lease;
	u->iterations++;
	return GATE_GO;
}

void gate_leave(struct swarm_user *u)
{
	struct gate *g = all.of_class[u->class_index];

	if (g == NULL || u->lease != g->lease)
		return;
	g->done++;
	if (g->done == g->granted)
		gate_tell();
}

bool gate_open(const struct swarm_user *u)
{
	const struct gate *g = all.of_class[u->class_index];

	return g != NULL && (g->arrivals != NULL || g->replay != NULL);
}

bool gate_next(struct swarm_user *u)
{
	const struct gate *g = all.of_class[u->class_index];

	return g->replay != NULL ? replay_next(g->replay, u) :
	    arrivals_next(g->arrivals, u);
}

uint32_t gate_series(const struct swarm_user *u)
{
	const struct gate *g = all.of_class[u->class_index];

	return g != NULL ? g->series : UINT32_MAX;
}

static void progress_of_replay(const struct replay *r, struct gate_progress *p)
{
	p->settled = replay_settled(r);
	if (!replay_beyond(r, &p->beyond, &p->beyond_len))
		p->beyond = NULL;
}

size_t gate_progress(struct gate_progress *out, size_t max)
{
	size_t n = 0;

	for (; n < all.count && n < max; n++) {
		const struct gate *g = all.gates[n];
		struct arrivals_status s = { 0 };

		if (g->arrivals != NULL)
			arrivals_status(g->arrivals, &s);
		if (g->replay != NULL)
			replay_status(g->replay, &s);
		out[n] = (struct gate_progress){
			.name = g->name,
			.lease = g->lease,
			.started = g->started,
			.done = g->done,
			.due = (int64_t)s.due,
			.dropped = (int64_t)s.dropped,
			.late = (int64_t)s.late,
			.queued = (int64_t)s.queued,
			.idle = (int64_t)(s.free_users + g->waiting.count),
		};
		if (g->replay != NULL)
			progress_of_replay(g->replay, &out[n]);
	}
	return n;
}
