/*
 * Messages to the byte: what swarm writes is compared with files that the
 * library Locust uses has written, and what a stranger may send does no harm.
 */
#include "cluster/wire.h"

#include <swarm/version.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/wire_object.h"

#define ID "host1_0123456789abcdef0123456789abcdef"

/* A file of the corpus; the caller releases. */
static struct buf load(const char *name)
{
	struct buf b = BUF_INIT(1u << 20);
	char path[512];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/wire/%s",
	    TEST_SOURCE_DIR, name);
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("no %s", path);
	n = fread(buf_reserve(&b, 1u << 16), 1, 1u << 16, f);
	b.len += n;
	fclose(f);
	return b;
}

static void assert_golden(struct buf *got, const char *name)
{
	struct buf want = load(name);

	assert_false(got->overflow);
	assert_int_equal(got->len, want.len);
	assert_memory_equal(got->data, want.data, want.len);
	buf_release(&want);
	buf_release(got);
}

static void test_golden_bytes(void **state)
{
	const struct wire_count counts[] = { { "Alpha", 1 }, { "Beta", 0 } };
	const struct wire_heartbeat hb = { .state = "ready",
		.health = { .memory = 59609088, .loop_busy = -1 } };
	const struct wire_ack ack = { .index = 0 };
	const struct wire_spawn spawn = { .timestamp = 1795249162.9734259,
		.host = "http://127.0.0.1:28180", .counts = counts,
		.count = 2 };
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

	(void)state;
	wire_encode_ack(&b, ID, &ack);
	assert_golden(&b, "ack");
	wire_encode_heartbeat(&b, ID, &hb);
	assert_golden(&b, "heartbeat");
	wire_encode_nil(&b, "heartbeat", ID);
	assert_golden(&b, "heartbeat_reply");
	wire_encode_nil(&b, "spawning", ID);
	assert_golden(&b, "spawning");
	wire_encode_nil(&b, "quit", ID);
	assert_golden(&b, "quit");
	wire_encode_spawn(&b, ID, &spawn);
	assert_golden(&b, "spawn");
	wire_encode_spawning_complete(&b, ID, counts, 2);
	assert_golden(&b, "spawning_complete");
	wire_encode_ramp_complete(&b, ID, 6);
	assert_golden(&b, "ramp_complete");
	wire_encode_exception(&b, ID, "kaboom",
	    "  File \"task.py\", line 363, in run\n");
	assert_golden(&b, "exception");
}

/* Decodes or fails the test; the frame is kept until the next one. */
static void decode(struct wire_message *m, struct buf *b)
{
	static struct buf frame = BUF_INIT(WIRE_MAX_MESSAGE);

	buf_release(&frame);
	buf_add(&frame, b->data, b->len);
	buf_release(b);
	assert_int_equal(wire_decode(m, frame.data, frame.len), 0);
}

static void decode_file(struct wire_message *m, const char *name)
{
	struct buf b = load(name);

	decode(m, &b);
	if (strcmp(m->type_name, "ping") != 0)
		assert_string_equal(m->node_id, ID);
}

static void test_client_ready(void **state)
{
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct wire_message m;
	char version[96];

	(void)state;
	decode_file(&m, "client_ready");
	assert_int_equal(m.type, WIRE_CLIENT_READY);
	assert_int_equal(wire_read_client_ready(&m.data, version,
	    sizeof version), 0);
	assert_string_equal(version, "2.46.3");
	wire_message_release(&m);
	decode_file(&m, "client_ready_no_check");
	assert_int_equal(wire_read_client_ready(&m.data, version,
	    sizeof version), 0);
	assert_string_equal(version, "-1");
	wire_message_release(&m);
	decode_file(&m, "client_ready_debian");
	assert_int_equal(wire_read_client_ready(&m.data, version,
	    sizeof version), 0);
	assert_string_equal(version, "");
	wire_message_release(&m);
	decode_file(&m, "quit");
	assert_int_equal(wire_read_client_ready(&m.data, version,
	    sizeof version), -1);
	wire_message_release(&m);
	wire_encode_client_ready(&b, ID, 0);
	decode(&m, &b);
	assert_int_equal(wire_read_client_ready(&m.data, version,
	    sizeof version), WIRE_LEVEL);
	assert_string_equal(wire_program_of(version), SWARM_VERSION);
	/* Locust compares the first four characters. */
	assert_memory_equal(version, WIRE_LOCUST_VERSION, 4);
	wire_message_release(&m);
}

