/* Prometheus' text format, well meant and hostile, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "watch/agent.h"
#include "watch/pick.h"

struct seen {
	size_t count;
	char name[64];
	char labels[200];
	double value;
	bool counter;
};

static void look(const struct exposition_sample *s, void *arg)
{
	struct seen *seen = arg;

	seen->count++;
	snprintf(seen->name, sizeof seen->name, "%s", s->name);
	seen->labels[0] = '\0';
	for (size_t i = 0; i < s->label_count; i++)
		snprintf(seen->labels + strlen(seen->labels),
		    sizeof seen->labels - strlen(seen->labels), "%s=%s;",
		    s->labels[i].name, s->labels[i].value);
	seen->value = s->value;
	seen->counter = s->counter;
}

static struct exposition_count parse(const char *text, struct seen *seen)
{
	struct exposition_count count;
	char *copy = xstrdup(text);

	*seen = (struct seen){ 0 };
	exposition_parse(copy, &count, look, seen);
	free(copy);
	return count;
}

static void reads_samples(void **state)
{
	struct seen seen;

	(void)state;
	parse("# HELP a b\n# TYPE a counter\na 12.5 1700000000000\r\n", &seen);
	assert_string_equal(seen.name, "a");
	assert_true(seen.value > 12.4 && seen.value < 12.6 && seen.counter);
	parse("# TYPE a counter\na_total{x=\"1\"} +1.5e+02", &seen);
	assert_true(seen.counter && seen.value > 149 && seen.value < 151);
	parse("# TYPE a counter\nab 1\n", &seen);
	assert_false(seen.counter);
	parse("a{x=\"q\\\"\\\\n\\n\" , y = \"}\",} 3\n", &seen);
	assert_string_equal(seen.labels, "x=q\"\\n\n;y=};");
	parse("a{} 4\n", &seen);
	assert_int_equal(seen.count, 1);
}

static void leaves_out_what_is_none(void **state)
{
	static const char *const bad[] = { "a", "a ", "1a 2", "a{ 1",
		"a{x} 1", "a{x=1} 1", "a{x=\"1} 1", "a{x=\"\\", "a{x=\"1\"",
		"a{x=\"1\"y=\"2\"} 3", "a 0x10", "a 1e999", "a b", "{} 1",
		"<html>", "a{x=\"1\"} ", "a\x01 1" };
	struct exposition_count count;
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		count = parse(bad[i], &seen);
		if (count.bad != 1 || seen.count != 0)
			fail_msg("taken: %s", bad[i]);
	}
	count = parse("a NaN\na +Inf\na -Inf\n", &seen);
	assert_int_equal(count.samples, 3);
	assert_int_equal(seen.count, 0);
}

static double value_of(const struct pick_figures *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->at[i].name, name) == 0)
			return f->at[i].value;
	}
	return -1;
}

static int pick(struct pick *p, const char *text, double now,
    struct pick_figures *out)
{
	char *copy = xstrdup(text);
	int rc = pick_take(p, copy, now, out);

	free(copy);
	return rc;
}

static void counters_become_rates(void **state)
{
	struct pick_wanted wanted[2];
	struct pick_figures f;
	struct pick *p;

	(void)state;
	assert_int_equal(pick_wanted_init(&wanted[0], "q{d=\"a\"}"), 0);
	assert_int_equal(pick_wanted_init(&wanted[1], "x_total"), 0);
	p = pick_new(wanted, 2);
	assert_int_equal(pick(p, "node_cpu_seconds_total{mode=\"idle\"} 10\n"
	    "node_cpu_seconds_total{mode=\"user\"} 5\nq{d=\"a\"} 7\n"
	    "q{d=\"b\"} 9\nx_total 100\nnode_memory_MemTotal_bytes 100\n"
	    "node_memory_MemAvailable_bytes 25\n"
	    "node_network_receive_bytes_total{device=\"lo\"} 1\n"
	    "node_network_receive_bytes_total{device=\"e0\"} 1000\n", 50, &f),
	    0);
	assert_float_equal(value_of(&f, "memory"), 0.75, 1e-9);
	assert_float_equal(value_of(&f, "q{d=\"a\"}"), 7, 1e-9);
	assert_float_equal(value_of(&f, "cpu"), -1, 0);
	assert_float_equal(value_of(&f, "x_total"), -1, 0);
	assert_int_equal(pick(p, "node_cpu_seconds_total{mode=\"idle\"} 11\n"
	    "node_cpu_seconds_total{mode=\"user\"} 8\nx_total 50\n"
	    "node_network_receive_bytes_total{device=\"lo\"} 999\n"
	    "node_network_receive_bytes_total{device=\"e0\"} 5000\n", 52, &f),
	    0);
	assert_float_equal(value_of(&f, "cpu"), 0.75, 1e-9);
	assert_float_equal(value_of(&f, "net.in"), 2000, 1e-9);
	/* It began anew. */
	assert_float_equal(value_of(&f, "x_total"), -1, 0);
	assert_int_equal(pick(p, "<html>\n<body>\n", 53, &f), -1);
	assert_int_equal(pick(p, "", 53, &f), -1);
	pick_free(p);
	for (int i = 0; i < 2; i++)
		pick_wanted_release(&wanted[i]);
	assert_int_equal(pick_wanted_init(&wanted[0], "a b"), -1);
	assert_int_equal(pick_wanted_init(&wanted[0], "a{b"), -1);
}

/* What the agent writes is what is read here. */
static void agent_is_understood(void **state)
{
	struct buf text = BUF_INIT(AGENT_TEXT);
	struct agent_sample sample;
	struct pick_figures f;
	char number[32];
	char *processes[] = { number };
	struct pick *p = pick_new(NULL, 0);

	(void)state;
	snprintf(number, sizeof number, "%d", (int)getpid());
	for (int i = 0; i < 2; i++) {
		buf_clear(&text);
		agent_read(&sample, processes, 1);
		assert_int_equal(agent_text(&text, &sample), 0);
		agent_release(&sample);
		assert_int_equal(pick(p, buf_str(&text), i, &f), 0);
	}
	assert_true(value_of(&f, "memory") > 0);
	assert_true(value_of(&f, "load") >= 0);
	assert_true(value_of(&f, "descriptors") > 0);
	snprintf(number, sizeof number, "%d.memory", (int)getpid());
	assert_true(value_of(&f, number) > 100000);
	pick_free(p);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_samples),
		cmocka_unit_test(leaves_out_what_is_none),
		cmocka_unit_test(counters_become_rates),
		cmocka_unit_test(agent_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
