/* A worker or a stranger sends a frame to the master, or a master to a
 * worker: whatever the type says, every reader gets the data. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "cluster/numbers.h"
#include "cluster/wire.h"
#include "cluster/wire_custom.h"
#include "cluster/wire_files.h"
#include "user/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_count(const char *name, int64_t count, void *arg)
{
	(void)arg;
	if (name == NULL || count < 0)
		abort();
}

static void on_line(int level, const char *line, void *arg)
{
	(void)arg;
	if (level < -1 || line == NULL)
		abort();
}

static void read_all(const struct wire_message *m)
{
	char text[WIRE_MAX_TEXT];
	char more[WIRE_MAX_TEXT];
	struct wire_heartbeat hb;
	struct wire_spawn spawn;
	struct wire_ack ack;
	uint64_t dropped;

	wire_read_client_ready(&m->data, text, sizeof text);
	wire_read_ack(&m->data, &ack);
	wire_read_heartbeat(&m->data, &hb);
	if (wire_read_spawn(&m->data, &spawn) == 0)
		wire_spawn_release(&spawn);
	wire_read_counts(&m->data, on_count, NULL);
	wire_read_exception(&m->data, text, sizeof text, more, sizeof more);
	wire_read_logs(&m->data, on_line, NULL, &dropped);
	wire_read_stop_test(&m->data, text, sizeof text);
}

/* The run's messages; a plan is parsed as a worker does. */
static void read_run(const struct wire_message *m)
{
	struct wire_progress all[WIRE_MAX_EXECUTORS];
	char *text = wire_read_plan(&m->data);
	struct wire_flight flight;
	struct wire_meet meet;
	struct plan plan;
	int64_t released;
	bool stopped;
	size_t count = 0;
	char name[80];

	if (text != NULL && plan_parse(&plan, text) == 0)
		plan_release(&plan);
	free(text);
	if (wire_read_progress(&m->data, all, &count) == 0 &&
	    count > WIRE_MAX_EXECUTORS)
		abort();
	if (wire_read_meet(&m->data, &meet) == 0 && meet.wanted < 1)
		abort();
	wire_read_met(&m->data, name, sizeof name, &released);
	wire_words_read(&m->data, &stopped, NULL, NULL, NULL);
	if (wire_read_flight(&m->data, &flight) == 0 &&
	    flight.len > WIRE_MAX_FLIGHT)
		abort();
}

/* What else two swarm peers say to each other. */
static void read_swarm(const struct wire_message *m)
{
	struct wire_file files[WIRE_FILES_MAX];
	struct wire_rows_wanted wanted;
	static struct wire_crash crash;
	struct numbers_list list = { 0 };
	struct wire_order order;
	struct wire_pong pong;
	struct wire_part part;
	struct wire_rows rows;
	uint64_t number;
	size_t count = 0;
	bool allowed;

	if (wire_read_order(&m->data, &order) && order.number == 0)
		abort();
	wire_read_taken(&m->data, &number);
	if (wire_read_crash(&m->data, &crash) == 0 &&
	    crash.count > WIRE_MAX_STACK)
		abort();
	wire_read_pong(&m->data, &pong);
	wire_read_rows(&m->data, &rows);
	wire_read_rows_wanted(&m->data, &wanted);
	wire_read_part(&m->data, &part);
	if (wire_read_files(&m->data, &allowed, files, &count) == 0 &&
	    count > WIRE_FILES_MAX)
		abort();
	if (m->data.type == MSGPACK_OBJECT_BIN)
		numbers_decode(&list, 1000, m->data.via.bin.ptr,
		    m->data.via.bin.size);
	free(list.at);
	free(wire_read_custom(m));
}

/* A refused report leaves no trace. */
static void read_report(const struct wire_message *m)
{
	struct stats *stats = stats_new(50, 50);

	if (wire_report_read(&m->data, stats, 1795249175, on_count, NULL) ==
	    -1 && (stats->count != 0 || stats->error_count != 0 ||
	    stats->counter_count != 0 || stats->total.service.count != 0 ||
	    stats->total.requests != 0))
		abort();
	stats_free(stats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_message m;

	if (wire_decode(&m, data, size) == -1)
		return 0;
	read_all(&m);
	read_run(&m);
	read_swarm(&m);
	read_report(&m);
	wire_message_release(&m);
	return 0;
}
