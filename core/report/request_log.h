/*
 * --request-log: every request of this worker into a file of its own.
 *
 * request_log_add() copies a record into a buffer and returns; a thread
 * writes.  When the disk can't keep up and all buffers are full, records are
 * dropped and counted: a worker never waits.  One log in a process; all on the
 * loop's thread.
 */
#ifndef REPORT_REQUEST_LOG_H
#define REPORT_REQUEST_LOG_H

#include <stddef.h>
#include <stdint.h>

struct series;

/* What became of the records since the last call. */
struct request_log_account {
	uint64_t written;
	uint64_t dropped;               /* full buffers, or a full disk */
};

/* "requests.csv" of worker 3 is "requests.3.csv"; other names get ".3.bin".
 * The caller frees. */
char *request_log_path(const char *path, unsigned worker);
/* Opens the worker's file.  CSV when the name ends so, else binary.  0, or -1
 * after log_error(). */
int request_log_open(const char *path, unsigned worker);
/* `end` in clock_now() ns; `error` NULL when it passed.  Nothing when no log
 * is open. */
void request_log_add(const struct series *, int64_t end, int64_t service_ns,
    int64_t lag_ns, size_t bytes, uint32_t user, const char *error);
/* Now and again: hands over what is there, without waiting. */
void request_log_flush(struct request_log_account *);
/* Writes everything out and closes.  Waits for the disk. */
void request_log_close(struct request_log_account *);

#endif