static void test_ack(void **state)
{
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct wire_message m;
	struct wire_ack ack;

	(void)state;
	decode_file(&m, "ack");
	assert_int_equal(wire_read_ack(&m.data, &ack), 0);
	assert_int_equal(ack.index, 0);
	assert_false(ack.swarm);
	wire_message_release(&m);
	decode_file(&m, "ack_old");
	assert_int_equal(wire_read_ack(&m.data, &ack), 0);
	assert_int_equal(ack.index, -1);
	wire_message_release(&m);
	ack = (struct wire_ack){ .index = 7, .swarm = true,
		.report_interval = 0.5, .instance = 12345678901,
		.seed = (UINT64_C(1) << 53) - 1 };
	wire_encode_ack(&b, ID, &ack);
	ack = (struct wire_ack){ 0 };
	decode(&m, &b);
	assert_int_equal(wire_read_ack(&m.data, &ack), 0);
	assert_int_equal(ack.index, 7);
	assert_true(ack.swarm);
	assert_true(ack.report_interval == 0.5);
	assert_true(ack.instance == 12345678901);
	/* A machine that has been up for days makes one of that size. */
	assert_true(ack.seed == (UINT64_C(1) << 53) - 1);
	wire_message_release(&m);
}

static void test_heartbeat(void **state)
{
	struct wire_heartbeat hb = { .state = "running" };
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct buf delays = BUF_INIT(4096);
	struct histogram h;
	struct wire_message m;

	(void)state;
	histogram_init(&h);
	histogram_record_n(&h, 5 * NS_PER_MS, 100);
	histogram_encode(&h, &delays);
	health_init(&hb.health);
	hb.health.cpu = 12.5;
	hb.health.memory = 1 << 20;
	hb.health.loop_busy = 0.25;
	hb.health.loop_delay_ms = 3;
	hb.health.delay_p99_ms = 2.5;
	hb.health.descriptors = 77;
	hb.health.descriptors_max = 1024;
	hb.health.arrivals = 1000;
	hb.health.dropped = 7;
	hb.delays = delays.data;
	hb.delays_len = delays.len;
	/* Clocks count from the starts of machines that may be years apart. */
	hb.clock_error = 1000;
	hb.clock_offset = -INT64_C(4000) * 86400 * NS_PER_S;
	wire_encode_heartbeat(&b, ID, &hb);
	memset(&hb, 0, sizeof hb);
	decode(&m, &b);
	assert_int_equal(wire_read_heartbeat(&m.data, &hb), 0);
	assert_string_equal(hb.state, "running");
	assert_true(hb.health.cpu == 12.5);
	assert_int_equal(hb.health.memory, 1 << 20);
	assert_true(hb.health.loop_busy == 0.25);
	assert_true(hb.health.loop_delay_ms == 3);
	assert_true(hb.health.delay_p99_ms == 2.5);
	assert_int_equal(hb.health.descriptors, 77);
	assert_int_equal(hb.health.descriptors_max, 1024);
	assert_int_equal(hb.health.arrivals, 1000);
	assert_int_equal(hb.health.dropped, 7);
	/* Nobody said. */
	assert_int_equal(hb.health.ports, -1);
	assert_true(hb.health.resent == -1);
	assert_true(hb.clock_offset == -INT64_C(4000) * 86400 * NS_PER_S);
	histogram_clear(&h);
	assert_int_equal(histogram_decode_add(&h, hb.delays, hb.delays_len),
	    0);
	assert_int_equal(h.count, 100);
	histogram_release(&h);
	buf_release(&delays);
	wire_message_release(&m);
	/* Half a histogram makes the whole message refused. */
	hb.delays_len = 3;
	hb.delays = "\x01\x05\x00";
	wire_encode_heartbeat(&b, ID, &hb);
	decode(&m, &b);
	assert_int_equal(wire_read_heartbeat(&m.data, &hb), -1);
	wire_message_release(&m);
	decode_file(&m, "heartbeat");
	assert_int_equal(wire_read_heartbeat(&m.data, &hb), 0);
	assert_string_equal(hb.state, "ready");
	assert_true(hb.health.loop_busy == -1);
	wire_message_release(&m);
}

