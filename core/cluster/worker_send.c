/*
 * All that a worker sends, apart from worker.c, which decides when: there is
 * one buffer for it, and one rule for what was not taken.
 *
 * A delta is reset only when its report was handed to ZeroMQ, and a report
 * precedes client_stopped and quit, so that a run's last samples are in.
 */
#include "cluster/worker_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/outbox.h"
#include "cluster/wire_custom.h"
#include "cluster/worker_log.h"
#include "cluster/worker_sample.h"

/* Room for every bucket a histogram has. */
#define DELAYS_MAX (64u << 10)

/* ---- sending ---- */

int worker_flush(void)
{
	int rc = -1;

	if (worker.sock != NULL && !worker.out.overflow)
		rc = zsock_send(worker.sock, NULL, worker.out.data,
		    worker.out.len);
	buf_clear(&worker.out);
	return rc;
}

void worker_send_nil(const char *type)
{
	wire_encode_nil(&worker.out, type, worker.id);
	worker_flush();
}

void worker_send_ready(void)
{
	wire_encode_client_ready(&worker.out, worker.id, worker.o.relay_span);
	worker_flush();
}

static const struct wire_count *user_counts(void)
{
	size_t n = worker.o.class_count;

	memset(worker.numbers, 0, n * sizeof *worker.numbers);
	worker.o.counts(worker.numbers, worker.o.arg);
	for (size_t i = 0; i < n; i++)
		worker.counts[i] = (struct wire_count){
			worker.o.class_names[i], worker.numbers[i] };
	return worker.counts;
}

void worker_tell_progress(void)
{
	struct wire_progress all[WIRE_MAX_EXECUTORS];
	size_t count;

	if (worker.sock == NULL || !worker.swarm || !worker.registered ||
	    worker.o.progress == NULL)
		return;
	count = worker.o.progress(all, worker.o.arg);
	if (count == 0)
		return;
	wire_encode_progress(&worker.out, worker.id, all, count);
	worker_flush();
}

/* To a swarm master, which says later that it has it. */
static void send_numbered(const struct wire_count *counts)
{
	struct wire_ticket ticket = { 0 };
	int64_t offset;
	int64_t error;

	outbox_number(&ticket);
	ticket.test = worker.test;
	ticket.words = &worker.words;
	if (worker_master_clock(&offset, &error))
		ticket.at = clock_now() + offset;
	wire_stats_encode(&worker.out, worker.id, worker.o.stats, &ticket,
	    counts, worker.o.class_count);
	if (worker.out.overflow) {
		worker_flush();
		return;
	}
	outbox_keep(&worker.out);
	/* One that could not be sent goes with the next answer. */
	worker_flush();
	stats_reset(worker.o.stats);
	wire_words_clear(&worker.words);
}

void worker_send_report(bool last)
{
	const struct wire_count *counts = user_counts();

	if (worker.old_run)
		stats_reset(worker.o.stats);
	/* First: who takes an iteration for done has its samples soon. */
	worker_tell_progress();
	if (worker.swarm) {
		if (outbox_full(last))
			return;
		if (worker.o.reporting != NULL)
			worker.o.reporting(worker.o.arg);
		send_numbered(counts);
		return;
	}
	wire_stats_encode_locust(&worker.out, worker.id, worker.o.stats, counts,
	    worker.o.class_count);
	if (worker_flush() == 0)
		stats_reset(worker.o.stats);
}

int worker_send_again(const void *data, size_t len, void *arg)
{
	(void)arg;
	return worker.sock == NULL ? -1 :
	    zsock_send(worker.sock, NULL, data, len);
}

void worker_send_logs(void)
{
	if (worker.swarm && worker_log_encode(&worker.out, worker.id))
		worker_flush();
}

/* ---- heartbeats ---- */

