/* What one report costs: 150 series of 100 samples each, packed by a
 * worker, merged by the master, in swarm's form and in Locust's. */
#include "cluster/wire.h"

#include <stdio.h>
#include <time.h>

#include "base/rng.h"

#define SERIES 150
#define SAMPLES 100
#define ROUNDS 200

static double cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static struct stats *fill(void)
{
	struct stats *stats = stats_new(1000, 100);
	struct rng rng;
	char name[32];

	rng_seed(&rng, 1, 1);
	for (int s = 0; s < SERIES; s++) {
		struct series *series;

		snprintf(name, sizeof name, "/path/to/%d", s);
		series = stats_series(stats, "GET", name);
		for (int i = 0; i < SAMPLES; i++)
			stats_record(stats, series, i,
			    (int64_t)(1e6 / (rng_uniform(&rng) + 0.02)), 0,
			    100, false);
	}
	return stats;
}

static void print(const char *what, double us, size_t bytes)
{
	printf("{\"bench\":\"wire\",\"case\":\"%s\",\"us\":%.1f,"
	    "\"bytes\":%zu}\n", what, us / ROUNDS, bytes);
}

static void run(const struct stats *delta, const char *pack,
    const char *merge, void (*encode)(struct buf *, const char *,
    const struct stats *, const struct wire_count *, size_t))
{
	struct stats *into = stats_new(1000, 100);
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	struct wire_message m;
	double start = cpu_us();

	for (int i = 0; i < ROUNDS; i++) {
		buf_clear(&b);
		encode(&b, "host_0", delta, NULL, 0);
	}
	print(pack, cpu_us() - start, b.len);
	start = cpu_us();
	for (int i = 0; i < ROUNDS; i++) {
		if (wire_decode(&m, b.data, b.len) == -1 ||
		    wire_report_read(&m.data, into, 0, NULL, NULL) == -1)
			return;
		wire_message_release(&m);
	}
	print(merge, cpu_us() - start, b.len);
	buf_release(&b);
	stats_free(into);
}

static void encode_swarm(struct buf *b, const char *id,
    const struct stats *delta, const struct wire_count *counts, size_t n)
{
	wire_stats_encode(b, id, delta, NULL, counts, n);
}

int main(void)
{
	struct stats *delta = fill();

	run(delta, "pack_swarm", "merge_swarm", encode_swarm);
	run(delta, "pack_locust", "merge_locust", wire_stats_encode_locust);
	stats_free(delta);
	return 0;
}
