/*
 * Reads samples, one a line, and prints the CSV tables that swarm makes of
 * them; locust_numbers.py compares these with Locust's own.
 *
 *	type TAB name TAB milliseconds TAB bytes TAB error (empty: none)
 *
 * usage: locust_numbers START LAST   (unix times of the run)
 */
#include "base/buf.h"
#include "base/clock.h"
#include "report/csv.h"
#include "stats/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_sample(struct stats *stats, char *line)
{
	char *field[5] = { NULL };
	struct series *s;
	bool failed;

	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < 5; i++)
		field[i] = strsep(&line, "\t");
	if (!field[4])
		return;
	s = stats_series(stats, field[0], field[1]);
	failed = field[4][0] != '\0';
	stats_record(stats, s, clock_now(),
	    llround(strtod(field[2], NULL) * 1e6), 0,
	    strtoull(field[3], NULL, 10), failed);
	if (failed)
		stats_error(stats, s, field[4], 1, 0, 0);
}

int main(int argc, char **argv)
{
	struct stats *stats = stats_new(1000, 1000);
	struct buf out = BUF_INIT(CSV_MAX);
	char line[4096];

	if (argc != 3)
		return 2;
	while (fgets(line, sizeof(line), stdin))
		read_sample(stats, line);
	stats->total.start_time = strtod(argv[1], NULL);
	stats->total.last_time = strtod(argv[2], NULL);
	csv_stats(&out, stats);
	csv_failures(&out, stats);
	fwrite(out.data, 1, out.len, stdout);
	buf_release(&out);
	stats_free(stats);
	return 0;
}
