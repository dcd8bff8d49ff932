/*
 * The last word of a worker on another machine than its master: a process of
 * its own, started by the crash handler (crash.h), reads what that writes,
 * finds the lines of code where the code is, and tells the master.
 */
#ifndef CLUSTER_CRASH_SEND_H
#define CLUSTER_CRASH_SEND_H

/* The first argument of that process; behind it the master's endpoint, the
 * worker's id and the file of its keys ("" for none). */
#define CRASH_SEND_OPTION "--crashed-worker"

/* All of the process: reads standard input; its exit code. */
int crash_send(const char *endpoint, const char *worker, const char *keys);
/* From now on a crash of this worker is told so. */
void crash_send_prepare(const char *endpoint, const char *worker,
    const char *keys);

#endif
