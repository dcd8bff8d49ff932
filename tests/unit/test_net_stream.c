/*
 * Streams over real loopback sockets: what is sent arrives, and every way to
 * end.
 */
#include "net_pair.h"

#include "base/clock.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/uio.h>

#define BIG ((size_t)3 * 1024 * 1024)

static void test_there_and_back(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_hello, say_hello);
}

static void put_pattern(char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		data[i] = (char)(i * 7 + (i >> 12));
}

static void serve_echo(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);
	char buf[4096];
	int64_t n;

	while ((n = swarm_read(s, buf, sizeof buf, swarm_in(30))) > 0)
		assert_int_equal(swarm_write(s, buf, (size_t)n, swarm_in(30)),
		    0);
	assert_int_equal(n, 0);
	assert_int_equal(swarm_shutdown(s), 0);
	swarm_close(s);
}

/* Writes while another fiber reads, more than any socket buffer holds. */
static void write_big(void *arg)
{
	struct pair *p = arg;
	char *data = malloc(BIG);
	struct iovec pieces[3];

	put_pattern(data, BIG);
	pieces[0] = (struct iovec){ data, 100 };
	pieces[1] = (struct iovec){ data + 100, 0 };
	pieces[2] = (struct iovec){ data + 100, BIG - 100 };
	assert_int_equal(swarm_writev(p->stream, pieces, 3, swarm_in(30)), 0);
	free(data);
	assert_int_equal(swarm_shutdown(p->stream), 0);
}

static void read_big(void *arg)
{
	struct pair *p = arg;
	char *want = malloc(BIG);
	const char *data;
	size_t at = 0;
	int64_t n;

	put_pattern(want, BIG);
	p->stream = dial(p);
	assert_non_null(p->stream);
	kit_start(write_big, p);
	while ((n = swarm_recv(p->stream, &data, swarm_in(30))) > 0) {
		assert_true(at + (size_t)n <= BIG);
		assert_memory_equal(data, want + at, (size_t)n);
		at += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(at, BIG);
	swarm_close(p->stream);
	free(want);
}

static void test_much_in_both_directions(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_echo, read_big);
}

/* ---- who writes and is answered meanwhile ---- */

#define MUCH (4 * BIG)                  /* more than a socket holds */

/* Answers first, then reads all of it. */
static void serve_early(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);
	const char *data;
	int64_t n;

	assert_int_equal(swarm_write(s, "early", 5, swarm_in(30)), 0);
	while (p->turn == 0)
		swarm_sleep(0.001);
	while (p->got < MUCH && (n = swarm_recv(s, &data, swarm_in(30))) > 0)
		p->got += (unsigned)n;
	swarm_close(s);
}

static void write_heeding(void *arg)
{
	struct pair *p = arg;
	char *data = calloc(1, MUCH);
	struct swarm_stream *s = dial(p);
	struct iovec pieces[2] = { { data, 1 }, { data + 1, MUCH - 1 } };
	size_t sent = 0, got = 0;
	const char *answer;
	int64_t n;

	assert_non_null(s);
	while (sent < MUCH) {
		n = swarm_writev_heed(s, pieces, 2, swarm_in(30));
		assert_true(n >= 0);
		sent += (size_t)n;
		pieces[0].iov_len = 0;
		pieces[1] = (struct iovec){ data + sent, MUCH - sent };
		if (sent == MUCH)
			break;
		assert_true(got == 0 || p->turn == 1);
		n = swarm_try_recv(s, &answer);
		assert_true(n == 5 || (n == -1 && errno == EAGAIN));
		got += n > 0 ? 5 : 0;
		p->turn = got == 5;
	}
	assert_int_equal(got, 5);
	assert_int_equal(swarm_recv(s, &answer, swarm_in(30)), 0);
	assert_int_equal(swarm_writev_heed(s, pieces, 17, swarm_in(30)), -1);
	assert_int_equal(errno, EINVAL);
	swarm_close(s);
	free(data);
}

static void test_answered_while_writing(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_early, write_heeding);
	assert_int_equal(p.got, MUCH);
}

/* ---- ends of all kinds ---- */

static void serve_and_leave(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);

	assert_int_equal(swarm_write(s, "last", 4, swarm_in(30)), 0);
	swarm_close(s);
	p->turn = 1;
}

/* The end arrives together with the last bytes: one edge for both. */
static void read_to_the_end(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const char *data;

	assert_non_null(s);
	while (p->turn == 0)
		assert_int_equal(swarm_sleep(0.001), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 4);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 0);
	swarm_close(s);
}

static void test_end_with_the_last_bytes(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_and_leave, read_to_the_end);
}

static void serve_reset(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);
	struct linger hard = { .l_onoff = 1 };
	char byte;

	assert_int_equal(swarm_read(s, &byte, 1, swarm_in(30)), 1);
	setsockopt(swarm_stream_fd(s), SOL_SOCKET, SO_LINGER, &hard,
	    sizeof hard);
	swarm_close(s);
}

static void meet_reset(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const char *data;

	assert_non_null(s);
	assert_int_equal(swarm_write(s, "x", 1, swarm_in(30)), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(swarm_write(s, "x", 1, swarm_in(30)), -1);
	assert_int_equal(errno, EPIPE);
	swarm_close(s);
}

static void test_reset(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_reset, meet_reset);
}

