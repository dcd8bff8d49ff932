/*
 * See the header.
 *
 * Workers have what is due within LOOK, and no more than AHEAD events that
 * they have not reported as due: so neither they nor the messages on their way
 * grow with the file.  LOOK is what a stall of the master or of the network
 * may take without an event being late, and of a worker elsewhere that is lost
 * it is what nobody knows the end of.  The disk is read on the loop, in pieces of a
 * few milliseconds.
 */
#include "run/replay.h"

#include <string.h>

#include <swarm/trace.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/handout.h"
#include "cluster/master.h"
#include "cluster/wire.h"
#include "run/executor.h"
#include "run/internal.h"
#include "run/trace.h"
#include "stats/stats.h"

#define LOOK   (500 * NS_PER_MS)
#define EVERY  (50 * NS_PER_MS)
#define SAY    (5 * NS_PER_S)
#define PIECE  (5 * NS_PER_MS)          /* of the loop's time */
#define AHEAD  1000000
#define AHEAD_BYTES (256 << 20)

static struct {
	const struct trace_options *o;  /* NULL: there is no replay */
	struct trace *trace;
	bool fresh;                     /* opened, and nothing taken */
	struct executor *executor;
	struct handout handout;
	struct record next;
	bool has_next;
	bool over;                      /* nothing more to read */
	bool told;                      /* and the executor knows */
	uint64_t bytes;
	struct trace_counts counts;     /* that were counted */
	int64_t say;                    /* that the first is looked for */
	struct wheel_timer timer;
} feed;

static void fired(struct wheel_timer *);

/* ---- counting ---- */

static void count(const char *name, uint64_t now, uint64_t *before)
{
	struct stats *s = run.options.stats;

	if (now > *before && s != NULL)
		stats_count(s, stats_counter(s, name),
		    (int64_t)(now - *before));
	*before = now;
}

/* So that every result has them. */
static void count_all(void)
{
	struct trace_counts now;

	trace_counts(feed.trace, &now);
	count("replay: events", now.events, &feed.counts.events);
	count("replay: unreadable", now.unreadable, &feed.counts.unreadable);
	count("replay: out of order", now.out_of_order,
	    &feed.counts.out_of_order);
	count("replay: left out", now.left_out, &feed.counts.left_out);
}

/* ---- handing out ---- */

/* NULL: it is none of the run's workers. */
static struct share *share_of(const struct peer *p)
{
	struct share **shares = p->run;

	for (size_t i = 0; shares != NULL && i < run.count; i++) {
		if (run.executors[i] == feed.executor)
			return shares[i];
	}
	return NULL;
}

static void on_gave(struct peer *p, void *arg)
{
	struct share *s = share_of(p);

	(void)arg;
	if (s != NULL)
		s->sent++;
}

static bool hand_out(void)
{
	if (handout_put(&feed.handout, &feed.next, 0) == -1)
		return false;
	feed.bytes += RECORD_HEAD + feed.next.user_len +
	    feed.next.payload_len;
	return true;
}

/* Workers have as much before them as they may. */
static bool far_ahead(void)
{
	int64_t sent = 0;
	int64_t ahead = executor_replay_ahead(feed.executor, &sent);

	return handout_full(&feed.handout) || ahead > AHEAD || (sent > 0 &&
	    (double)ahead * (double)feed.bytes / (double)sent >
	    (double)AHEAD_BYTES);
}

static void end_of_trace(void)
{
	feed.over = true;
	if (feed.counts.events == 0)
		log_error("%s: no event is left to replay", feed.o->path);
}

/* Has an event to hand out, or is over.  False: there is more to read. */
static bool look(void)
{
	if (feed.has_next)
		return true;
	switch (trace_next(feed.trace, &feed.next)) {
	case TRACE_MORE:
		return false;
	case TRACE_EVENT:
		feed.has_next = true;
		return true;
	case TRACE_FAILED:
		log_error("%s can't be read on: the replay ends here",
		    feed.o->path);
		/* The verdict is to know. */
		if (run.options.stats != NULL)
			stats_exception(run.options.stats,
			    "the trace can't be read to its end", "",
			    "master");
		break;
	case TRACE_END:
		break;
	}
	count_all();
	end_of_trace();
	return true;
}

/* To the first event, which may be far into the file: only then time begins.
 * True: there is more to do at once. */
static bool find_first(void)
{
	int64_t now = clock_now();
	int64_t stop = now + PIECE;

	if (feed.say == 0)
		feed.say = now + SAY;
	if (now >= feed.say) {
		feed.say = now + SAY;
		log_info("%s: looking for its first event, %llu are left out "
		    "so far", feed.o->path,
		    (unsigned long long)feed.counts.left_out);
	}
	while (!look()) {
		if (clock_now() > stop) {
			count_all();
			return true;
		}
	}
	if (feed.over)
		return false;
	executor_replay_ready(feed.executor);
	wheel_add(&run.next, clock_now());
	return false;
}

/* What is due until `until` of the replay's time.  True: there is more to do
 * at once. */
static bool feed_until(int64_t until)
{
	int64_t stop = clock_now() + PIECE;

	for (unsigned n = 0; !feed.over; n++) {
		if ((n & 63) == 0 && clock_now() > stop)
			return true;
		if (!look()) {
			n |= 63;
			continue;
		}
		if (feed.over || feed.next.due > until ||
		    ((n & 63) == 0 && far_ahead()) || !hand_out())
			return false;
		feed.has_next = false;
	}
	return false;
}

