/*
 * What a worker leaves behind when a scenario or a plugin crashes: the
 * signal, the address, who was running, and the stack, written to a pipe that
 * the master reads when the process is gone.
 *
 * The handler runs on a stack of its own, so that it also reports a fiber
 * that has overflowed its stack, and does nothing that is not
 * async-signal-safe before the essentials are out.
 */
#ifndef CLUSTER_CRASH_H
#define CLUSTER_CRASH_H

#include <stdbool.h>
#include <stddef.h>

/* Who runs now. */
struct crash_where {
	const char *module;
	const char *user_class;
	const char *task;
	unsigned user;
};

/*
 * Installs the handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT.
 * `where` must be async-signal-safe; false means nobody is running.  Reports
 * go to the pipe of the master that started this process, else to standard
 * error.  [main thread, early]
 */
void crash_init(bool (*where)(struct crash_where *));

/*
 * A program (this one, with these arguments, which must stay) that the handler
 * starts and writes the report to, instead of standard error; it waits some
 * seconds for its end, because the end of a container's first process is that
 * of all.  NULL: none.
 */
void crash_set_helper(char *const *argv);

/* ---- the master's side ---- */

struct buf;
struct crash_report;

/* What was written to the pipe; NULL when it holds no report. */
struct crash_report *crash_parse(const char *text);
void crash_free(struct crash_report *);
/* "SIGSEGV (stack overflow) in iot.so, task report of class device, user 17";
 * owned by the report. */
const char *crash_summary(const struct crash_report *);
/*
 * Finds functions, files and lines of the frames (addr2line where it is
 * installed, else the names the worker knew) on a thread of its own, and
 * logs them as errors from the loop.  Takes the report.
 */
void crash_log(struct crash_report *, const char *who);
/* The same at once, as lines of text: the summary, then the stack. */
void crash_print(struct crash_report *, struct buf *out);
/* Waits for those threads; before the loop goes. */
void crash_wait(void);

#endif
