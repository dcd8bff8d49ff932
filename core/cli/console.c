/*
 * p pauses and resumes; w, W, s and S change the number of users as in Locust.
 * Lines are not waited for and not echoed; signals from keys stay.
 *
 * In the background the terminal is another program's: reading from it, or
 * setting it, would stop this one (SIGTTIN, SIGTTOU), and the run with it.  So
 * keys are let alone from there on until the program is continued in front.
 */
#include "cli/console.h"

#include <signal.h>
#include <stdbool.h>
#include <termios.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "cli/front.h"
#include "fiber/loop.h"
#include "run/run.h"

static struct {
	struct event *event;            /* NULL: keys are not listened to */
	struct event *cont;             /* SIGCONT */
	struct termios before;
	bool raw;                       /* the terminal is set to our needs */
} console;

static bool in_front(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void toggle_pause(void)
{
	struct run_status status;
	const char *why;

	run_status(&status);
	if (front_pause(!status.paused, &why) == -1)
		log_info("%s", why);
}

static void add_users(int64_t n)
{
	struct run_status status;
	const char *why;

	run_status(&status);
	if (status.state != RUN_SPAWNING && status.state != RUN_RUNNING)
		return;
	n += status.users_target;
	if (run_set_load(NULL, n > 0 ? n : 0, status.spawn_rate, &why) == -1)
		log_info("%s", why);
	else
		front_event("users: %lld", (long long)(n > 0 ? n : 0));
}

static void press(char key)
{
	switch (key) {
	case 'p':
		toggle_pause();
		break;
	case 'w':
		add_users(1);
		break;
	case 'W':
		add_users(10);
		break;
	case 's':
		add_users(-1);
		break;
	case 'S':
		add_users(-10);
		break;
	case '?':
	case 'h':
		log_info("keys: p pauses and resumes; w, W: 1, 10 users more; "
		    "s, S: 1, 10 fewer");
		break;
	default:
		break;
	}
}

static void on_input(evutil_socket_t fd, short events, void *arg)
{
	char keys[64];
	ssize_t n;

	(void)events;
	(void)arg;
	if (!in_front()) {
		event_del(console.event);
		return;
	}
	n = read(fd, keys, sizeof keys);
	if (n <= 0) {
		console_stop();
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		press(keys[i]);
}

static bool set_raw(void)
{
	struct termios raw = console.before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	console.raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	return console.raw;
}

/* fg, or bg: the shell has set the terminal to its own needs meanwhile. */
static void on_continue(evutil_socket_t number, short events, void *arg)
{
	(void)number;
	(void)events;
	(void)arg;
	if (in_front() && set_raw())
		event_add(console.event, NULL);
}

void console_start(void)
{
	if (!isatty(STDIN_FILENO) || !in_front() ||
	    tcgetattr(STDIN_FILENO, &console.before) == -1 || !set_raw())
		return;
	console.event = event_new(loop_base(), STDIN_FILENO,
	    EV_READ | EV_PERSIST, on_input, NULL);
	console.cont = evsignal_new(loop_base(), SIGCONT, on_continue, NULL);
	event_add(console.event, NULL);
	event_add(console.cont, NULL);
}

void console_stop(void)
{
	if (console.event == NULL)
		return;
	event_free(console.event);
	event_free(console.cont);
	console.event = NULL;
	console.cont = NULL;
	if (console.raw && in_front())
		tcsetattr(STDIN_FILENO, TCSANOW, &console.before);
}