static void test_spawn(void **state)
{
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct wire_message m;
	struct wire_spawn spawn;

	(void)state;
	decode_file(&m, "spawn");
	assert_int_equal(wire_read_spawn(&m.data, &spawn), 0);
	wire_message_release(&m);
	assert_true(spawn.timestamp == 1795249162.9734259);
	assert_string_equal(spawn.host, "http://127.0.0.1:28180");
	assert_int_equal(spawn.count, 2);
	assert_string_equal(spawn.counts[0].name, "Alpha");
	assert_int_equal(spawn.counts[0].count, 1);
	wire_spawn_release(&spawn);
	decode_file(&m, "spawn_old");
	assert_int_equal(wire_read_spawn(&m.data, &spawn), 0);
	wire_message_release(&m);
	assert_null(spawn.host);
	assert_null(spawn.plan);
	assert_true(spawn.stop_timeout == 0);
	wire_spawn_release(&spawn);
	spawn = (struct wire_spawn){ .timestamp = 1, .plan = "a=1" };
	wire_encode_spawn(&b, ID, &spawn);
	decode(&m, &b);
	assert_int_equal(wire_read_spawn(&m.data, &spawn), 0);
	wire_message_release(&m);
	assert_string_equal(spawn.plan, "a=1");
	assert_int_equal(spawn.count, 0);
	wire_spawn_release(&spawn);
}

struct seen {
	int level;
	int lines;
	char last[128];
};

static void on_line(int level, const char *line, void *arg)
{
	struct seen *seen = arg;

	seen->level = level;
	seen->lines++;
	snprintf(seen->last, sizeof seen->last, "%s", line);
}

static void test_logs(void **state)
{
	const struct wire_log lines[] = { { LOG_LEVEL_INFO, "one" },
		{ LOG_LEVEL_ERROR, "two" } };
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct seen seen = { 0 };
	struct wire_message m;
	uint64_t dropped = 1;

	(void)state;
	decode_file(&m, "logs");
	assert_int_equal(wire_read_logs(&m.data, on_line, &seen, &dropped), 0);
	assert_int_equal(dropped, 0);
	assert_int_equal(seen.lines, 1);
	assert_int_equal(seen.level, -1);
	wire_message_release(&m);
	wire_encode_logs(&b, ID, lines, 2, 17);
	decode(&m, &b);
	assert_int_equal(wire_read_logs(&m.data, on_line, &seen, &dropped), 0);
	assert_int_equal(dropped, 17);
	assert_int_equal(seen.lines, 3);
	assert_int_equal(seen.level, LOG_LEVEL_ERROR);
	assert_string_equal(seen.last, "two");
	wire_message_release(&m);
}

