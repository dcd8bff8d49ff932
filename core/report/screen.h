/*
 * A few lines at the end of a terminal that are drawn again in place.
 *
 * The cursor rests at the first of them.  Whatever else is written there only
 * has to clear the screen below it first (SCREEN_CLEAR), and a program that
 * dies leaves a terminal that works: nothing is hidden, no mode is changed.
 */
#ifndef REPORT_SCREEN_H
#define REPORT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define SCREEN_CLEAR "\r\033[J"
#define SCREEN_LINES 60

struct screen {
	int fd;
	int width;                      /* when it was drawn */
	unsigned logged;                /* log lines by then */
	char *lines[SCREEN_LINES];      /* as they stand there */
	size_t count;
	unsigned long long written;     /* bytes, ever */
};

void screen_init(struct screen *, int fd);
/* Lines separated by newlines, none wider than the terminal; only those that
 * changed are written.  Not while in the background. */
void screen_draw(struct screen *, const char *text, int width);
/* Takes them away; what follows is written in their place. */
void screen_clear(struct screen *);
void screen_release(struct screen *);

#endif
