/*
 * Following the generator through a run.
 *
 * Whether a system scales is read off the run itself: throughput over the
 * requests in flight (Little: throughput times mean service time), in blocks
 * of two seconds, because a worker's report of a second may come a moment
 * before or after the tick.  A ramp up gives the few and the many; a run that
 * is at full load at once leaves the question open, and says so.
 */
#include "report/generator.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "report/report.h"
#include "report/text.h"
#include "run/run.h"
#include "stats/stats.h"
#include "user/replay.h"

#define BLOCK        2.0                /* seconds */
#define FULL_LINK    0.9
#define ALMOST       0.8                /* of what there is: time to say so */
#define BUSY_IN_ROW  3                  /* seconds, before it is said */
#define LATE_MS      50.0               /* p99 of a second's delays */
#define MEMORY_LEAST (256 << 20)        /* bytes left on the machine */
#define TOP_SHARE    0.1                /* of the time, to be a level */
#define FEW          3.0                /* times fewer requests in flight */

enum warning { WARN_BUSY, WARN_LATE, WARN_DESCRIPTORS, WARN_PORTS,
	WARN_DROPPED, WARN_MEMORY, WARN_RESENT, WARN_LINK };

enum { USERS, SERVICE, LAG, SAMPLES };  /* of full and all */

void generator_clear(struct generator *g)
{
	for (size_t i = 0; i < g->worker_count; i++)
		histogram_release(&g->workers[i].delays);
	free(g->workers);
	histogram_release(&g->delays);
	memset(g, 0, sizeof *g);
	histogram_init(&g->delays);
	g->ports = -1;
	g->ports_max = -1;
}

static struct generator_worker *worker_of(struct generator *g,
    const struct report_worker *w)
{
	struct generator_worker *row;

	for (size_t i = 0; i < g->worker_count; i++) {
		if (g->workers[i].row.index == w->index)
			return &g->workers[i];
	}
	if (g->worker_count == GENERATOR_WORKERS)
		return NULL;
	g->workers = xreallocarray(g->workers, g->worker_count + 1,
	    sizeof *g->workers);
	row = &g->workers[g->worker_count++];
	*row = (struct generator_worker){ .row = { .index = w->index,
		.busy = -1, .busy_max = -1, .descriptors = -1,
		.descriptors_max = -1 }, .before = w->health };
	histogram_init(&row->delays);
	return row;
}

/* Counters of a process that may be another one than before. */
static uint64_t since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

static void add_mean(double *mean, unsigned count, double value)
{
	*mean = count == 1 || *mean < 0 ? value :
	    *mean + (value - *mean) / count;
}

static void take_worker(struct generator *g, const struct report_worker *w)
{
	const struct health *h = &w->health;
	struct generator_worker *worker = worker_of(g, w);
	struct generator_row *row;

	if (w->delays != NULL && w->delays->count > 0)
		histogram_merge(&g->delays, w->delays);
	if (worker == NULL)
		return;
	row = &worker->row;
	row->seconds++;
	add_mean(&row->cpu, row->seconds, h->cpu);
	row->cpu_max = fmax(row->cpu_max, h->cpu);
	if (h->loop_busy >= 0)
		add_mean(&row->busy, row->seconds, h->loop_busy);
	row->busy_max = fmax(row->busy_max, h->loop_busy);
	row->busy_seconds += h->loop_busy > REPORT_BUSY;
	if (h->memory > row->memory)
		row->memory = h->memory;
	if (h->descriptors > row->descriptors)
		row->descriptors = h->descriptors;
	row->descriptors_max = h->descriptors_max;
	row->arrivals += since(h->arrivals,
	    worker->before.arrivals);
	row->dropped += since(h->dropped, worker->before.dropped);
	if (w->delays != NULL)
		histogram_merge(&worker->delays, w->delays);
	worker->before = *h;
}