/* What swarm peers tell each other about a run, there and back. */
static void test_run_messages(void **state)
{
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	const struct wire_progress two[] = {
		{ "browse", 3, 10, 9, 8, 7, 6, 5, 4, 77, "\5\0\1", 3 },
		{ "", 0, 1, 1, 0, 0, 0, 0, 0, 0, NULL, 0 } };
	const struct wire_meet meet = { "gate", 6, 5, 1 };
	const struct wire_replay events = { "e\0vent", 6, UINT64_C(3) << 40,
		true };
	struct wire_replay got;
	const struct wire_order order = { 7, 5, 3 };
	struct wire_order ordered;
	struct wire_progress back[WIRE_MAX_EXECUTORS];
	struct wire_meet met;
	struct wire_message m;
	int64_t released;
	char name[80];
	size_t count;
	char *text;

	(void)state;
	wire_encode_plan(&b, ID, "pause 0 0\nexecutor a\n", &order);
	decode(&m, &b);
	assert_int_equal(m.type, WIRE_PLAN);
	assert_true(wire_read_order(&m.data, &ordered));
	assert_memory_equal(&ordered, &order, sizeof order);
	text = wire_read_plan(&m.data);
	assert_string_equal(text, "pause 0 0\nexecutor a\n");
	free(text);
	assert_int_equal(wire_read_meet(&m.data, &met), -1);
	assert_int_equal(wire_read_progress(&m.data, back, &count), -1);
	wire_message_release(&m);
	wire_encode_progress(&b, ID, two, 2);
	decode(&m, &b);
	assert_int_equal(m.type, WIRE_PROGRESS);
	assert_int_equal(wire_read_progress(&m.data, back, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(back[0].name, "browse");
	assert_int_equal(back[0].lease, 3);
	assert_int_equal(back[0].started, 10);
	assert_int_equal(back[0].idle, 4);
	assert_int_equal(back[0].settled, 77);
	assert_int_equal(back[0].beyond_len, 3);
	assert_memory_equal(back[0].beyond, "\5\0\1", 3);
	assert_null(back[1].beyond);
	assert_null(wire_read_plan(&m.data));
	wire_message_release(&m);
	wire_encode_meet(&b, ID, &meet);
	decode(&m, &b);
	assert_int_equal(m.type, WIRE_MEET);
	assert_int_equal(wire_read_meet(&m.data, &met), 0);
	assert_int_equal(met.wanted, 6);
	assert_int_equal(met.arrived, 5);
	assert_int_equal(met.left, 1);
	wire_message_release(&m);
	wire_encode_met(&b, ID, "gate", 12);
	decode(&m, &b);
	assert_int_equal(m.type, WIRE_MET);
	assert_int_equal(wire_read_met(&m.data, name, sizeof name, &released),
	    0);
	assert_int_equal(released, 12);
	wire_message_release(&m);
	wire_encode_replay(&b, ID, &events, &order);
	decode(&m, &b);
	assert_int_equal(m.type, WIRE_REPLAY);
	assert_int_equal(wire_read_replay(&m.data, &got), 0);
	assert_int_equal(got.len, 6);
	assert_memory_equal(got.events, "e\0vent", 6);
	assert_int_equal(got.number, UINT64_C(3) << 40);
	assert_true(got.hurry);
	assert_true(wire_read_order(&m.data, &ordered));
	assert_memory_equal(&ordered, &order, sizeof order);
	assert_int_equal(wire_read_meet(&m.data, &met), -1);
	wire_message_release(&m);
}

static void test_texts(void **state)
{
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct wire_message m;
	char text[32];
	char more[32];

	(void)state;
	wire_encode_stop_test(&b, ID, "limit reached");
	decode(&m, &b);
	assert_int_equal(m.type, WIRE_STOP_TEST);
	assert_int_equal(wire_read_stop_test(&m.data, text, sizeof text), 0);
	assert_string_equal(text, "limit reached");
	wire_message_release(&m);
	decode_file(&m, "exception");
	assert_int_equal(wire_read_exception(&m.data, text, sizeof text, more,
	    sizeof more), 0);
	assert_string_equal(text, "kaboom");
	assert_string_equal(more, "  File \"task.py\", line 363, in ");
	wire_message_release(&m);
	decode_file(&m, "custom");
	assert_int_equal(m.type, WIRE_UNKNOWN);
	assert_string_equal(m.type_name, "ping");
	wire_message_release(&m);
}

/* What becomes of text that is not text. */
static void test_cleaning(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{ "plain", "plain" },
		{ "tab\tand\nline", "tab\tand\nline" },
		{ "bell\a\x7f", "bell  " },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		    "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xff\xc3", "??" },
		{ "\xc0\xaf", "??" },
		{ "\xe0\x80\x80", "???" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" },
		/* Cut at a character's border. */
		{ "1234567890123456789012345678901\xc3\xa9",
		    "1234567890123456789012345678901" },
		{ "123456789012345678901234567890\xc3\xa9",
		    "123456789012345678901234567890" },
	};
	msgpack_object o = { .type = MSGPACK_OBJECT_STR };
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		o.via.str.ptr = cases[i].in;
		o.via.str.size = (uint32_t)strlen(cases[i].in);
		assert_int_equal(wire_object_text(&o, out, sizeof out), 0);
		assert_string_equal(out, cases[i].out);
	}
	o.via.str.ptr = "a\0b";
	o.via.str.size = 3;
	assert_int_equal(wire_object_text(&o, out, sizeof out), -1);
}

