/*
 * p pauses and resumes; w, W, s and S change the number of users as in Locust.
 * Lines are not waited for and not echoed; signals from keys stay.
 */
#include "cli/console.h"

#include <termios.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "cli/front.h"
#include "fiber/loop.h"
#include "run/run.h"

static struct {
	struct event *event;
	struct termios before;
} console;

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
	ssize_t n = read(fd, keys, sizeof keys);

	(void)events;
	(void)arg;
	if (n <= 0) {
		console_stop();
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		press(keys[i]);
}

void console_start(void)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
	    tcgetattr(STDIN_FILENO, &console.before) == -1)
		return;
	raw = console.before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) == -1)
		return;
	console.event = event_new(loop_base(), STDIN_FILENO,
	    EV_READ | EV_PERSIST, on_input, NULL);
	event_add(console.event, NULL);
}

void console_stop(void)
{
	if (console.event == NULL)
		return;
	event_free(console.event);
	console.event = NULL;
	tcsetattr(STDIN_FILENO, TCSANOW, &console.before);
}
