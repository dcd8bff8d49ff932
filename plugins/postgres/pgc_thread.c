/*
 * One way to start them, so that none takes a signal away from the loop.
 */
#include "pgc_thread.h"

#include <pthread.h>
#include <signal.h>

#define STACK_SIZE (256 * 1024)

int pgc_thread_start(void *(*fn)(void *), void *arg)
{
	/* A fault would end the process without a word when blocked. */
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP,
		SIGSYS };
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	size_t i;
	int rc;

	sigfillset(&all);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&all, faults[i]);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return rc;
}