void worker_send_heartbeat(void)
{
	static const char *const names[] = { [WORKER_READY] = "ready",
		[WORKER_SPAWNING] = "spawning", [WORKER_RUNNING] = "running" };
	struct wire_heartbeat hb = { .state = names[worker.state],
		.sent = clock_now(), .clock_error = -1 };
	struct histogram *delays = worker_sample_delays();
	struct buf packed = BUF_INIT(DELAYS_MAX);

	worker_master_clock(&hb.clock_offset, &hb.clock_error);
	worker_sample(&hb.health);
	if (worker.o.health != NULL)
		worker.o.health(&hb.health, delays, worker.o.arg);
	if (!worker.swarm)
		hb.health.loop_busy = -1;
	if (histogram_encode(delays, &packed) == 0) {
		hb.delays = packed.data;
		hb.delays_len = packed.len;
	}
	wire_encode_heartbeat(&worker.out, worker.id, &hb);
	if (worker_flush() == 0)
		histogram_clear(delays);
	buf_release(&packed);
}

/* ---- what the run says ---- */

void worker_spawned(void)
{
	if (worker.sock == NULL || worker.stopping ||
	    worker.state == WORKER_READY)
		return;
	worker.state = WORKER_RUNNING;
	if (!worker.registered)
		return;
	wire_encode_spawning_complete(&worker.out, worker.id, user_counts(),
	    worker.o.class_count);
	worker_flush();
}

void worker_stopped(double stop_timeout)
{
	int64_t ready = clock_now();

	if (worker.sock == NULL || !worker.stopping)
		return;
	worker.words.stopped = true;
	if (worker.registered) {
		worker_send_report(true);
		worker_send_nil("client_stopped");
	}
	worker.registered = false;
	if (!worker.swarm)
		ready = worker.stop_came +
		    (int64_t)(stop_timeout * (double)NS_PER_S);
	wheel_add(&worker.ready_again, ready);
}

/* Locust knows no such message: there this worker leaves, and the test ends
 * with the last one. */
void worker_stop_test(const char *why)
{
	if (worker.sock == NULL || !worker.registered)
		return;
	if (!worker.swarm) {
		log_warn("the scenario ended the test (%s): this worker "
		    "leaves", why);
		worker.o.quit(worker.o.arg);
		return;
	}
	wire_encode_stop_test(&worker.out, worker.id, why);
	worker_flush();
}

void worker_ask_rows(const struct wire_rows_wanted *wanted)
{
	if (worker.sock == NULL || !worker.registered || !worker.swarm)
		return;
	wire_encode_rows_wanted(&worker.out, worker.id, wanted);
	worker_flush();
}

/* A relay may have more of them than one report holds. */
void worker_tell_module(const struct wire_module *m)
{
	if (worker.sock == NULL || !worker.swarm ||
	    wire_words_add_module(&worker.words, m) == 0)
		return;
	if (worker.o.relay_span > 0 && worker.registered)
		worker_send_report(false);
	if (wire_words_add_module(&worker.words, m) == -1)
		log_warn("what module %s tells the master (%zu bytes) is "
		    "dropped: too much waits to be sent", m->module, m->len);
}

void worker_tell_below(const struct wire_below *b)
{
	if (worker.sock != NULL && worker.swarm)
		wire_words_add_below(&worker.words, b);
}

void worker_tell_flight(const struct wire_flight *f)
{
	if (worker.sock == NULL || !worker.swarm || !worker.registered)
		return;
	wire_encode_flight(&worker.out, worker.id, f);
	worker_flush();
}

int worker_meet(const struct wire_meet *m)
{
	if (worker.sock == NULL || !worker.swarm || !worker.registered)
		return -1;
	wire_encode_meet(&worker.out, worker.id, m);
	return worker_flush();
}

int worker_send_custom(const char *type, const char *json)
{
	if (worker.sock == NULL || !worker.registered) {
		errno = ENOTCONN;
		return -1;
	}
	if (!bucket_take(&worker.custom, 1, BUCKET_CUSTOM_RATE,
	    BUCKET_CUSTOM_BURST)) {
		errno = EAGAIN;
		return -1;
	}
	if (wire_encode_custom(&worker.out, worker.id, type, json) == -1) {
		buf_clear(&worker.out);
		errno = EINVAL;
		return -1;
	}
	return worker_flush();
}

void worker_forward_custom(const struct wire_message *m)
{
	if (worker.sock == NULL || !worker.registered)
		return;
	wire_forward_custom(&worker.out, worker.id, m);
	worker_flush();
}

void worker_exception(const char *message, const char *where)
{
	if (worker.sock == NULL || !worker.registered || !worker_log_allow())
		return;
	wire_encode_exception(&worker.out, worker.id, message, where);
	worker_flush();
}