static void serve_half_closed(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);
	char buf[16];

	assert_int_equal(swarm_read(s, buf, sizeof buf, swarm_in(30)), 3);
	assert_int_equal(swarm_read(s, buf, sizeof buf, swarm_in(30)), 0);
	assert_int_equal(swarm_write(s, "answer", 6, swarm_in(30)), 0);
	swarm_close(s);
}

static void half_close(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const char *data;

	assert_non_null(s);
	assert_int_equal(swarm_write(s, "ask", 3, swarm_in(30)), 0);
	assert_int_equal(swarm_shutdown(s), 0);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 6);
	assert_int_equal(swarm_recv(s, &data, swarm_in(30)), 0);
	swarm_close(s);
}

static void test_half_close(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_half_closed, half_close);
}

static void serve_twice(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *talks = kit_accept(p->listener);
	struct swarm_stream *leaves = kit_accept(p->listener);

	assert_int_equal(swarm_write(talks, "?", 1, swarm_in(30)), 0);
	swarm_close(leaves);
	p->turn = 1;
	while (p->turn == 1)
		swarm_sleep(0.001);
	swarm_close(talks);
}

static void find_stale(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *hears = dial(p);
	struct swarm_stream *loses;

	assert_false(swarm_stream_stale(hears));
	loses = dial(p);
	while (p->turn == 0)
		swarm_sleep(0.001);
	while (!swarm_stream_stale(hears))
		swarm_sleep(0.001);
	while (!swarm_stream_stale(loses))
		swarm_sleep(0.001);
	p->turn = 2;
	swarm_close(hears);
	swarm_close(loses);
}

static void test_stale(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_twice, find_stale);
}

/* ---- deadlines and cancellation ---- */

static void serve_nothing(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = kit_accept(p->listener);

	while (p->turn == 0)
		swarm_sleep(0.001);
	swarm_close(s);
}

/* Nobody answers what nobody reads. */
static void write_in_vain(void *arg)
{
	struct pair *p = arg;
	struct iovec piece = { calloc(1, MUCH), MUCH };
	void *data = piece.iov_base;
	struct swarm_stream *s = dial(p);
	const char *answer;
	int64_t n;

	assert_non_null(s);
	while ((n = swarm_writev_heed(s, &piece, 1, swarm_in(0.05))) >= 0) {
		piece.iov_base = (char *)piece.iov_base + n;
		piece.iov_len -= (size_t)n;
		assert_int_equal(swarm_try_recv(s, &answer), -1);
		assert_int_equal(errno, EAGAIN);
	}
	assert_int_equal(errno, ETIMEDOUT);
	p->turn = 1;
	swarm_close(s);
	free(data);
}

static void test_writing_in_vain(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_nothing, write_in_vain);
}

static void meet_deadlines(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	char *data = calloc(1, BIG);
	const char *none;
	int64_t before = swarm_now(), until = swarm_in(0.02);

	assert_int_equal(swarm_recv(s, &none, until), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(swarm_now() >= until);
	assert_true(swarm_now() - before < 10 * NS_PER_S);
	/* One that has passed lets through what does not wait. */
	assert_int_equal(swarm_write(s, "x", 1, before), 0);
	assert_int_equal(swarm_recv(s, &none, before), -1);
	assert_int_equal(errno, ETIMEDOUT);
	/* Nobody reads: a large write waits too. */
	while (swarm_write(s, data, BIG, swarm_in(0.02)) == 0)
		continue;
	assert_int_equal(errno, ETIMEDOUT);
	free(data);
	p->turn = 1;
	swarm_close(s);
}

static void test_deadlines(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	run_pair(&p, serve_nothing, meet_deadlines);
}

static void wait_for_ever(void *arg)
{
	struct pair *p = arg;
	struct swarm_stream *s = dial(p);
	const char *data;

	p->got = 1;
	assert_int_equal(swarm_recv(s, &data, SWARM_FOREVER), -1);
	assert_int_equal(errno, ECANCELED);
	p->turn = 1;
	swarm_close(s);
}

static void test_cancel(void **state)
{
	struct fiber *f;
	struct pair p;

	(void)state;
	pair_init(&p);
	kit_start(serve_nothing, &p);
	f = kit_start(wait_for_ever, &p);
	while (p.got == 0)
		loop_once(true);
	fiber_cancel(f, true);
	kit_run();
	close(p.listener);
}

/* ---- memory ---- */

static void hold_many(void *arg)
{
	struct swarm_stream *s[100];
	struct pair *p = arg;
	size_t before = mallinfo2().uordblks, i, used;

	for (i = 0; i < 100; i++) {
		s[i] = dial(p);
		assert_non_null(s[i]);
	}
	used = mallinfo2().uordblks - before;
	assert_true(used / 100 < 512);
	for (i = 0; i < 100; i++)
		swarm_close(s[i]);
}

static void test_idle_streams_are_small(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	listen(p.listener, 128);
	run_pair(&p, NULL, hold_many);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_there_and_back),
		T(test_much_in_both_directions),
		T(test_answered_while_writing),
		T(test_writing_in_vain),
		T(test_end_with_the_last_bytes),
		T(test_reset),
		T(test_half_close),
		T(test_stale),
		T(test_deadlines),
		T(test_cancel),
		T(test_idle_streams_are_small),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
