/*
 * The rule, in the order in which its parts spoil the figures.
 *
 * A busy generator makes every other figure doubtful, so it comes first, and
 * a losing network second.  Then the plan: iterations that began late, or not
 * at all, did so for want of free users; the system was the cause if it gave
 * no more with more requests in flight, the plan was if it did (or if nobody
 * tried).  Where the plan was kept, the users' time decides: those who do
 * nothing but wait for answers are held up by the system, unless more of them
 * had got more.
 */
#include "report/limit.h"

#include <math.h>
#include <string.h>

#include "report/text.h"

/* Of the seconds: below it a busy moment is a moment. */
#define BUSY_SHARE 0.1
#define FULL       0.95         /* of descriptors */
/* Of a median response time, what the loop may add to one in a hundred. */
#define DELAY_PART 0.25
#define DELAY_FREE 2e6          /* ns that are nobody's concern */
#define RESENT     0.01
#define LATE_PART  0.05
#define LATE_FREE  3e6          /* ns: the timer's own grain, and more */
#define DROPPED    0.01
#define WAITING    0.85
#define WAITING_HALF 0.5
/* So many times the requests in flight tell whether the system scales. */
#define RANGE      3.0
#define SCALING    0.5

static const char *const names[LIMITS] = { "unknown", "none", "system",
	"generator", "schedule", "network" };

const char *limit_name(enum limit limit)
{
	return names[limit];
}

enum limit limit_of_name(const char *name)
{
	for (int i = 0; name != NULL && i < LIMITS; i++) {
		if (strcmp(names[i], name) == 0)
			return (enum limit)i;
	}
	return LIMIT_UNKNOWN;
}

static void put_time(struct buf *why, double ns)
{
	text_ms(why, ns);
	buf_puts(why, " ms");
}

static void put_share(struct buf *why, double share)
{
	buf_printf(why, "%.0f %%", share * 100);
}

/* How throughput went with the requests in flight: 1 as they did, 0 not at
 * all; NAN when they hardly changed. */
static double scaling(const struct limit_facts *f)
{
	if (!(f->in_flight_ratio >= RANGE) || !(f->throughput_ratio > 0))
		return NAN;
	return log(f->throughput_ratio) / log(f->in_flight_ratio);
}

static void put_scaling(struct buf *why, const struct limit_facts *f)
{
	buf_printf(why, "%.1f times the requests in flight gave %.1f times "
	    "the throughput", f->in_flight_ratio, f->throughput_ratio);
}

static bool full(int64_t used, int64_t most)
{
	return used >= 0 && most > 0 && (double)used >= FULL * (double)most;
}

static bool generator(const struct limit_facts *f, struct buf *why)
{
	if (f->busy_share >= BUSY_SHARE) {
		buf_puts(why, "a worker's loop was full in ");
		put_share(why, f->busy_share);
		buf_puts(why, " of the seconds (busy up to ");
		put_share(why, f->busiest);
		buf_puts(why, " of the time), so that response times hold "
		    "its own delay; more workers or fewer users would tell");
		return true;
	}
	if (f->no_descriptor > 0) {
		buf_printf(why, "%llu requests failed because too many "
		    "descriptors were open; raise the limit (ulimit -n) or "
		    "add workers", (unsigned long long)f->no_descriptor);
		return true;
	}
	if (full(f->descriptors, f->descriptors_max)) {
		buf_printf(why, "a worker had %lld of %lld descriptors open; "
		    "raise the limit (ulimit -n) or add workers",
		    (long long)f->descriptors, (long long)f->descriptors_max);
		return true;
	}
	if (f->no_port > 0) {
		buf_printf(why, "%llu requests failed because a worker's "
		    "machine had no local port left; keep connections open, "
		    "or add machines", (unsigned long long)f->no_port);
		return true;
	}
	if (f->delay_p99 > DELAY_FREE &&
	    f->delay_p99 > DELAY_PART * f->response_p50) {
		buf_puts(why, "one event in a hundred waited ");
		put_time(why, f->delay_p99);
		buf_puts(why, " or more for a worker's loop, beside a median "
		    "response time of ");
		put_time(why, f->response_p50);
		return true;
	}
	return false;
}

