/*
 * Comparing made-up runs of a queue whose truth is known: alike ones are
 * rarely called different, different ones mostly are, and short ones are
 * called undecided rather than equal.
 */
#include "report/compare.h"

#include "base/rng.h"
#include "base/xalloc.h"
#include "report/json.h"
#include "report/report_main.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RHO 0.6

static double normal(struct rng *rng)
{
	return sqrt(-2 * log(1 - rng_uniform(rng))) *
	    cos(2 * M_PI * rng_uniform(rng));
}

static double exponential(struct rng *rng, double mean)
{
	return -log(1 - rng_uniform(rng)) * mean;
}

static void add_series(struct result *r, const char *name,
    const struct result_series *total)
{
	struct result_series *s;

	r->series = xreallocarray(r->series, r->series_count + 1,
	    sizeof(*r->series));
	s = &r->series[r->series_count++];
	*s = (struct result_series){ .type = xstrdup("GET"),
		.name = xstrdup(name), .requests = total->requests,
		.effective = total->effective };
	histogram_init(&s->service);
	histogram_init(&s->response);
	histogram_merge(&s->service, &total->response);
	histogram_merge(&s->response, &total->response);
}

/* `seconds` of M/M/1 at 1000 services a second, times `scale`. */
static void simulate(struct result *r, int seconds, double scale,
    uint64_t seed)
{
	double clock = 0, free_at = 0;
	struct histogram before;
	struct batches batches;
	struct rng rng;

	memset(r, 0, sizeof(*r));
	rng_seed(&rng, seed, 3);
	histogram_init(&before);
	batches_init(&batches);
	histogram_init(&r->total.service);
	histogram_init(&r->total.response);
	r->total.type = xstrdup("");
	r->total.name = xstrdup("Aggregated");
	r->version = xstrdup("test");
	r->command = xstrdup("");
	r->sentence = xstrdup("");
	r->points = xcalloc((size_t)seconds, sizeof(*r->points));
	for (int t = 1; t <= seconds; t++) {
		struct result_point *p = &r->points[r->point_count++];

		while (clock < t * 1000) {
			int64_t ns;

			clock += exponential(&rng, 1 / RHO);
			if (free_at < clock)
				free_at = clock;
			free_at += exponential(&rng, 1);
			ns = (int64_t)((free_at - clock) * 1e6 * scale);
			histogram_record(&r->total.response, ns);
			batches_add(&batches, ns);
			p->requests++;
		}
		p->end = t;
		p->users = 10;
		p->length = 1;
		sparse_advance(&p->response, &r->total.response, &before);
		r->total.requests += p->requests;
	}
	histogram_merge(&r->total.service, &r->total.response);
	r->duration = seconds;
	r->total.rps = (double)r->total.requests / seconds;
	r->total.effective = confidence_effective(&r->total.response,
	    batches_time(&batches, pow(histogram_stddev(&r->total.response),
	    2)));
	histogram_release(&before);
}

static const struct compare_options options = { 0.05, 0.001, 1, 200 };

static const struct compare_metric *metric(const struct comparison *c,
    const char *name)
{
	for (size_t i = 0; i < c->metric_count; i++) {
		if (strcmp(c->metrics[i].name, name) == 0)
			return &c->metrics[i];
	}
	fail_msg("no metric %s", name);
	return NULL;
}

static void compare(struct comparison *c, const struct result *a,
    const struct result *b, double limit)
{
	struct compare_options o = options;
	struct compare_side x = { a, 1 }, y = { b, 1 };

	o.limit = limit;
	compare_init(c, &x, &y, &o);
}

/* How often p95 of a second run, `scale` times as slow, is called worse, and
 * better. */
static void trials(int count, double scale, double limit, int *worse,
    int *better)
{
	*worse = 0;
	*better = 0;
	for (int i = 0; i < count; i++) {
		struct comparison c;
		struct result a, b;

		simulate(&a, 60, 1, (uint64_t)(2 * i));
		simulate(&b, 60, scale, (uint64_t)(2 * i + 1));
		compare(&c, &a, &b, limit);
		*worse += metric(&c, "p95")->verdict == COMPARE_WORSE;
		*better += metric(&c, "p95")->verdict == COMPARE_BETTER;
		compare_release(&c);
		result_release(&a);
		result_release(&b);
	}
}

