/*
 * What --request-log costs the loop: a record into the buffer, with buffers
 * handed over and a thread that writes to a file below /tmp.  One JSON line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "report/request_log.h"
#include "stats/stats.h"

#define RECORDS 4000000u
#define PAUSE   10000u          /* records between two rests of the loop */

int main(void)
{
	char folder[] = "/tmp/swarm-bench-XXXXXX", path[64], file[80];
	struct stats *stats = stats_new(100, 100);
	struct series *series[20];
	struct request_log_account account;
	int64_t spent = 0;

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(file, sizeof(file), "%s/log.0.bin", folder);
	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "/%d", i);
		series[i] = stats_series(stats, "GET", name);
	}
	if (request_log_open(path, 0) == -1)
		return 1;
	for (unsigned i = 0; i < RECORDS; i += PAUSE) {
		int64_t begin = clock_now();

		for (unsigned k = 0; k < PAUSE; k++)
			request_log_add(series[k % 20], begin + k, 1000 + k,
			    0, k, k, NULL);
		spent += clock_now() - begin;
		/* 100 000 a second are a rest of 100 ms; a tenth will do. */
		usleep(2000);
	}
	request_log_close(&account);
	printf("{\"bench\":\"request_log\",\"ns_per_request\":%.1f,"
	    "\"dropped\":%llu}\n", (double)spent / RECORDS,
	    (unsigned long long)account.dropped);
	unlink(file);
	rmdir(folder);
	stats_free(stats);
	return 0;
}
