/*
 * Workers report a crash with its stack, and so do the children of `swarm
 * check`; in the master a module's load() would end the program without a
 * word.  Here it is one line that says whose code it was and what shows the
 * place.  Where a handler is installed already it is left alone.
 */
#include "module/guard.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

#define FATAL (sizeof(fatal) / sizeof(*fatal))

static char text[1024];
static bool ours[FATAL];

/* Resets itself: what has crashed does so again, and ends the process. */
static void say(int number)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

	(void)ignored;
	if (number == SIGABRT)
		raise(number);
}

void guard_begin(const char *file, const char *what)
{
	const struct sigaction action = { .sa_handler = say,
		.sa_flags = (int)SA_RESETHAND };
	struct sigaction now;

	snprintf(text, sizeof(text), "swarm: error: %.400s: %s crashed; "
	    "\"swarm check %.400s\" shows where\n", file, what, file);
	for (size_t i = 0; i < FATAL; i++) {
		ours[i] = sigaction(fatal[i], NULL, &now) == 0 &&
		    !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
		if (ours[i])
			sigaction(fatal[i], &action, NULL);
	}
}

void guard_end(void)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };

	for (size_t i = 0; i < FATAL; i++)
		if (ours[i])
			sigaction(fatal[i], &action, NULL);
	memset(ours, 0, sizeof(ours));
}