static void test_alike(void **state)
{
	int worse, better;

	(void)state;
	trials(25, 1, 0.05, &worse, &better);
	printf("alike, limit 5 %%: %d worse, %d better of 25\n", worse,
	    better);
	assert_true(worse + better <= 1);
	/* Without a limit one in twenty is the nominal alarm. */
	trials(25, 1, 0, &worse, &better);
	printf("alike, no limit: %d worse, %d better of 25\n", worse,
	    better);
	assert_true(worse + better <= 5);
}

static void test_different(void **state)
{
	int worse, better;

	(void)state;
	trials(20, 1.2, 0.05, &worse, &better);
	printf("20 %% slower, limit 5 %%: %d worse of 20\n", worse);
	assert_true(worse >= 16);
	assert_int_equal(better, 0);
	trials(20, 1 / 1.2, 0.05, &worse, &better);
	assert_true(better >= 16);
	assert_int_equal(worse, 0);
}

/*
 * What a service looks like: 500 requests a second, log-normal, and seconds
 * that differ by 3 %, each a little like the one before.
 */
static void serve(struct result *r, double scale, uint64_t seed)
{
	struct histogram before;
	struct rng rng;
	double level = 0;

	memset(r, 0, sizeof(*r));
	rng_seed(&rng, seed, 77);
	histogram_init(&before);
	histogram_init(&r->total.service);
	histogram_init(&r->total.response);
	r->total.type = xstrdup("");
	r->total.name = xstrdup("Aggregated");
	r->version = xstrdup("test");
	r->command = xstrdup("");
	r->sentence = xstrdup("");
	r->points = xcalloc(60, sizeof(*r->points));
	for (int t = 1; t <= 60; t++) {
		struct result_point *p = &r->points[r->point_count++];

		level = 0.3 * level + 0.03 * normal(&rng);
		for (int i = 0; i < 500; i++)
			histogram_record(&r->total.response, (int64_t)(20e6 *
			    scale * exp(level + 0.6 * normal(&rng))));
		*p = (struct result_point){ .end = t, .users = 10,
			.length = 1, .requests = 500 };
		sparse_advance(&p->response, &r->total.response, &before);
		r->total.requests += 500;
	}
	histogram_merge(&r->total.service, &r->total.response);
	r->duration = 60;
	r->total.rps = 500;
	r->total.effective = 10000;
	histogram_release(&before);
}

struct power {
	int p50, p95, mean;             /* called worse */
	int alarms;                     /* of these three, either way */
};

static struct power power_of(int count, double scale, double limit)
{
	static const char *const names[] = { "p50", "p95", "mean" };
	struct power power = { 0, 0, 0, 0 };
	int *worse[] = { &power.p50, &power.p95, &power.mean };

	for (int i = 0; i < count; i++) {
		struct comparison c;
		struct result a, b;

		serve(&a, 1, (uint64_t)(2 * i));
		serve(&b, scale, (uint64_t)(2 * i + 1));
		compare(&c, &a, &b, limit);
		for (int k = 0; k < 3; k++) {
			enum compare_verdict v = metric(&c, names[k])->verdict;

			*worse[k] += v == COMPARE_WORSE;
			power.alarms += v == COMPARE_WORSE ||
			    v == COMPARE_BETTER;
		}
		compare_release(&c);
		result_release(&a);
		result_release(&b);
	}
	return power;
}

/* 60 seconds a side: the same again alarms in at most 5 of 100, five per cent
 * more are found in 80 of 100. */
static void test_false_alarms_and_power(void **state)
{
	const char *asked = getenv("SWARM_TEST_PAIRS");
	int pairs = asked ? (int)strtol(asked, NULL, 10) : 40;
	struct power same = power_of(pairs, 1, 0);
	struct power slower = power_of(pairs, 1.05, 0);

	(void)state;
	printf("the same: %d alarms of %d; 5 %% slower: p50 %d, p95 %d, mean "
	    "%d of %d\n", same.alarms, 3 * pairs, slower.p50, slower.p95,
	    slower.mean, pairs);
	assert_true(same.alarms <= 3 * pairs * 5 / 100);
	assert_true(slower.p50 >= pairs * 80 / 100);
	assert_true(slower.p95 >= pairs * 80 / 100);
	assert_true(slower.mean >= pairs * 80 / 100);
}