static bool network(const struct limit_facts *f, struct buf *why)
{
	if (f->resent >= RESENT) {
		buf_printf(why, "%.1f %% of the TCP segments had to be sent "
		    "again; times and throughput are those of a network that "
		    "loses packets", f->resent * 100);
		return true;
	}
	if (f->link_share >= BUSY_SHARE) {
		buf_puts(why, "a network link was full in ");
		put_share(why, f->link_share);
		buf_puts(why, " of the seconds");
		return true;
	}
	return false;
}

static double dropped_share(const struct limit_facts *f)
{
	return f->arrivals > 0 ? (double)f->dropped / (double)f->arrivals : 0;
}

static bool plan_missed(const struct limit_facts *f)
{
	return (f->late > LATE_FREE && f->late > LATE_PART * f->service) ||
	    dropped_share(f) >= DROPPED;
}

static void put_missed(struct buf *why, const struct limit_facts *f)
{
	if (dropped_share(f) >= DROPPED) {
		put_share(why, dropped_share(f));
		buf_puts(why, " of the arrivals found no free user");
		return;
	}
	buf_puts(why, "iterations began ");
	put_time(why, f->late);
	buf_puts(why, f->replay ? " late on average, for want of the answer "
	    "before them or of a free user" :
	    " late on average, for want of a free user");
}

static enum limit missed(const struct limit_facts *f, struct buf *why)
{
	double scale = scaling(f);

	put_missed(why, f);
	if (scale < SCALING) {
		buf_puts(why, ": the system was the cause, as ");
		put_scaling(why, f);
		return LIMIT_SYSTEM;
	}
	buf_puts(why, f->replay ? ": users of the trace wait for each answer, "
	    "which --overlap does not, and it takes " :
	    ": too few users for this plan at ");
	put_time(why, f->service);
	buf_puts(why, " a request");
	if (scale >= SCALING) {
		buf_puts(why, " (");
		put_scaling(why, f);
		buf_putc(why, ')');
	}
	return LIMIT_SCHEDULE;
}

/* The plan was kept: what did the users wait for? */
static enum limit kept(const struct limit_facts *f, struct buf *why)
{
	double scale = scaling(f);

	if (scale < SCALING && (f->waiting >= WAITING_HALF || f->open)) {
		put_scaling(why, f);
		buf_puts(why, ": requests queue in the system");
		return LIMIT_SYSTEM;
	}
	if (f->waiting < WAITING || isnan(f->waiting)) {
		buf_puts(why, "the plan was kept");
		if (!isnan(f->waiting)) {
			buf_puts(why, ": users waited ");
			put_share(why, f->waiting);
			buf_puts(why, " of their time for answers");
		}
		if (f->busiest >= 0) {
			buf_puts(why, ", and the fullest worker was busy for "
			    "at most ");
			put_share(why, f->busiest);
			buf_puts(why, " of a second");
		}
		return LIMIT_NONE;
	}
	buf_puts(why, "users waited ");
	put_share(why, f->waiting);
	buf_puts(why, " of their time for answers");
	if (scale >= SCALING) {
		buf_puts(why, ", and ");
		put_scaling(why, f);
		buf_puts(why, ": more users would get more");
		return LIMIT_SCHEDULE;
	}
	buf_puts(why, ", of ");
	put_time(why, f->service);
	buf_puts(why, " on average");
	return LIMIT_SYSTEM;
}

enum limit limit_decide(const struct limit_facts *f, struct buf *why)
{
	if (f->requests == 0) {
		buf_puts(why, "no request finished");
		return LIMIT_UNKNOWN;
	}
	if (generator(f, why))
		return LIMIT_GENERATOR;
	if (network(f, why))
		return LIMIT_NETWORK;
	return plan_missed(f) ? missed(f, why) : kept(f, why);
}
