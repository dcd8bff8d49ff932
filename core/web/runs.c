/* A ring of runs under a mutex; see the header. */
#include "web/runs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct past_run {
	uint64_t id;
	double started;                 /* unix */
	double ended;                   /* unix; 0: it runs */
	int64_t users;                  /* most asked for */
	double spawn_rate;
	double elapsed;
	uint64_t requests;
	uint64_t failures;
	double p50, p95, p99;
	char host[256];
	char reason[256];
	double began;                   /* unix; of its test */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct past_run *ring;
static uint64_t newest;

static bool is_active(enum run_state state)
{
	return state == RUN_SPAWNING || state == RUN_RUNNING ||
	    state == RUN_STOPPING;
}

static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = from ? strnlen(from, size - 1) : 0;

	if (len > 0)
		memcpy(to, from, len);
	to[len] = '\0';
}

/* A reset in between shows as a smaller count, as everywhere else. */
static void update(struct past_run *r, const struct snapshot *s)
{
	r->elapsed = s->elapsed - (r->started - r->began);
	r->spawn_rate = s->run.spawn_rate;
	if (s->run.users_target > r->users)
		r->users = s->run.users_target;
	r->requests = s->total.requests;
	r->failures = s->total.failures;
	r->p50 = s->total.quantile[SNAPSHOT_P50];
	r->p95 = s->total.quantile[SNAPSHOT_P95];
	r->p99 = s->total.quantile[SNAPSHOT_P99];
	copy_text(r->host, sizeof(r->host), s->run.host);
	copy_text(r->reason, sizeof(r->reason), s->run.stop_reason);
}

static struct past_run *begin(double started, double began)
{
	struct past_run *r = &ring[++newest % RUNS_KEPT];

	*r = (struct past_run){ .id = newest, .started = started,
		.began = began };
	return r;
}

void runs_split(double now, const char *why)
{
	struct past_run *r;

	pthread_mutex_lock(&lock);
	r = ring && newest > 0 ? &ring[newest % RUNS_KEPT] : NULL;
	if (r && r->ended == 0) {
		r->ended = now;
		copy_text(r->reason, sizeof(r->reason), why);
		begin(now, r->began);
	}
	pthread_mutex_unlock(&lock);
}

void runs_join(void)
{
	struct past_run *r;

	pthread_mutex_lock(&lock);
	r = ring && newest > 1 ? &ring[newest % RUNS_KEPT] : NULL;
	if (r && r->started != r->began) {
		double ended = r->ended;

		r = &ring[--newest % RUNS_KEPT];
		r->ended = ended;
	}
	pthread_mutex_unlock(&lock);
}

void runs_take(const struct snapshot *s)
{
	struct past_run *r;

	pthread_mutex_lock(&lock);
	if (!ring)
		ring = xcalloc(RUNS_KEPT, sizeof(*ring));
	r = &ring[newest % RUNS_KEPT];
	if (is_active(s->run.state) && (newest == 0 ||
	    r->began != s->run.started_wall))
		r = begin(s->run.started_wall, s->run.started_wall);
	if (newest > 0 && r->ended == 0) {
		update(r, s);
		if (!is_active(s->run.state))
			r->ended = s->time;
	}
	pthread_mutex_unlock(&lock);
}

static void write_run(struct jsonw *j, const struct past_run *r)
{
	jsonw_object(j);
	jsonw_put_int(j, "id", (int64_t)r->id);
	jsonw_put_double(j, "started", r->started);
	if (r->ended > 0)
		jsonw_put_double(j, "ended", r->ended);
	else
		jsonw_put_null(j, "ended");
	jsonw_put_double(j, "elapsed", r->elapsed);
	jsonw_put_int(j, "users", r->users);
	jsonw_put_double(j, "spawn_rate", r->spawn_rate);
	jsonw_put_int(j, "requests", (int64_t)r->requests);
	jsonw_put_int(j, "failures", (int64_t)r->failures);
	jsonw_put_double(j, "p50", r->p50);
	jsonw_put_double(j, "p95", r->p95);
	jsonw_put_double(j, "p99", r->p99);
	jsonw_put_string(j, "host", r->host);
	jsonw_put_string(j, "stop_reason", r->reason);
	jsonw_end(j);
}

void runs_write(struct jsonw *j)
{
	uint64_t first;

	jsonw_array(j);
	pthread_mutex_lock(&lock);
	first = newest > RUNS_KEPT ? newest - RUNS_KEPT + 1 : 1;
	for (uint64_t i = first; i <= newest; i++)
		write_run(j, &ring[i % RUNS_KEPT]);
	pthread_mutex_unlock(&lock);
	jsonw_end_array(j);
}

void runs_release(void)
{
	pthread_mutex_lock(&lock);
	free(ring);
	ring = NULL;
	newest = 0;
	pthread_mutex_unlock(&lock);
}