static void test_short_runs_are_undecided(void **state)
{
	struct comparison c;
	struct result a, b;

	(void)state;
	simulate(&a, 10, 1, 1);
	simulate(&b, 10, 1.02, 2);
	compare(&c, &a, &b, 0.02);
	assert_int_equal(metric(&c, "p99")->verdict, COMPARE_UNDECIDED);
	assert_true(metric(&c, "p99")->needed_s > 10);
	assert_false(compare_is_worse(&c));
	compare_release(&c);
	result_release(&a);
	result_release(&b);
	simulate(&a, 3, 1, 1);
	simulate(&b, 3, 1, 2);
	compare(&c, &a, &b, 0.05);
	assert_false(metric(&c, "p50")->known);
	compare_release(&c);
	result_release(&a);
	result_release(&b);
}

static void test_failures(void **state)
{
	struct comparison c;
	struct result a, b;

	(void)state;
	simulate(&a, 20, 1, 1);
	simulate(&b, 20, 1, 2);
	b.total.failures = b.total.requests / 20;
	compare(&c, &a, &b, 0.05);
	assert_int_equal(metric(&c, "failed")->verdict, COMPARE_WORSE);
	compare_release(&c);
	a.total.failures = a.total.requests / 20;
	compare(&c, &a, &b, 0.05);
	assert_int_equal(metric(&c, "failed")->verdict, COMPARE_EQUAL);
	compare_release(&c);
	b.total.failures = 0;
	compare(&c, &a, &b, 0.05);
	assert_int_equal(metric(&c, "failed")->verdict, COMPARE_BETTER);
	compare_release(&c);
	result_release(&a);
	result_release(&b);
}

/* Twenty endpoints alike and one slower: only that one. */
static void test_endpoints(void **state)
{
	struct comparison c;
	struct result a, b, part;
	char name[32];

	(void)state;
	simulate(&a, 20, 1, 100);
	simulate(&b, 20, 1, 101);
	for (int i = 0; i < 21; i++) {
		snprintf(name, sizeof(name), "/%d", i);
		simulate(&part, 20, 1, (uint64_t)(200 + i));
		add_series(&a, name, &part.total);
		result_release(&part);
		simulate(&part, 20, i == 7 ? 1.8 : 1, (uint64_t)(300 + i));
		add_series(&b, name, &part.total);
		result_release(&part);
	}
	add_series(&a, "/gone", &a.total);
	compare(&c, &a, &b, 0.05);
	assert_int_equal(c.endpoints_compared, 21);
	assert_int_equal(c.endpoint_count, 1);
	assert_string_equal(c.endpoints[0].name, "/7");
	assert_int_equal(c.endpoints[0].verdict, COMPARE_WORSE);
	assert_int_equal(c.endpoints_gone, 1);
	assert_int_equal(c.endpoints_new, 0);
	assert_true(compare_is_worse(&c));
	compare_release(&c);
	result_release(&a);
	result_release(&b);
}

/* Runs that differ among themselves: a difference of the same size does not
 * count. */
static void test_many_runs(void **state)
{
	static const double scales[] = { 1, 1.3, 0.8, 1.2 };
	struct compare_side x, y;
	struct result runs[8];
	struct comparison c;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		simulate(&runs[i], 20, scales[i], i);
		simulate(&runs[4 + i], 20, 1.1 * scales[3 - i], 10 + i);
	}
	x = (struct compare_side){ runs, 4 };
	y = (struct compare_side){ runs + 4, 4 };
	compare_init(&c, &x, &y, &options);
	assert_int_equal(metric(&c, "p95")->verdict, COMPARE_UNDECIDED);
	compare_release(&c);
	/* Alike among themselves, it does. */
	for (size_t i = 0; i < 8; i++) {
		result_release(&runs[i]);
		simulate(&runs[i], 60, i < 4 ? 1 : 1.3, 20 + i);
	}
	compare_init(&c, &x, &y, &options);
	assert_int_equal(metric(&c, "p95")->verdict, COMPARE_WORSE);
	compare_release(&c);
	for (size_t i = 0; i < 8; i++)
		result_release(&runs[i]);
}