static void take_machine(struct generator *g, const struct report_load *load)
{
	struct health all;
	unsigned full = 0;

	health_init(&all);
	for (size_t i = 0; i < load->worker_count; i++) {
		health_add(&all, &load->workers[i].health);
		full += load->workers[i].health.loop_busy > REPORT_BUSY;
	}
	if (load->worker_count == 0)
		all.loop_busy = load->loop_busy;
	g->busiest = fmax(g->busiest, all.loop_busy);
	g->busy_seconds += full > 0 || all.loop_busy > REPORT_BUSY;
	g->link_seconds += all.link > FULL_LINK;
	if (all.resent >= 0) {
		g->resent_sum += all.resent;
		g->resent_max = fmax(g->resent_max, all.resent);
	}
	if (all.ports > g->ports) {
		g->ports = all.ports;
		g->ports_max = all.ports_max;
	}
}

static void close_block(struct generator *g)
{
	double seconds = g->block.seconds, n;
	struct generator_level *l;
	int at;

	if (seconds <= 0 || g->block.requests <= 0) {
		g->block = (struct generator_level){ 0 };
		return;
	}
	n = g->block.in_flight / seconds;
	at = n > 1 ? (int)floor(2 * log2(n)) + 1 : 0;
	l = &g->level[at < GENERATOR_LEVELS ? at : GENERATOR_LEVELS - 1];
	l->seconds += seconds;
	l->requests += g->block.requests;
	l->in_flight += g->block.in_flight;
	g->block = (struct generator_level){ 0 };
}

/* What the total gained since the last tick. */
static void take_stats(struct generator *g, const struct run_status *run,
    const struct stats *stats, int64_t now)
{
	const struct series *t = &stats->total;
	double service = (double)t->service.sum;
	double response = (double)series_response(t)->sum;
	double seconds = (double)(now - g->at) / (double)NS_PER_S;
	double gain[4] = { seconds * (double)run->users_running,
		service - g->service,
		response - g->response - (service - g->service),
		(double)t->service.count - (double)g->samples };
	bool first = g->at == 0 || stats->resets != g->resets;

	g->at = now;
	g->resets = stats->resets;
	g->service = service;
	g->response = response;
	g->samples = t->service.count;
	if (first || seconds <= 0)
		return;
	for (int i = 0; i < 4; i++) {
		g->all[i] += gain[i];
		g->full[i] += run->state == RUN_RUNNING ? gain[i] : 0;
	}
	g->block.seconds += seconds;
	g->block.requests += gain[SAMPLES];
	g->block.in_flight += gain[SERVICE] / (double)NS_PER_S;
	if (g->block.seconds > BLOCK - 0.5)
		close_block(g);
}

void generator_tick(struct generator *g, const struct run_status *run,
    const struct report_load *load, const struct stats *stats, int64_t now)
{
	if (run->state != RUN_SPAWNING && run->state != RUN_RUNNING)
		return;
	take_stats(g, run, stats, now);
	g->seconds++;
	if (load == NULL)
		return;
	for (size_t i = 0; i < load->worker_count; i++)
		take_worker(g, &load->workers[i]);
	take_machine(g, load);
}

/* ---- warnings ---- */

static bool once(unsigned *warned, enum warning what, bool when)
{
	if (!when || (*warned & 1u << what))
		return false;
	*warned |= 1u << what;
	return true;
}

static bool almost(int64_t used, int64_t most)
{
	return used >= 0 && most > 0 && (double)used >= ALMOST * (double)most;
}

