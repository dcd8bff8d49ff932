/*
 * What fibers cost: a pair of switches, a fiber from the pool, and the memory
 * of parked ones.  One JSON line for each figure.
 *
 *     bench_fiber [PARKED...]         default: 10000 100000
 */
#include "base/clock.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "fiber/fiber_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 3000000
#define REPEATS 5

static void report(const char *name, double value, const char *unit)
{
	printf("{\"name\": \"%s\", \"value\": %.2f, \"unit\": \"%s\"}\n", name,
	    value, unit);
	fflush(stdout);
}

/* The least of a few repeats: the machine is shared. */
static double best_ns(void (*run)(void))
{
	double best = 0;

	for (int i = 0; i < REPEATS; i++) {
		int64_t start = clock_now();
		double ns;

		run();
		ns = (double)(clock_now() - start) / ROUNDS;
		if (i == 0 || ns < best)
			best = ns;
	}
	return best;
}

static void bounce(struct context_from from)
{
	for (;;)
		from = context_jump(from.context, NULL);
}

static void run_context(void)
{
	static _Alignas(64) char stack[32768];
	struct context_from from = {
		context_make(stack + sizeof(stack), sizeof(stack), bounce),
		NULL };

	for (int i = 0; i < ROUNDS; i++)
		from = context_jump(from.context, NULL);
}

static void wait_often(void *arg)
{
	bool *stop = arg;

	while (!*stop)
		fiber_wait(INT64_MAX);
}

static void run_pair(void)
{
	bool stop = false;
	struct fiber *f = fiber_start(NULL, wait_often, &stop, NULL);

	/* As the queue does, without the queue. */
	for (int i = 0; i < ROUNDS; i++) {
		f->error = 0;
		f->item.run(&f->item);
	}
	stop = true;
	f->item.run(&f->item);
}

static void run_loop(void)
{
	bool stop = false;
	struct fiber *f[64];

	for (int i = 0; i < 64; i++)
		f[i] = fiber_start(NULL, wait_often, &stop, NULL);
	for (int n = 0; n < ROUNDS; n += 64) {
		for (int i = 0; i < 64; i++)
			fiber_ready(f[i]);
		loop_once(false);
	}
	stop = true;
	for (int i = 0; i < 64; i++)
		fiber_ready(f[i]);
	loop_once(false);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void run_create(void)
{
	for (int i = 0; i < ROUNDS; i++)
		fiber_start(NULL, nothing, NULL, nothing);
}

/* A line of /proc/self/status, in KiB. */
static double status_kib(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	size_t n = strlen(name);
	char line[256];
	double kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, n) == 0)
			kib = (double)strtoul(line + n, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static size_t mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	size_t n = 0;
	int c;

	while (f && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static void park_all(size_t n)
{
	struct fiber **f = xcalloc(n, sizeof(*f));
	double before = status_kib("VmRSS:") + status_kib("VmPTE:");
	int64_t start = clock_now();
	struct fiber_stats s;
	bool stop = false;
	char name[64];
	double after;

	for (size_t i = 0; i < n; i++)
		f[i] = fiber_start(NULL, wait_often, &stop, NULL);
	snprintf(name, sizeof(name), "fiber.first_start_%zu", n);
	report(name, (double)(clock_now() - start) / (double)n, "ns");
	after = status_kib("VmRSS:") + status_kib("VmPTE:");
	snprintf(name, sizeof(name), "fiber.parked_%zu", n);
	report(name, (after - before) * 1024 / (double)n, "bytes");
	snprintf(name, sizeof(name), "fiber.mappings_%zu", n);
	report(name, (double)mappings(), "mappings");

	start = clock_now();
	for (size_t i = 0; i < n; i++)
		fiber_ready(f[i]);
	while (!loop_idle())
		loop_once(false);
	snprintf(name, sizeof(name), "fiber.wake_%zu", n);
	report(name, (double)(clock_now() - start) / (double)n, "ns");
	stop = true;
	for (size_t i = 0; i < n; i++)
		fiber_ready(f[i]);
	while (!loop_idle())
		loop_once(false);
	fiber_stats(&s);
	if (s.alive)
		abort();
	free(f);
}

static void bench_parked(size_t n)
{
	if (fiber_init(&(struct fiber_options){ 0 }) == -1)
		exit(1);
	park_all(n);
	fiber_release();
}

int main(int argc, char **argv)
{
	struct fiber_stats s;

	if (loop_init() == -1 ||
	    fiber_init(&(struct fiber_options){ 0 }) == -1)
		return 1;
	report("fiber.context_pair", best_ns(run_context), "ns");
	report("fiber.switch_pair", best_ns(run_pair), "ns");
	report("fiber.switch_pair_queued", best_ns(run_loop), "ns");
	report("fiber.create_pooled", best_ns(run_create), "ns");
	fiber_stats(&s);
	fprintf(stderr, "guard: %s\n", s.guard);
	fiber_release();
	if (argc == 1) {
		bench_parked(10000);
		bench_parked(100000);
	}
	for (int i = 1; i < argc; i++) {
		int64_t n;

		if (parse_int64(argv[i], 1, 4000000, &n) == -1)
			return 2;
		bench_parked((size_t)n);
	}
	loop_release();
	return 0;
}