/* A ramp, and users that leave, are not compared. */
static void test_steady(void **state)
{
	struct interval interval;
	struct result r;
	size_t first;

	(void)state;
	simulate(&r, 30, 1, 1);
	assert_int_equal(result_steady(&r, &first), 29);
	for (size_t i = 0; i < 5; i++)
		r.points[i].users = (int64_t)i;
	r.points[0].requests = 0;
	r.points[28].users = 9;
	r.points[29].length = 0.1;
	assert_int_equal(result_steady(&r, &first), 22);
	assert_int_equal(first, 6);
	assert_true(fabs(result_rate(&r, &interval) - 1000 * RHO) < 30);
	assert_true(interval.lo > 0.9 * 1000 * RHO);
	/* Load that changes all the time is taken as a whole. */
	for (size_t i = 0; i < 30; i++)
		r.points[i].users = (int64_t)(i % 15);
	assert_int_equal(result_steady(&r, &first), 30);
	assert_int_equal(first, 0);
	result_release(&r);
}

static void test_slower(void **state)
{
	struct comparison c;
	struct result a, b;

	(void)state;
	simulate(&a, 20, 1, 1);
	simulate(&b, 20, 1, 2);
	compare(&c, &a, &b, 0.05);
	assert_true(fabs(c.slower - 0.5) < 0.05);
	compare_release(&c);
	result_release(&b);
	simulate(&b, 20, 2, 2);
	compare(&c, &a, &b, 0.05);
	/* Two exponentials, one twice as long: two of three. */
	assert_true(fabs(c.slower - 2.0 / 3) < 0.05);
	compare_release(&c);
	result_release(&a);
	result_release(&b);
}

static int quietly(int (*fn)(int, char **), int argc, char **argv)
{
	int saved = dup(1), null = open("/dev/null", O_WRONLY), rc;

	fflush(stdout);
	dup2(null, 1);
	rc = fn(argc, argv);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	close(null);
	return rc;
}

static void save(const struct result *r, const char *path)
{
	struct buf out = BUF_INIT(JSON_MAX);
	FILE *file = fopen(path, "w");

	assert_int_equal(json_write(&out, r), 0);
	assert_int_equal(fwrite(out.data, 1, out.len, file), out.len);
	fclose(file);
	buf_release(&out);
}

/* The commands, with files. */
static void test_commands(void **state)
{
	char dir[] = "/tmp/swarm-compare-XXXXXX";
	char *a, *b, *html;
	struct result r;

	(void)state;
	assert_non_null(mkdtemp(dir));
	a = xasprintf("%s/a.json", dir);
	b = xasprintf("%s/b.json", dir);
	html = xasprintf("%s/b.html", dir);
	simulate(&r, 60, 1, 1);
	save(&r, a);
	result_release(&r);
	simulate(&r, 60, 1.5, 2);
	save(&r, b);
	result_release(&r);
	{
		char *same[] = { (char *)"compare", a, a, NULL };
		char *worse[] = { (char *)"compare", a, b, NULL };
		char *better[] = { (char *)"compare", (char *)"--json", b, a,
			NULL };
		char *wide[] = { (char *)"compare", (char *)"--limit",
			(char *)"100%", a, b, NULL };
		char *bad[] = { (char *)"compare", (char *)"--limit",
			(char *)"much", a, b, NULL };
		char *one[] = { (char *)"compare", a, NULL };
		char *gone[] = { (char *)"compare", a, dir, NULL };
		char *make[] = { (char *)"report", (char *)"--html", html, b,
			NULL };
		char *from_html[] = { (char *)"compare", a, html, NULL };
		char *show[] = { (char *)"report", html, NULL };
		char *nothing[] = { (char *)"report", NULL };

		assert_int_equal(quietly(compare_main, 3, same), 0);
		assert_int_equal(quietly(compare_main, 3, worse), 98);
		assert_int_equal(quietly(compare_main, 4, better), 0);
		assert_int_equal(quietly(compare_main, 5, wide), 0);
		assert_int_equal(quietly(compare_main, 5, bad), 2);
		assert_int_equal(quietly(compare_main, 2, one), 2);
		assert_int_equal(quietly(compare_main, 3, gone), 2);
		assert_int_equal(quietly(report_main, 4, make), 0);
		assert_int_equal(quietly(compare_main, 3, from_html), 98);
		assert_int_equal(quietly(report_main, 2, show), 0);
		assert_int_equal(quietly(report_main, 1, nothing), 2);
	}
	unlink(a);
	unlink(b);
	unlink(html);
	rmdir(dir);
	free(a);
	free(b);
	free(html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_different),
		cmocka_unit_test(test_false_alarms_and_power),
		cmocka_unit_test(test_short_runs_are_undecided),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_many_runs),
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_slower),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