static bool warn_process(struct generator_worker *w, struct buf *out)
{
	const struct health *h = &w->before;

	if (once(&w->warned, WARN_BUSY, w->row.busy_seconds >= BUSY_IN_ROW))
		buf_printf(out, "its loop is busy for %.0f %% of the time: "
		    "response times hold its own delay", h->loop_busy * 100);
	else if (once(&w->warned, WARN_LATE, h->delay_p99_ms > LATE_MS))
		buf_printf(out, "one event in a hundred waits %.0f ms or "
		    "more for its loop", h->delay_p99_ms);
	else if (once(&w->warned, WARN_DESCRIPTORS, almost(h->descriptors,
	    h->descriptors_max)))
		buf_printf(out, "%lld of %lld descriptors are open (ulimit "
		    "-n)", (long long)h->descriptors,
		    (long long)h->descriptors_max);
	else if (once(&w->warned, WARN_DROPPED, w->row.dropped > 0))
		buf_printf(out, "arrivals find no free user and no room to "
		    "wait: %llu dropped so far", (unsigned long long)w->row.dropped);
	else
		return false;
	return true;
}

/* Once for all workers: they may well share it. */
static bool warn_machine(struct generator *g, const struct generator_worker *w,
    struct buf *out)
{
	const struct health *h = &w->before;

	if (once(&g->warned, WARN_PORTS, almost(h->ports, h->ports_max)))
		buf_printf(out, "%lld TCP sockets on its machine, which has "
		    "%lld local ports", (long long)h->ports,
		    (long long)h->ports_max);
	else if (once(&g->warned, WARN_MEMORY, h->memory_free >= 0 &&
	    h->memory_free < MEMORY_LEAST))
		buf_printf(out, "%lld MB of memory are left on its machine; "
		    "it holds %lld MB itself",
		    (long long)(h->memory_free >> 20),
		    (long long)(h->memory >> 20));
	else if (once(&g->warned, WARN_RESENT, h->resent >= 0.02))
		buf_printf(out, "%.1f %% of its machine's TCP segments are "
		    "sent again: the network loses packets",
		    h->resent * 100);
	else if (once(&g->warned, WARN_LINK, h->link >= FULL_LINK))
		buf_printf(out, "a network link of its machine carries "
		    "%.0f %% of what it can", h->link * 100);
	else
		return false;
	return true;
}

bool generator_warn(struct generator *g, struct buf *out)
{
	struct buf text = BUF_INIT(400);
	bool said = false;

	for (size_t i = 0; i < g->worker_count && !said; i++) {
		struct generator_worker *w = &g->workers[i];

		said = warn_process(w, &text) || warn_machine(g, w, &text);
		if (said)
			buf_printf(out, "worker %lld: %s",
			    (long long)w->row.index, buf_str(&text));
	}
	buf_release(&text);
	return said;
}

/* ---- the end ---- */

/* Most requests in flight against a third of them or fewer. */
static void scaling(const struct generator *g, struct limit_facts *f)
{
	struct generator_level few = { 0 }, many = { 0 };
	double all = 0;

	f->in_flight_ratio = NAN;
	f->throughput_ratio = NAN;
	for (int i = 0; i < GENERATOR_LEVELS; i++)
		all += g->level[i].seconds;
	for (int i = GENERATOR_LEVELS - 1; i >= 0 && many.seconds <= 0; i--) {
		if (g->level[i].seconds >= TOP_SHARE * all)
			many = g->level[i];
	}
	for (int i = 0; i < GENERATOR_LEVELS; i++) {
		const struct generator_level *l = &g->level[i];

		if (l->seconds <= 0 || l->in_flight / l->seconds * FEW >
		    many.in_flight / many.seconds)
			continue;
		few.seconds += l->seconds;
		few.requests += l->requests;
		few.in_flight += l->in_flight;
	}
	if (few.seconds <= 0 || few.in_flight <= 0)
		return;
	f->in_flight_ratio = many.in_flight / many.seconds /
	    (few.in_flight / few.seconds);
	f->throughput_ratio = many.requests / many.seconds /
	    (few.requests / few.seconds);
}

static void worst_descriptors(const struct generator *g,
    struct limit_facts *f)
{
	double fullest = -1;

	f->descriptors = -1;
	for (size_t i = 0; i < g->worker_count; i++) {
		const struct generator_row *w = &g->workers[i].row;
		double share = w->descriptors_max > 0 ?
		    (double)w->descriptors / (double)w->descriptors_max : -1;

		f->arrivals += w->arrivals;
		f->dropped += w->dropped;
		if (share <= fullest)
			continue;
		fullest = share;
		f->descriptors = w->descriptors;
		f->descriptors_max = w->descriptors_max;
	}
}

