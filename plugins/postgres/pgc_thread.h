/*
 * Threads beside the loop, which nobody waits for.
 */
#ifndef PGC_THREAD_H
#define PGC_THREAD_H

/* [any thread] Starts fn(arg), detached, with a small stack and without
 * signals, which are the loop's: 0, or an error number. */
int pgc_thread_start(void *(*fn)(void *), void *arg);

#endif
