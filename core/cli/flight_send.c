/* See the header.  A line of JSON for each event; report/flight.h reads it. */
#include "cli/flight_send.h"

#include "base/clock.h"
#include "base/jsonw.h"
#include "cluster/wire.h"
#include "cluster/worker.h"
#include "fiber/wheel.h"
#include "stats/stats.h"
#include "user/flight.h"

static struct {
	const struct stats *stats;
	struct wheel_timer timer;
	struct wire_flight asked;       /* its id is 0: nothing is */
	struct flight_pick pick;
	/* What was there when it was asked for: in a busy worker's ring it
	 * might not be any more when the answer is due. */
	struct flight_event events[FLIGHT_MOST];
	size_t count;
} sender;

static void put_event(struct buf *out, const struct flight_event *e,
    int64_t offset)
{
	const struct series *s;
	struct jsonw j;

	/* Of the test before, whose series are gone. */
	if (e->series >= sender.stats->count)
		return;
	s = sender.stats->series[e->series];
	jsonw_init(&j, out, 0);
	jsonw_object(&j);
	jsonw_put_int(&j, "user", e->user);
	jsonw_put_string(&j, "task", e->task != NULL ? e->task : "");
	jsonw_put_string(&j, "type", s->type);
	jsonw_put_string(&j, "name", s->name);
	jsonw_put_int(&j, "end_ns", e->end + offset);
	jsonw_put_int(&j, "service_ns", e->service);
	jsonw_put_int(&j, "lag_ns", e->lag);
	jsonw_put_string(&j, "error", e->error);
	jsonw_end(&j);
	buf_putc(out, '\n');
}

void flight_send_now(void)
{
	struct wire_flight answer = { .id = sender.asked.id };
	struct buf lines = BUF_INIT(WIRE_MAX_FLIGHT);
	int64_t offset = 0, error;
	size_t whole = 0;

	if (sender.asked.id == 0)
		return;
	wheel_del(&sender.timer);
	sender.count += flight_take(&sender.pick, sender.events +
	    sender.count);
	worker_master_clock(&offset, &error);
	for (size_t i = 0; i < sender.count && !lines.overflow; i++) {
		whole = lines.len;
		put_event(&lines, &sender.events[i], offset);
	}
	/* Long names: what does not fit is left out. */
	answer.lines = lines.data;
	answer.len = lines.overflow ? whole : lines.len;
	worker_tell_flight(&answer);
	sender.asked.id = 0;
	buf_release(&lines);
}

static void timer_fired(struct wheel_timer *t)
{
	(void)t;
	flight_send_now();
}

void flight_send_asked(const struct wire_flight *f)
{
	int64_t now = clock_now();

	flight_send_now();
	sender.asked = *f;
	sender.pick = (struct flight_pick){ .from = now -
		(int64_t)f->before_ns };
	sender.count = flight_take(&sender.pick, sender.events);
	wheel_add(&sender.timer, now + (int64_t)f->after_ns);
}

void flight_send_start(const struct stats *stats)
{
	sender.stats = stats;
	sender.timer.fire = timer_fired;
	flight_init(FLIGHT_EVENTS);
}

void flight_send_stop(void)
{
	wheel_del(&sender.timer);
	sender.asked.id = 0;
	flight_release();
}