static double late_p99(const struct histogram *h)
{
	return h->count > 0 ? (double)histogram_quantile(h, 0.99) : 0;
}

/* Failed requests whose reason names an error of the system. */
static uint64_t failures_of(const struct stats *stats, int error)
{
	const char *text = strerror(error);
	uint64_t n = 0;

	for (size_t i = 0; i < stats->error_count; i++) {
		if (strcasestr(stats->errors[i]->text, text) != NULL)
			n += stats->errors[i]->occurrences;
	}
	return n;
}

static void facts_of(struct limit_facts *f, const struct generator *g,
    const struct stats *stats)
{
	const struct series *t = &stats->total;
	const double *sums = g->full[SAMPLES] > 0 ? g->full : g->all;
	double seconds = g->seconds > 0 ? g->seconds : 1;

	*f = (struct limit_facts){
		.requests = t->requests,
		.busy_share = g->busy_seconds / seconds,
		.busiest = g->busiest,
		.delay_p99 = late_p99(&g->delays),
		.response_p50 = (double)histogram_quantile(
		    series_response(t), 0.5),
		.no_descriptor = failures_of(stats, EMFILE),
		.no_port = failures_of(stats, EADDRNOTAVAIL),
		.resent = g->resent_sum / seconds,
		.link_share = g->link_seconds / seconds,
		.late = sums[SAMPLES] > 0 ? sums[LAG] / sums[SAMPLES] : 0,
		.service = sums[SAMPLES] > 0 ? sums[SERVICE] / sums[SAMPLES] :
		    histogram_mean(&t->service),
		.waiting = sums[USERS] > 0 ? fmin(1, sums[SERVICE] /
		    (double)NS_PER_S / sums[USERS]) : NAN,
	};
	worst_descriptors(g, f);
	f->open = f->arrivals > 0;
	f->replay = stats_find(stats, REPLAY_TYPE, REPLAY_LAG) != NULL;
	scaling(g, f);
}

enum limit generator_judge(const struct generator *g,
    const struct stats *stats, struct buf *why)
{
	struct limit_facts f;

	facts_of(&f, g, stats);
	return limit_decide(&f, why);
}

static void take_delays(double ms[3], const struct histogram *h)
{
	static const double shown[] = { 0.5, 0.99, 1 };

	for (int i = 0; i < 3; i++)
		ms[i] = h->count == 0 ? -1 :
		    (double)histogram_quantile(h, shown[i]) / NS_PER_MS;
}

void generator_take(struct generator_result *r, const struct generator *g,
    const struct stats *stats)
{
	struct buf why = BUF_INIT(2000);
	struct limit_facts f;

	facts_of(&f, g, stats);
	*r = (struct generator_result){
		.limit = limit_decide(&f, &why),
		.seconds = g->seconds,
		.busy_seconds = g->busy_seconds,
		.resent = g->seconds > 0 ? f.resent : -1,
		.ports = g->ports,
		.ports_max = g->ports_max,
		.arrivals = f.arrivals,
		.dropped = f.dropped,
		.waiting = isnan(f.waiting) ? -1 : f.waiting,
		.late_ms = f.late / NS_PER_MS,
		.worker_count = g->worker_count,
	};
	r->why = buf_detach(&why);
	take_delays(r->delay_ms, &g->delays);
	r->workers = xcalloc(g->worker_count + 1, sizeof *r->workers);
	for (size_t i = 0; i < g->worker_count; i++) {
		r->workers[i] = g->workers[i].row;
		take_delays(r->workers[i].delay_ms, &g->workers[i].delays);
	}
}

void generator_result_release(struct generator_result *r)
{
	free(r->workers);
	free(r->why);
	memset(r, 0, sizeof *r);
}
