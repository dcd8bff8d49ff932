/*
 * The log of transactions (-l), in pgbench's format: one line for each, or
 * with --aggregate-interval one for each interval.
 */
#ifndef PGB_LOG_H
#define PGB_LOG_H

#include <stdint.h>

struct pgb_log_line {
	int client;
	int script;
	int64_t number;                 /* of the client's transactions, from 1 */
	int64_t latency_ns;             /* with the lag */
	int64_t lag_ns;
	unsigned retries;
	const char *state;              /* NULL: it went well; "skipped"; else
	                                 * the SQLSTATE */
};

/* Opens PREFIX.PID when -l was given: 0, or -1 after swarm_error(). */
int pgb_log_open(void);
void pgb_log_write(const struct pgb_log_line *);
void pgb_log_close(void);

#endif