/* Hostile frames, as C strings with their length. */
#define FRAME(s) { s, sizeof(s) - 1 }

static void test_refused_frames(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} frames[] = {
		FRAME(""),
		FRAME("\xc1"),
		/* Not an array of three. */
		FRAME("\xc0"), FRAME("\x93\xa1x\xc0"),
		FRAME("\x92\xa1x\xc0"), FRAME("\x94\xa1x\xc0\xa1y\xc0"),
		FRAME("\x83\xa1x\xc0\xa1y\xc0\xa1z\xc0"),
		/* Bytes after it. */
		FRAME("\x93\xa1x\xc0\xa1y\xc0"),
		/* The type or the id is no text. */
		FRAME("\x93\xc4\x01x\xc0\xa1y"), FRAME("\x93\xa1x\xc0\x01"),
		FRAME("\x93\x01\xc0\xa1y"), FRAME("\x93\xa2x\0\xc0\xa1y"),
		/* Lengths that lie. */
		FRAME("\x93\xa1x\xdd\xff\xff\xff\xff\xa1y"),
		FRAME("\x93\xa1x\xdf\xff\xff\xff\xff\xa1y"),
		FRAME("\x93\xa1x\xdb\xff\xff\xff\xff\xa1y"),
		FRAME("\x93\xa1x\xc6\xff\xff\xff\xff\xa1y"),
		FRAME("\x93\xa1x\xdc\x00"), FRAME("\x93\xa1x\xcf\x00"),
		/* Extension types. */
		FRAME("\x93\xa1x\xd4\x01\x01\xa1y"),
		FRAME("\x93\xa1x\xc7\x01\x01\x01\xa1y"),
	};
	struct wire_message m;

	(void)state;
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		if (wire_decode(&m, frames[i].data, frames[i].len) != -1)
			fail_msg("frame %zu was taken", i);
	}
}

static void test_limits(void **state)
{
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct wire_message m;

	(void)state;
	/* One container fewer than the limit is fine. */
	for (int depth = WIRE_MAX_DEPTH - 2; depth <= WIRE_MAX_DEPTH - 1;
	    depth++) {
		buf_puts(&b, "\x93\xa1x");
		for (int i = 0; i < depth - 1; i++)
			buf_puts(&b, "\x91");
		buf_puts(&b, "\x90\xa1y");
		if (depth == WIRE_MAX_DEPTH - 2) {
			assert_int_equal(wire_decode(&m, b.data, b.len), 0);
			wire_message_release(&m);
		}
		buf_clear(&b);
	}
	for (int i = 0; i < 1000; i++)
		buf_puts(&b, "\x91");
	assert_int_equal(wire_decode(&m, b.data, b.len), -1);
	buf_clear(&b);
	/* Too many values: an array of nils. */
	buf_add(&b, "\x93\xa1x\xdd\x00\x40\x00\x00", 8);
	memset(buf_reserve(&b, 1u << 22), 0xc0, 1u << 22);
	b.len += 1u << 22;
	buf_puts(&b, "\xa1y");
	assert_int_equal(wire_decode(&m, b.data, b.len), -1);
	buf_clear(&b);
	/* A name of a type or an id that is too long. */
	buf_puts(&b, "\x93\xd9\x50");
	for (int i = 0; i < 80; i++)
		buf_putc(&b, 'x');
	buf_puts(&b, "\xc0\xa1y");
	assert_int_equal(wire_decode(&m, b.data, b.len), -1);
	buf_release(&b);
}