static void find_workers(void)
{
	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (fleet_takes_part(p) && p->run != NULL &&
		    !handout_has(&feed.handout, p))
			handout_join(&feed.handout, p);
	}
}

/* What was read is on its way, or was done with. */
static void look_at_end(void)
{
	if (!feed.over)
		return;
	if (!feed.told && handout_idle(&feed.handout)) {
		feed.told = true;
		executor_replay_over(feed.executor, run_now());
	}
	feed.handout.hurry = true;
	executor_replay_settled(feed.executor, handout_over(&feed.handout));
}

static void fired(struct wheel_timer *t)
{
	int64_t origin;
	bool more = false;

	if (!feed.over && !feed.has_next && feed.counts.events == 0)
		more = find_first();
	if (executor_replay_origin(feed.executor, &origin) &&
	    !run.status.paused) {
		find_workers();
		more = feed_until(run_now() - origin + LOOK);
		handout_flush(&feed.handout, run_now() - origin);
		count_all();
	}
	wheel_add(t, clock_now() + (more ? NS_PER_MS : EVERY));
	if (!feed.over)
		return;
	look_at_end();
	/* The run looks whether this was the end. */
	wheel_add(&run.next, clock_now());
}

/* ---- life ---- */

int replay_feed_init(const struct trace_options *o)
{
	memset(&feed, 0, sizeof feed);
	feed.o = o;
	feed.timer.fire = fired;
	feed.trace = trace_open(o);
	feed.fresh = feed.trace != NULL;
	return feed.fresh ? 0 : -1;
}

void replay_feed_release(void)
{
	replay_feed_end();
	trace_close(feed.trace);
	memset(&feed, 0, sizeof feed);
}

int replay_feed_begin(struct executor *e)
{
	if (!feed.fresh) {
		trace_close(feed.trace);
		feed.trace = trace_open(feed.o);
	}
	if (feed.trace == NULL)
		return -1;
	feed.fresh = false;
	feed.executor = e;
	feed.has_next = feed.over = feed.told = false;
	feed.handout.gave = on_gave;
	feed.handout.hurry = false;
	feed.bytes = 0;
	feed.say = 0;
	memset(&feed.counts, 0, sizeof feed.counts);
	wheel_add(&feed.timer, clock_now() + NS_PER_MS);
	return 0;
}

void replay_feed_end(void)
{
	wheel_del(&feed.timer);
	handout_release(&feed.handout);
	if (feed.executor == NULL)
		return;
	feed.executor = NULL;
	count_all();
	trace_say(feed.trace);
}

/* ---- workers ---- */

void replay_feed_progress(const struct peer *p,
    const struct wire_progress *news, size_t count)
{
	if (feed.executor == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(news[i].name,
		    executor_spec(feed.executor)->name) != 0)
			continue;
		handout_settled(&feed.handout, p, news[i].settled);
		if (news[i].beyond != NULL)
			handout_stopped(&feed.handout, p, news[i].settled,
			    news[i].beyond, news[i].beyond_len);
	}
	look_at_end();
}

static void count_event(const char *name, int64_t n)
{
	struct stats *s = run.options.stats;

	if (n > 0 && s != NULL)
		stats_count(s, stats_counter(s, name), n);
}

static void gone(const struct peer *p, bool ended, int64_t accounted)
{
	struct handout_account a;
	int64_t doubt;

	handout_gone(&feed.handout, p, ended, &a);
	if (accounted < a.settled)
		accounted = a.settled;
	doubt = accounted < a.given ? a.given - accounted - a.again - a.lost :
	    0;
	if (doubt < 0 || a.exact)
		doubt = 0;
	count_event("replay: given to another worker", a.again);
	count_event("replay: lost with a worker", a.lost);
	count_event("replay: in doubt", doubt);
	if (doubt + a.again + a.lost > 0)
		log_warn("worker %lld had %lld events to replay that it was "
		    "not done with: %lld were not begun and are given to "
		    "others, %lld may have been begun and are not begun "
		    "again%s", (long long)p->index,
		    (long long)(a.again + a.lost + doubt),
		    (long long)a.again, (long long)doubt,
		    a.lost > 0 ? "; nobody is left for the rest" : "");
	look_at_end();
}

void replay_feed_reported(const struct peer *p)
{
	struct share *s = share_of(p);

	if (s != NULL)
		s->measured = s->lease.done;
}

void replay_feed_lost(const struct peer *p)
{
	const struct share *s = share_of(p);

	if (feed.executor == NULL || !handout_has(&feed.handout, p))
		return;
	if (s != NULL)
		count_event("replay: done and not measured",
		    s->lease.done - s->measured);
	gone(p, p->ended, s != NULL ? s->lease.done + s->dropped : 0);
}

void replay_feed_leaves(struct peer *p)
{
	if (feed.executor != NULL)
		handout_leave(&feed.handout, p);
}

/* What it had begun has ended; of one elsewhere it is known what that was if
 * it has said so. */
void replay_feed_stopped(const struct peer *p)
{
	if (feed.executor == NULL || !handout_has(&feed.handout, p))
		return;
	gone(p, true, p->begun != NULL ? INT64_MAX : 0);
}