/* Packs one value with the packer and reads it as a double and a count. */
static void test_numbers(void **state)
{
	const msgpack_object yes = { .type = MSGPACK_OBJECT_BOOLEAN,
		.via.boolean = true };
	msgpack_object minus = { .type = MSGPACK_OBJECT_NEGATIVE_INTEGER,
		.via.i64 = -1 };
	msgpack_object f = { .type = MSGPACK_OBJECT_FLOAT64 };
	msgpack_object big = { .type = MSGPACK_OBJECT_POSITIVE_INTEGER,
		.via.u64 = WIRE_MAX_COUNT + 1 };
	uint64_t n = 5;
	int64_t i = 5;
	double d = 5;

	(void)state;
	assert_int_equal(wire_object_uint(&yes, 10, &n), -1);
	assert_int_equal(wire_object_double(&yes, 0, 10, &d), -1);
	assert_int_equal(wire_object_uint(&minus, 10, &n), -1);
	assert_int_equal(wire_object_double(&minus, 0, 10, &d), -1);
	assert_int_equal(wire_object_uint(&big, WIRE_MAX_COUNT, &n), -1);
	assert_int_equal(wire_object_int(&big, &i), -1);
	f.via.f64 = NAN;
	assert_int_equal(wire_object_double(&f, 0, 10, &d), -1);
	f.via.f64 = INFINITY;
	assert_int_equal(wire_object_double(&f, 0, INFINITY, &d), -1);
	f.via.f64 = 3;
	assert_int_equal(wire_object_uint(&f, 10, &n), -1);
	minus.via.i64 = INT64_MIN;
	assert_int_equal(wire_object_int(&minus, &i), -1);
	assert_int_equal(n, 5);
	assert_int_equal(i, 5);
	assert_true(d == 5);
	assert_int_equal(wire_object_double(&f, 0, 10, &d), 0);
	assert_true(d == 3);
}

/* A message whose second element is the given bytes. */
static void decode_data(struct wire_message *m, const char *data, size_t len)
{
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);

	buf_puts(&b, "\x93\xa1x");
	buf_add(&b, data, len);
	buf_puts(&b, "\xa1y");
	decode(m, &b);
}

static void test_refused_data(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} counts[] = {
		FRAME("\x90"), FRAME("\x81\xa1" "A\xff"),
		FRAME("\x81\xa1" "A\xc3"), FRAME("\x81\x01\x01"),
		FRAME("\x82\xa1" "A\x01\xa1" "B\xcb\0\0\0\0\0\0\0\0"),
		FRAME("\x81\xa1" "A\xce\xff\xff\xff\xff"),
	};
	struct wire_heartbeat hb;
	struct wire_spawn spawn;
	struct wire_message m;

	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		decode_data(&m, counts[i].data, counts[i].len);
		if (wire_read_counts(&m.data, NULL, NULL) != -1)
			fail_msg("counts %zu were taken", i);
		wire_message_release(&m);
	}
	decode_data(&m, "\xc0", 1);
	assert_int_equal(wire_read_counts(&m.data, NULL, NULL), 0);
	assert_int_equal(wire_read_heartbeat(&m.data, &hb), -1);
	assert_int_equal(wire_read_spawn(&m.data, &spawn), -1);
	wire_message_release(&m);
	/* A state that is not known is "ready". */
	decode_data(&m, "\x81\xa5state\xa3odd", 11);
	assert_int_equal(wire_read_heartbeat(&m.data, &hb), 0);
	assert_string_equal(hb.state, "ready");
	wire_message_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_bytes),
		cmocka_unit_test(test_client_ready),
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_spawn),
		cmocka_unit_test(test_logs),
		cmocka_unit_test(test_run_messages),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_cleaning),
		cmocka_unit_test(test_refused_frames),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_refused_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
